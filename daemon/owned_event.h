#pragma once

#include "pipeline/event/event_view.h"

#include <array>
#include <memory>
#include <string>

namespace hecate::daemon {

// An event that outlives what it was read from: the view's slices are its own.
class OwnedEvent {
 public:
  explicit OwnedEvent(const EventView& event);
  [[nodiscard]] const EventView& view() const { return view_; }

 private:
  std::unique_ptr<std::string> bytes_;  // does not move
  EventView view_;
};

}  // namespace hecate::daemon
