#pragma once

#include "pipeline/store/database.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace hecate::store {

// Puts the write-ahead log back into the database on a thread and a connection of its own, so that no commit
// waits for it. A log to which is written all the time is never empty when a pass ends, and goes on growing:
// the writer itself has to put back the rest now and then, which is short by then. The calls are the
// writer's.
class Checkpointer {
 public:
  // What a pass came to.
  struct Pass {
    Result<int> put_back;      // pages of the log that the database has now
    Failure failure;           // of what kind, where there was one
    std::string sync_failure;  // why, where the disk did not confirm it
  };

  // `ended` is called on that thread after each pass.
  [[nodiscard]] static Result<std::unique_ptr<Checkpointer>> start(const std::string& file,
                                                                   const DatabaseOptions& options,
                                                                   std::function<void()> ended);
  ~Checkpointer();

  // Begins a pass; only where it is idle.
  void ask();
  // No pass goes on, and how the last one ended was taken. Nobody else may put the log back before that:
  // after a sync that failed, another one says yes without knowing.
  [[nodiscard]] bool idle();
  // How the last pass ended, once.
  [[nodiscard]] std::optional<Pass> take();
  // Waits for the pass that goes on; then there are no more.
  void stop();

 private:
  Checkpointer(std::unique_ptr<Database> database, std::function<void()> ended);
  void pass_until_stopped();

  std::unique_ptr<Database> database_;  // the thread's
  std::function<void()> ended_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;  // until the pass has ended
  bool stopping_ = false;
  std::optional<Pass> pass_;
  std::thread thread_;
};

}  // namespace hecate::store
