#include "pipeline/ingest/admission.h"

#include "tests/support/testing.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace hecate::ingest {
namespace {

TEST(IngestAdmission, WaitsForWhatCameBeforeAndNotForWhatComesAfter) {
  Admission admission;
  std::uint64_t before = admission.enter();
  std::atomic<bool> passed{false};
  std::thread waiter([&] {
    admission.wait_for_earlier();
    passed = true;
  });
  // The waiter has begun once a new batch gets a ticket of the next epoch.
  std::uint64_t after = before;
  while (after == before) {
    std::uint64_t ticket = admission.enter();
    if (ticket == before) admission.leave(ticket);
    after = ticket;
  }
  EXPECT_FALSE(passed);
  admission.leave(before);
  waiter.join();
  EXPECT_TRUE(passed);
  admission.leave(after);
}

TEST(IngestAdmission, DoesNotWaitWhenNothingIsOpen) {
  Admission admission;
  admission.wait_for_earlier();
  std::uint64_t ticket = admission.enter();
  admission.leave(ticket);
  admission.wait_for_earlier();
}

TEST(IngestAdmission, LaterEpochsMayFinishFirst) {
  Admission admission;
  std::uint64_t first = admission.enter();
  std::thread one([&] { admission.wait_for_earlier(); });
  std::uint64_t second = first;
  while (second == first) {
    second = admission.enter();
    if (second == first) admission.leave(second);
  }
  admission.leave(second);
  std::thread two([&] { admission.wait_for_earlier(); });
  admission.leave(first);
  one.join();
  two.join();
}

}  // namespace
}  // namespace hecate::ingest
