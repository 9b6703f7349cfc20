#include "pipeline/store/checkpointer.h"

#include <utility>

namespace hecate::store {

Result<std::unique_ptr<Checkpointer>> Checkpointer::start(const std::string& file,
                                                          const DatabaseOptions& options,
                                                          std::function<void()> ended) {
  auto database = Database::open(file, Database::Mode::read_write, options);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<Checkpointer>(new Checkpointer(*std::move(database), std::move(ended)));
}

Checkpointer::Checkpointer(std::unique_ptr<Database> database, std::function<void()> ended)
    : database_(std::move(database)), ended_(std::move(ended)), thread_([this] { pass_until_stopped(); }) {}

Checkpointer::~Checkpointer() {
  stop();
  database_->leave_log(true);
}

void Checkpointer::ask() {
  {
    std::lock_guard guard(mutex_);
    asked_ = true;
  }
  changed_.notify_one();
}

bool Checkpointer::idle() {
  std::lock_guard guard(mutex_);
  return !asked_ && !pass_;
}

void Checkpointer::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::optional<Checkpointer::Pass> Checkpointer::take() {
  std::lock_guard guard(mutex_);
  return std::exchange(pass_, std::nullopt);
}

void Checkpointer::pass_until_stopped() {
  std::unique_lock guard(mutex_);
  while (true) {
    changed_.wait(guard, [this] { return stopping_ || asked_; });
    if (stopping_) return;
    guard.unlock();
    auto put_back = database_->checkpoint();
    guard.lock();
    pass_ = Pass{std::move(put_back), database_->last_failure(), database_->sync_failure()};
    asked_ = false;
    guard.unlock();
    ended_();
    guard.lock();
  }
}

}  // namespace hecate::store
