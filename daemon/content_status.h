#pragma once

#include "pipeline/base/time.h"
#include "pipeline/catalogue/catalogue.h"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace hecate::daemon {

// What the last reading of configuration and detections gave, for who asks why one does not run.
struct ContentStatus {
  std::shared_ptr<const catalogue::Catalogue> running;
  Time loaded = 0;                                    // when it was
  std::vector<catalogue::Refused> ignored, warnings;  // of the same reading
  // A later reading that was refused as a whole; 0: there was none.
  Time refused_at = 0;
  std::string why;                          // where it was not the detections
  std::vector<catalogue::Refused> refused;  // the detections
};

// The same, written by the thread that reloads and read by others.
class SharedContentStatus {
 public:
  void accept(const catalogue::LoadResult& loaded, Time now);
  void refuse(Time now, std::string why, std::vector<catalogue::Refused> refused);
  [[nodiscard]] ContentStatus get() const;

 private:
  mutable std::mutex mutex_;
  ContentStatus status_;
};

}  // namespace hecate::daemon
