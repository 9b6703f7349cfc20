#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

// HEC's acknowledgement: a sender learns later whether what a request contributed is on disk. No sockets
// here.
namespace hecate::daemon {

struct HecToken;

// The 128 bits of a GUID.
using Guid = std::pair<std::uint64_t, std::uint64_t>;
// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, in hexadecimal digits of either case; nullopt: it is none.
[[nodiscard]] std::optional<Guid> parse_guid(std::string_view text);

// Whose requests are counted together: a token's, and the GUID that the sender made.
using HecChannel = std::pair<const HecToken*, Guid>;

// The ids that a body `{"acks":[0,1]}` asks for, each once, in rising order; nullopt: it is no such body.
// Padding (64 bytes) must be readable behind it.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> parse_ack_query(std::string_view padded_body);

// How much is kept.
struct HecAckLimits {
  std::size_t channels = 100'000;
  std::size_t ids_of_channel = 1'000'000;
  std::size_t ids = 10'000'000;
};

// The ids handed out and not yet told to be stored, by channel; those of a channel count from 0. Times are
// passed in; they never go back. One thread.
class HecAcks {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  explicit HecAcks(HecAckLimits limits = {}) : limits_(limits) {}

  // Whether another id, of a channel that may be a new one, can be kept.
  [[nodiscard]] bool has_room(const HecChannel& channel) const;
  // Whether there is no room for any new channel or id: then senders are told to go elsewhere.
  [[nodiscard]] bool is_full() const { return channels_.size() >= limits_.channels || ids_ >= limits_.ids; }

  struct Channel;
  // One request's id.
  struct Receipt {
    std::shared_ptr<Channel> channel;
    std::uint64_t id = 0;
  };
  // The next id of the channel; until it is settled it is pending.
  [[nodiscard]] Receipt open(const HecChannel& channel, Instant now);
  // What became of the request. One that was not stored is never told to be: the sender sends it again.
  void settle(const Receipt& receipt, bool stored);

  // For each id in turn: whether it is stored. Told once: then it is forgotten.
  [[nodiscard]] std::vector<bool> tell(const HecChannel& channel, std::span<const std::uint64_t> ids,
                                       Instant now);

  // Drops channels that nobody used since `before`, with their ids.
  void forget_idle(Instant before);

  [[nodiscard]] std::size_t channels() const { return channels_.size(); }
  [[nodiscard]] std::size_t ids() const { return ids_; }

 private:
  using Order = std::list<std::shared_ptr<Channel>>;

  void use(Order::iterator at, Instant now);
  void drop_finished(Channel& channel);

  HecAckLimits limits_;
  Order by_use_;  // the one longest unused first
  absl::flat_hash_map<HecChannel, Order::iterator> channels_;
  std::size_t ids_ = 0;  // kept, of all channels
};

}  // namespace hecate::daemon
