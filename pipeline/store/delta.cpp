#include "pipeline/store/delta.h"

#include "pipeline/spl/codec.h"

#include <algorithm>
#include <iterator>

namespace hecate::store {

void Sample::encode(std::string& out) const {
  if (empty()) return;
  spl::BlobWriter blob(out);
  blob.fixed(static_cast<std::uint64_t>(time));
  blob.fixed(arrival);
  for (const auto* text : {&raw, &host, &source, &sourcetype, &index}) blob.text(*text);
  blob.number(fields.size());
  for (const auto& [name, value] : fields) {
    blob.text(name);
    blob.text(value);
  }
}

Result<Sample> Sample::decode(std::string_view bytes) {
  Sample sample;
  if (bytes.empty()) return sample;
  spl::BlobReader blob(bytes);
  sample.time = static_cast<Time>(blob.fixed());
  sample.arrival = blob.fixed();
  for (auto* text : {&sample.raw, &sample.host, &sample.source, &sample.sourcetype, &sample.index}) {
    *text = blob.text();
  }
  sample.fields.resize(blob.count());
  for (auto& [name, value] : sample.fields) {
    name = blob.text();
    value = blob.text();
  }
  if (blob.damaged() || !blob.at_end()) return fail("a sample event in the state database is damaged");
  return sample;
}

std::string_view Sample::earlier(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.empty() ? b : a;
  auto order = [](std::string_view bytes) {
    spl::BlobReader blob(bytes);
    auto time = static_cast<Time>(blob.fixed());
    return std::pair(time, blob.fixed());
  };
  return order(b) < order(a) ? b : a;
}

void Delta::merge(Delta&& other) {
  state.merge(std::move(other.state));
  if (!other.sample.empty() && (sample.empty() || other.sample.before(sample)))
    sample = std::move(other.sample);
}

DeltaSet::DeltaSet() = default;
DeltaSet::~DeltaSet() = default;
DeltaSet::DeltaSet(DeltaSet&& other) noexcept = default;
DeltaSet& DeltaSet::operator=(DeltaSet&& other) noexcept = default;

void DeltaSet::add_aside(Aside event) {
  aside_.push_back(std::move(event));
}

void DeltaSet::add_once(std::string event, std::int64_t minute, DeltaSet&& deltas) {
  once_.push_back({std::move(event), minute, std::move(deltas)});
}

std::vector<DeltaSet::Once> DeltaSet::take_once() {
  return std::exchange(once_, {});
}

void DeltaSet::clear() {
  deltas_.clear();
  aside_.clear();
  once_.clear();
}

void DeltaSet::merge(DeltaSet&& other) {
  if (deltas_.size() < other.deltas_.size()) deltas_.swap(other.deltas_);
  deltas_.merge(other.deltas_);  // moves the nodes of those that are new here; what stays there is in both
  for (auto& [key, delta] : other.deltas_) deltas_.find(key)->second.merge(std::move(delta));
  std::ranges::move(other.aside_, std::back_inserter(aside_));
  std::ranges::move(other.once_, std::back_inserter(once_));
  other.clear();
}

std::string_view to_text(Aside::Reason reason) {
  return reason == Aside::Reason::late ? "late" : "future";
}

Result<void> read_groups(const DeltaSet& deltas, const spl::Scan& scan, spl::GroupVisitor visit) {
  std::vector<std::pair<std::string_view, const spl::GroupState*>> groups;
  for (const auto& [key, delta] : deltas)
    if (key.scan == scan.id()) groups.emplace_back(key.group, &delta.state);
  std::ranges::sort(groups, {}, [](const auto& group) { return group.first; });
  for (const auto& [key, state] : groups)
    if (!visit(key, *state)) break;
  return {};
}

}  // namespace hecate::store
