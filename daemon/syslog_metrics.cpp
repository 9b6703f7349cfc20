#include "daemon/syslog_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace hecate::daemon {

namespace {

constexpr std::array<const char*, syslog::kHeads> kHeadNames = {"rfc5424", "rfc3164", "none"};
constexpr std::array<const char*, kSyslogDrops> kDropNames = {"kernel", "queue_full", "not_stored",
                                                              "cut_off"};
constexpr std::array<const char*, kSyslogRefusals> kRefusalNames = {"limit", "files", "idle", "memory"};

void add(prometheus::Counter* counter, std::uint64_t count) {
  if (count > 0) counter->Increment(static_cast<double>(count));
}

}  // namespace

SyslogMetrics::SyslogMetrics(prometheus::Registry& registry, const std::string& input, bool datagrams) {
  auto counters = [&](const char* name, const char* help) -> auto& {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  };
  bytes_ =
      &counters("hecate_bytes_received_total", "Bytes read from senders, headers included, before unpacking")
           .Add({{"input", input}});
  auto& frames = counters("hecate_syslog_frames_total",
                          "Messages read, by how they were told apart: datagram, octets (counted), line");
  if (datagrams) {
    datagrams_ = &frames.Add({{"input", input}, {"framing", "datagram"}});
  } else {
    counted_ = &frames.Add({{"input", input}, {"framing", "octets"}});
    lines_ = &frames.Add({{"input", input}, {"framing", "line"}});
  }
  truncated_ =
      &counters("hecate_syslog_truncated_total", "Messages cut at max_message; evaluated as far as that")
           .Add({{"input", input}});
  auto& heads = counters(
      "hecate_syslog_messages_total",
      "Messages that were taken apart and stored, by their head: rfc5424, rfc3164, or none, which is "
      "malformed or no syslog at all; its text is evaluated all the same");
  for (std::size_t i = 0; i < kHeadNames.size(); ++i)
    heads_[i] = &heads.Add({{"input", input}, {"head", kHeadNames[i]}});
  auto& drops = counters("hecate_syslog_dropped_total",
                         "Messages that were sent and never became events, by reason: kernel (the system's "
                         "buffer was full), queue_full, not_stored, cut_off (the connection ended within)");
  for (std::size_t i = 0; i < kDropNames.size(); ++i) {
    bool possible = datagrams ? i != static_cast<std::size_t>(SyslogDrop::cut_off)
                              : i != static_cast<std::size_t>(SyslogDrop::kernel);
    if (possible) drops_[i] = &drops.Add({{"input", input}, {"reason", kDropNames[i]}});
  }
  if (datagrams) return;
  connections_ = &prometheus::BuildGauge()
                      .Name("hecate_syslog_connections")
                      .Help("Open connections of syslog senders")
                      .Register(registry)
                      .Add({{"input", input}});
  auto& refusals = counters(
      "hecate_syslog_connections_closed_total",
      "Connections that hecate closed, by reason: limit (max_connections), files (the limit of open files), "
      "idle, memory "
      "(unfinished messages of all connections together)");
  for (std::size_t i = 0; i < kRefusalNames.size(); ++i)
    refusals_[i] = &refusals.Add({{"input", input}, {"reason", kRefusalNames[i]}});
}

void SyslogMetrics::bytes(std::size_t bytes) {
  add(bytes_, bytes);
}

void SyslogMetrics::datagrams(std::uint64_t frames, std::uint64_t truncated) {
  add(datagrams_, frames);
  add(truncated_, truncated);
}

void SyslogMetrics::stream(const syslog::Framer::Counts& before, const syslog::Framer::Counts& now) {
  add(counted_, now.counted - before.counted);
  add(lines_, now.lines - before.lines);
  add(truncated_, now.truncated - before.truncated);
}

void SyslogMetrics::messages(const std::array<std::uint64_t, syslog::kHeads>& heads) {
  for (std::size_t i = 0; i < heads.size(); ++i) add(heads_[i], heads[i]);
}

void SyslogMetrics::dropped(SyslogDrop reason, std::uint64_t messages) {
  add(drops_[static_cast<std::size_t>(reason)], messages);
}

void SyslogMetrics::connections(int change) {
  connections_->Increment(change);
}

void SyslogMetrics::refused(SyslogRefusal reason) {
  refusals_[static_cast<std::size_t>(reason)]->Increment();
}

}  // namespace hecate::daemon
