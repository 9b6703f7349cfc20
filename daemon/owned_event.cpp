#include "daemon/owned_event.h"

#include <utility>

namespace hecate::daemon {

namespace {

// simdjson reads so far beyond its text.
constexpr std::size_t kPadding = 64;

}  // namespace

OwnedEvent::OwnedEvent(const EventView& event) : bytes_(std::make_unique<std::string>()), view_(event) {
  std::array slices{&view_.raw,           &view_.fields,          &view_.host,
                    &view_.source,        &view_.sourcetype,      &view_.index,
                    &view_.fallback.host, &view_.fallback.source, &view_.fallback.sourcetype};
  std::size_t size = 0;
  for (std::string_view* slice : slices) size += slice->size() + kPadding;
  bytes_->reserve(size);
  for (std::string_view* slice : slices) {
    std::size_t begin = bytes_->size();
    bytes_->append(*slice).append(kPadding, '\0');
    *slice = {bytes_->data() + begin, slice->size()};
  }
}

}  // namespace hecate::daemon
