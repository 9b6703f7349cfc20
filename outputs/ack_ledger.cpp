#include "outputs/ack_ledger.h"

#include <algorithm>

namespace hecate::outputs {

bool AckLedger::add(const std::string& channel, std::uint64_t id, Sequences envelopes,
                    Monotonic::time_point now) {
  return waiting_.try_emplace({channel, id}, Request{std::move(envelopes), now}).second;
}

AckLedger::Sequences AckLedger::take(const std::string& channel, std::uint64_t id) {
  auto found = waiting_.find({channel, id});
  if (found == waiting_.end()) return {};
  Sequences envelopes = std::move(found->second.envelopes);
  waiting_.erase(found);
  return envelopes;
}

AckLedger::Sequences AckLedger::take_older(Monotonic::time_point limit) {
  Sequences taken;
  std::erase_if(waiting_, [&](const auto& each) {
    if (each.second.since >= limit) return false;
    taken.insert(taken.end(), each.second.envelopes.begin(), each.second.envelopes.end());
    return true;
  });
  return taken;
}

AckLedger::Sequences AckLedger::take_all() {
  return take_older(Monotonic::time_point::max());
}

std::map<std::string, std::vector<std::uint64_t>> AckLedger::waiting() const {
  std::map<std::string, std::vector<std::uint64_t>> ids;
  for (const auto& [key, request] : waiting_) ids[key.first].push_back(key.second);
  return ids;
}

AckLedger::Monotonic::time_point AckLedger::oldest() const {
  auto oldest = Monotonic::time_point::max();
  for (const auto& [key, request] : waiting_) oldest = std::min(oldest, request.since);
  return oldest;
}

}  // namespace hecate::outputs
