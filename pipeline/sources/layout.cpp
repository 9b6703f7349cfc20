#include "pipeline/sources/layout.h"

#include <cstring>

namespace hecate::sources {
namespace {

constexpr std::size_t kLongestKey = 64;
constexpr std::size_t kLongestValue = 256;
constexpr std::size_t kDrift = 256;  // how far a value may move from one event to the next

// Where the key of the value that begins at `at` begins; npos: there is none.
std::size_t key_before(std::string_view raw, Shape shape, std::size_t at) {
  std::size_t from = at > kLongestKey ? at - kLongestKey : 0;
  std::string_view before = raw.substr(from, at - from);
  std::size_t begin = std::string_view::npos;
  switch (shape) {
    case Shape::json: {
      // `"key": "`, from the back.
      std::size_t colon = before.ends_with('"') ? before.rfind(':') : std::string_view::npos;
      if (colon == std::string_view::npos) break;
      std::size_t close = before.rfind('"', colon);
      if (close == std::string_view::npos || close == 0) break;
      begin = before.rfind('"', close - 1);
      break;
    }
    case Shape::xml:
      begin = before.rfind('<');
      break;
    case Shape::text: {
      begin = before.rfind('\n');
      if (begin == std::string_view::npos && from == 0) begin = 0;
      break;
    }
  }
  return begin == std::string_view::npos ? begin : from + begin;
}

bool is_sysmon(const Layout::Values& values, Layout::Parts wanted, std::string_view known_channel) {
  bool looked_for = (wanted & Layout::bit(Layout::channel)) != 0;
  return (looked_for ? values[Layout::channel] : known_channel).ends_with("-Sysmon/Operational");
}

bool is_plain(std::string_view value, Shape shape) {
  return shape != Shape::json || value.find('\\') == std::string_view::npos;
}

}  // namespace

std::optional<Layout::Place> Layout::place_of(std::string_view raw, Shape shape, std::string_view value) {
  if (value.data() < raw.data() || value.data() + value.size() >= raw.data() + raw.size()) return {};
  auto at = static_cast<std::size_t>(value.data() - raw.data());
  std::size_t begin = key_before(raw, shape, at);
  if (begin == std::string_view::npos || begin == at) return {};
  Place place{std::string(raw.substr(begin, at - begin)), begin, raw[at + value.size()]};
  if (raw.find(place.before) != begin) return {};
  if (value_at(raw, shape, place) != value) return {};
  return place;
}

std::string_view Layout::value_at(std::string_view raw, Shape shape, Place& place) {
  std::size_t at = place.offset;
  if (raw.substr(std::min(at, raw.size()), place.before.size()) != place.before) {
    std::size_t from = at > kDrift ? at - kDrift : 0;
    at = raw.substr(0, std::min(at + kDrift, raw.size())).find(place.before, from);
    if (at == std::string_view::npos) return {};
    place.offset = at;
  }
  std::string_view value = raw.substr(at + place.before.size(), kLongestValue);
  const void* end = std::memchr(value.data(), place.end, value.size());
  if (end == nullptr) return {};
  value = value.substr(0, static_cast<std::size_t>(static_cast<const char*>(end) - value.data()));
  return is_plain(value, shape) ? value : std::string_view();
}

std::optional<Layout> Layout::learn(std::string_view raw, Shape shape, Parts wanted, const Values& values,
                                    std::string_view known_channel) {
  Layout layout;
  layout.shape_ = shape;
  layout.sysmon_ = is_sysmon(values, wanted, known_channel);
  layout.wanted_ = wanted;
  for (Part part : {host, channel, time}) {
    if ((wanted & bit(part)) == 0 || values[part].empty()) continue;
    auto place = place_of(raw, shape, values[part]);
    if (!place) return {};
    layout.places_[part] = *std::move(place);
    layout.found_ |= bit(part);
  }
  // What lacks host or channel may look like an event of another form that has it; where only the time is
  // missing nothing but lag goes without it.
  Parts needed = wanted & (bit(host) | bit(channel));
  if (layout.found_ == 0 || (layout.found_ & needed) != needed) return {};
  return layout;
}

std::optional<Layout::Values> Layout::find(std::string_view raw, Shape shape, Parts wanted,
                                           std::string_view known_channel) {
  if (shape != shape_ || (wanted_ & wanted) != wanted) return {};
  Values values;
  for (Part part : {host, channel, time}) {
    if ((found_ & wanted & bit(part)) == 0) continue;
    values[part] = value_at(raw, shape, places_[part]);
    if (values[part].empty()) return {};
  }
  if (is_sysmon(values, wanted, known_channel) != sysmon_) return {};
  return values;
}

}  // namespace hecate::sources
