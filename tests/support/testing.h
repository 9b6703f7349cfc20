#pragma once

#include "pipeline/base/clock.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace hecate::testing {

// A clock that a test sets; starts at 2026-04-27T12:00:00Z. Thread-safe for one writer.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time now = from_civil(2026, 4, 27, 12)) : now_(now) {}
  [[nodiscard]] Time now() const override { return __atomic_load_n(&now_, __ATOMIC_SEQ_CST); }
  void set(Time now) { __atomic_store_n(&now_, now, __ATOMIC_SEQ_CST); }
  void advance(Time by) { set(now() + by); }

 private:
  Time now_;
};

// An empty folder that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string read_file(const std::string& path);

// The folder with real events and the public catalogue, which is not part of the project: HECATE_SHARED, else
// ../shared beside the source. Empty where it is absent; tests that need it skip and say so.
[[nodiscard]] std::string shared_folder();

// Waits until `condition` holds, looking often, at most `bound`. For what another thread or process will do.
[[nodiscard]] bool eventually(const std::function<bool()>& condition,
                              std::chrono::milliseconds bound = std::chrono::seconds(20));

}  // namespace hecate::testing
