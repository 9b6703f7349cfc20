#include "daemon/hec_acks.h"

#include "pipeline/decode/json_index.h"

#include <algorithm>
#include <charconv>

namespace hecate::daemon {

namespace {

enum class AckState : std::uint8_t { pending, stored, over };

// -1: none.
int hexadecimal_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  auto lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool read_id(decode::JsonCursor& in, std::vector<std::uint64_t>& ids) {
  std::string_view token = in.token();
  std::uint64_t id = 0;
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), id);
  if (error != std::errc() || end != token.data() + token.size()) return false;
  ids.push_back(id);
  in.advance();
  return true;
}

}  // namespace

std::optional<Guid> parse_guid(std::string_view text) {
  constexpr std::size_t kSize = 36;
  if (text.size() != kSize) return std::nullopt;
  Guid guid;
  for (std::size_t i = 0; i < kSize; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    int digit = hexadecimal_digit(text[i]);
    if (digit < 0) return std::nullopt;
    guid.first = guid.first << 4 | guid.second >> 60;
    guid.second = guid.second << 4 | static_cast<std::uint64_t>(digit);
  }
  return guid;
}

std::optional<std::vector<std::uint64_t>> parse_ack_query(std::string_view padded_body) {
  using decode::JsonWalk;
  decode::JsonIndex index;
  decode::JsonCursor in;
  if (!index.build(padded_body, in) || in.peek() != '{') return std::nullopt;
  std::optional<std::vector<std::uint64_t>> ids;
  JsonWalk walk = walk_object(in, [&](std::string_view key) {
    std::string_view ignored;
    if (key != "acks") return skip_value(in, ignored);
    if (in.peek() != '[') return JsonWalk::bad;
    ids.emplace();
    return walk_array(in, [&] { return read_id(in, *ids) ? JsonWalk::ok : JsonWalk::bad; });
  });
  if (walk != JsonWalk::ok || !in.done() || !ids) return std::nullopt;
  std::ranges::sort(*ids);
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
  return ids;
}

struct HecAcks::Channel {
  HecChannel name;
  Instant used;
  std::uint64_t first = 0;      // the id of states.front()
  std::deque<AckState> states;  // of ids one after another; those before are over
  bool forgotten = false;

  AckState* find(std::uint64_t id) {
    bool kept = id >= first && id - first < states.size();
    return kept ? &states[static_cast<std::size_t>(id - first)] : nullptr;
  }
};

bool HecAcks::has_room(const HecChannel& channel) const {
  if (ids_ >= limits_.ids) return false;
  auto found = channels_.find(channel);
  if (found == channels_.end()) return channels_.size() < limits_.channels;
  return (*found->second)->states.size() < limits_.ids_of_channel;
}

void HecAcks::use(Order::iterator at, Instant now) {
  (*at)->used = now;
  by_use_.splice(by_use_.end(), by_use_, at);
}

HecAcks::Receipt HecAcks::open(const HecChannel& channel, Instant now) {
  auto [found, added] = channels_.try_emplace(channel);
  if (added) {
    auto made = std::make_shared<Channel>();
    made->name = channel;
    found->second = by_use_.insert(by_use_.end(), std::move(made));
  }
  use(found->second, now);
  const std::shared_ptr<Channel>& at = *found->second;
  at->states.push_back(AckState::pending);
  ++ids_;
  return {at, at->first + at->states.size() - 1};
}

void HecAcks::settle(const Receipt& receipt, bool stored) {
  Channel& channel = *receipt.channel;
  AckState* state = channel.forgotten ? nullptr : channel.find(receipt.id);
  if (state == nullptr) return;
  *state = stored ? AckState::stored : AckState::over;
  drop_finished(channel);
}

std::vector<bool> HecAcks::tell(const HecChannel& channel, std::span<const std::uint64_t> ids, Instant now) {
  std::vector<bool> stored(ids.size());
  auto found = channels_.find(channel);
  if (found == channels_.end()) return stored;
  use(found->second, now);
  Channel& at = **found->second;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    AckState* state = at.find(ids[i]);
    if (state == nullptr || *state != AckState::stored) continue;
    stored[i] = true;
    *state = AckState::over;
  }
  drop_finished(at);
  return stored;
}

void HecAcks::drop_finished(Channel& channel) {
  while (!channel.states.empty() && channel.states.front() == AckState::over) {
    channel.states.pop_front();
    ++channel.first;
    --ids_;
  }
}

void HecAcks::forget_idle(Instant before) {
  while (!by_use_.empty() && by_use_.front()->used < before) {
    Channel& channel = *by_use_.front();
    channel.forgotten = true;
    ids_ -= channel.states.size();
    channels_.erase(channel.name);
    by_use_.pop_front();
  }
}

}  // namespace hecate::daemon
