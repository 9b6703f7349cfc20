#include "pipeline/sources/origin.h"

#include <algorithm>

namespace hecate::sources {
namespace {

constexpr std::size_t kMostLayouts = 4;
// So many events in a row that say nothing of their origin, and only each of so many is decoded to see
// whether it still is so.
constexpr std::uint32_t kPatience = 8;

// What of the payload says where it came from.
class OriginSink final : public decode::FieldSink {
 public:
  bool wants(std::string_view name) override { return part_of(name) != nullptr; }
  bool wants_below(std::string_view) override { return false; }
  void field(std::string_view name, Value value) override {
    std::string_view* part = part_of(name);
    if (part == nullptr || !part->empty()) return;
    if (!value.each().empty() && value.each()[0].is_text()) *part = value.each()[0].text();
  }

  [[nodiscard]] Layout::Values values() const {
    return {computer_, channel_, parse_timestamp(utc_time_) ? utc_time_ : time_created_};
  }

 private:
  std::string_view* part_of(std::string_view name) {
    if (name == "Computer") return &computer_;
    if (name == "Channel") return &channel_;
    if (name == "UtcTime") return &utc_time_;
    if (name == "TimeCreated") return &time_created_;
    return nullptr;
  }
  std::string_view computer_, channel_, utc_time_, time_created_;
};

// The channel of a source such as `XmlWinEventLog:Security`; empty for any other.
std::string_view channel_of(std::string_view source) {
  for (std::string_view prefix : {"XmlWinEventLog:", "WinEventLog:", "Syslog:"})
    if (source.starts_with(prefix)) return source.substr(prefix.size());
  return {};
}

// These are the same for all of Windows' channels.
bool tells_channel(std::string_view sourcetype) {
  return !sourcetype.empty() && sourcetype != "XmlWinEventLog" && sourcetype != "WinEventLog";
}

std::string_view first_of(std::initializer_list<std::string_view> texts) {
  for (std::string_view text : texts)
    if (!text.empty()) return text;
  return {};
}

Layout::Parts parts_of(const Layout::Values& values) {
  Layout::Parts parts = 0;
  for (Layout::Part part : {Layout::host, Layout::channel, Layout::time})
    if (!values[part].empty()) parts |= Layout::bit(part);
  return parts;
}

}  // namespace

// What the envelope says, and which parts it leaves to the payload.
struct OriginReader::Envelope {
  explicit Envelope(const EventView& event)
      : origin{event.host, channel_of(event.source), event.envelope_time} {
    if (origin.channel.empty() && tells_channel(event.sourcetype)) origin.channel = event.sourcetype;
    if (origin.host.empty()) wanted |= Layout::bit(Layout::host);
    if (origin.channel.empty()) wanted |= Layout::bit(Layout::channel);
    if (origin.time == EventView::kNoTime) wanted |= Layout::bit(Layout::time);
  }

  [[nodiscard]] Origin with(const EventView& event, const Layout::Values& found) const {
    const EventView::Fallback& fallback = event.fallback;
    Origin all = origin;
    if (all.host.empty()) all.host = first_of({found[Layout::host], fallback.host});
    if (all.channel.empty())
      all.channel = first_of(
          {found[Layout::channel], event.sourcetype, event.source, fallback.sourcetype, fallback.source});
    if (all.time == EventView::kNoTime)
      all.time = parse_timestamp(found[Layout::time]).value_or(fallback.time);
    return all;
  }

  Origin origin;
  Layout::Parts wanted = 0;
};

Origin OriginReader::read(const EventView& event) {
  Envelope envelope(event);
  if (envelope.wanted == 0) return envelope.origin;
  return envelope.with(event, find(event, envelope));
}

Origin OriginReader::read_decoded(const EventView& event) {
  Envelope envelope(event);
  if (envelope.wanted == 0) return envelope.origin;
  return envelope.with(event, decode(event));
}

Layout::Values OriginReader::find(const EventView& event, const Envelope& envelope) {
  Layout::Parts wanted = envelope.wanted;
  // What HEC's `fields` say goes before the payload.
  if (!event.fields.empty()) return decode(event);
  for (Layout& layout : layouts_)
    if (auto values = layout.find(event.raw, event.shape, wanted, envelope.origin.channel)) return *values;
  // Too many that say nothing: only now and then is it looked whether one does.
  if (fruitless_ >= kPatience && ++skipped_ < kPatience) return {};
  skipped_ = 0;
  Layout::Values values = decode(event);
  Layout::Parts found = parts_of(values) & wanted;
  fruitless_ = found == 0 ? fruitless_ + 1 : 0;
  learn(event, envelope, values);
  return values;
}

void OriginReader::learn(const EventView& event, const Envelope& envelope, const Layout::Values& values) {
  auto layout = Layout::learn(event.raw, event.shape, envelope.wanted, values, envelope.origin.channel);
  if (!layout) return;
  if (layouts_.size() < kMostLayouts) {
    layouts_.push_back(*std::move(layout));
    return;
  }
  layouts_[oldest_] = *std::move(layout);
  oldest_ = (oldest_ + 1) % kMostLayouts;
}

Layout::Values OriginReader::decode(const EventView& event) {
  ++decoded_;
  OriginSink sink;
  if (!event.fields.empty()) (void)decoder_.decode_indexed(event, sink);
  (void)decoder_.decode(event, sink);
  return sink.values();
}

}  // namespace hecate::sources
