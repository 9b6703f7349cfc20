#pragma once

#include "pipeline/base/time.h"

namespace hecate {

// Where the present comes from. Passed in wherever time matters, so that tests run days in milliseconds.
// Implementations may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
};

// The machine's wall clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
};

}  // namespace hecate
