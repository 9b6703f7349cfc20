#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::outputs {

// What one endpoint has taken and not yet acknowledged: which envelopes each ackId stands for. An ackId means
// something only together with the channel that it was given on. Time is passed in. Not thread-safe.
class AckLedger {
 public:
  using Monotonic = std::chrono::steady_clock;
  using Sequences = std::vector<std::int64_t>;  // `seq` of the table outbox

  // False when that id is being waited for already: the endpoint began to count anew, or several count behind
  // one address. Neither can be told from the other then: nothing is added, and the older is to be taken
  // back.
  [[nodiscard]] bool add(const std::string& channel, std::uint64_t id, Sequences envelopes,
                         Monotonic::time_point now);
  // The envelopes of that id, which is waited for no more; none when it was not.
  [[nodiscard]] Sequences take(const std::string& channel, std::uint64_t id);
  // Those of all ids that were added before `limit`, or of all; they are waited for no more.
  [[nodiscard]] Sequences take_older(Monotonic::time_point limit);
  [[nodiscard]] Sequences take_all();

  // The ids that are waited for, by channel.
  [[nodiscard]] std::map<std::string, std::vector<std::uint64_t>> waiting() const;
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }  // requests
  // When the oldest was added; `max` when there is none.
  [[nodiscard]] Monotonic::time_point oldest() const;

 private:
  struct Request {
    Sequences envelopes;
    Monotonic::time_point since;
  };
  std::map<std::pair<std::string, std::uint64_t>, Request> waiting_;
};

}  // namespace hecate::outputs
