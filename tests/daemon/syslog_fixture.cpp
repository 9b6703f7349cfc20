#include "tests/daemon/syslog_fixture.h"

#include "tests/support/testing.h"

#include <algorithm>

namespace hecate::testing {

namespace {

bool has_all(const prometheus::ClientMetric& metric, const std::vector<std::string>& labels) {
  return std::ranges::all_of(labels, [&](const std::string& value) {
    return std::ranges::any_of(metric.label, [&](const auto& each) { return each.value == value; });
  });
}

}  // namespace

SyslogServer::SyslogServer(std::vector<daemon::SyslogInput> inputs, daemon::SyslogTimeouts timeouts,
                           std::size_t queue_bytes) {
  daemon::Config config;
  config.ingest.queue_bytes = queue_bytes;
  config.syslog = std::move(inputs);
  auto started =
      daemon::SyslogListener::start(config, 0, ingest, [this] { return !trouble; }, registry, timeouts);
  if (!started) throw std::runtime_error(started.error().message);
  listener = std::move(*started);
}

double SyslogServer::metric(const std::string& name, const std::vector<std::string>& labels) const {
  double sum = -1;
  for (const auto& family : registry.Collect()) {
    if (family.name != name) continue;
    for (const auto& each : family.metric) {
      if (!has_all(each, labels)) continue;
      bool gauge = family.type == prometheus::MetricType::Gauge;
      sum = std::max(sum, 0.0) + (gauge ? each.gauge.value : each.counter.value);
    }
  }
  return sum;
}

std::vector<FakeIngest::Event> SyslogServer::wait_for_events(std::size_t count) {
  bool came = eventually([&] {
    for (FakeIngest::Event& event : ingest.take_events()) events_.push_back(std::move(event));
    return events_.size() >= count;
  });
  if (!came) throw std::runtime_error(std::to_string(events_.size()) + " events came");
  return std::exchange(events_, {});
}

std::vector<std::string> SyslogServer::wait_for_texts(std::size_t count) {
  std::vector<std::string> texts;
  for (FakeIngest::Event& event : wait_for_events(count)) texts.push_back(std::move(event.raw));
  return texts;
}

daemon::SyslogInput syslog_input(daemon::SyslogInput::Protocol protocol) {
  daemon::SyslogInput input;
  input.name = "in";
  input.protocol = protocol;
  input.listen = "127.0.0.1:0";
  input.events.rules = syslog::default_rules();
  return input;
}

}  // namespace hecate::testing
