#pragma once

#include "pipeline/store/store.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace hecate::testing {

// A journal that keeps what it is given and commits when the test says so.
class FakeStore final : public store::Store {
 public:
  void submit(store::DeltaSet&& deltas, Completion done) override {
    std::lock_guard lock(mutex);
    merged.merge(std::move(deltas));
    waiting.push_back(std::move(done));
    if (at_once) commit_locked(Outcome::committed);
  }
  void write(Job, Completion) override {}
  Result<void> write_and_wait(Job) override { return {}; }
  Result<void> remove_minutes(std::uint64_t, std::int64_t) override { return {}; }
  Result<void> fold() override { return {}; }
  Result<void> put_aside(const std::vector<store::DeltaKey>&) override { return {}; }
  void set_commit_listener(CommitListener) override {}
  void set_commit_hook(CommitHook) override {}
  Result<std::unique_ptr<store::Database>> reader() override { return fail("not here"); }
  [[nodiscard]] std::string trouble() const override { return {}; }
  [[nodiscard]] bool can_store() const override { return true; }

  void commit(Outcome outcome) {
    std::lock_guard lock(mutex);
    commit_locked(outcome);
  }
  [[nodiscard]] std::size_t pending() {
    std::lock_guard lock(mutex);
    return waiting.size();
  }

  std::mutex mutex;
  store::DeltaSet merged;
  std::vector<Completion> waiting;
  bool at_once = false;

 private:
  void commit_locked(Outcome outcome) {
    for (Completion& done : waiting) done(outcome);
    waiting.clear();
  }
};

}  // namespace hecate::testing
