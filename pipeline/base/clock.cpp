#include "pipeline/base/clock.h"

#include <chrono>

namespace hecate {

Time SystemClock::now() const {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

}  // namespace hecate
