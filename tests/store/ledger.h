#pragma once

#include "pipeline/store/store.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace hecate::store::testing {

// What senders handed in and were told, for comparing it with what the store holds. Each submission adds to a
// group of its own in two minutes, and to groups that all share; each job writes one row. The test's thread
// only.
class Ledger {
 public:
  // `alive`: whether an answer given now still reaches its sender.
  explicit Ledger(std::function<bool()> alive) : alive_(std::move(alive)) {}

  void submit(Store& store, std::mt19937& random);
  void job(Store& store);
  // Until all that was handed in is answered or let go of.
  void wait();
  [[nodiscard]] std::size_t committed() const;
  [[nodiscard]] std::size_t refused() const;

  // What is wrong with what the store holds; empty when nothing is: all that was committed is there, nothing
  // that was refused, each whole and once. What nobody was told about counts from now on as it was found.
  [[nodiscard]] std::string check(Store& store);

 private:
  enum class Told : std::uint8_t { nothing, committed, failed };
  struct Contribution {
    std::int64_t minute;
    std::string group;
    std::uint64_t count;
  };
  struct Entry {
    std::string name;
    std::vector<Contribution> shared;  // none: a job
    Told told = Told::nothing;
  };
  struct Board {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t open = 0;
    std::vector<Entry> entries;
  };
  struct Ticket;

  [[nodiscard]] Store::Completion completion(Entry entry);

  std::function<bool()> alive_;
  std::shared_ptr<Board> board_ = std::make_shared<Board>();
};

}  // namespace hecate::store::testing
