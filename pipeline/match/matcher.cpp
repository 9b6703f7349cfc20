#include "pipeline/match/matcher.h"

#include "absl/container/flat_hash_map.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::match {
namespace {

// Puts what one event gives one scan into the delta set, and keeps the earliest event of each group as its
// sample.
class EventContribution final : public spl::GroupSink {
 public:
  EventContribution(const ScanSet::Entry& entry, bool keeps_sample, std::int64_t minute,
                    fields::EventFields& fields, std::uint64_t arrival, store::DeltaSet& deltas)
      : entry_(entry),
        keeps_sample_(keeps_sample),
        minute_(minute),
        fields_(fields),
        arrival_(arrival),
        deltas_(deltas) {}

  spl::GroupState& group(std::string_view key) override {
    store::Delta& delta = deltas_.at({entry_.scan->id(), minute_, std::string(key)});
    if (!keeps_sample_) return delta.state;
    store::Sample& sample = delta.sample;
    Time time = fields_.time();
    bool first = sample.empty() || time < sample.time || (time == sample.time && arrival_ < sample.arrival);
    if (first) take_sample(sample, time);
    return delta.state;
  }

 private:
  void take_sample(store::Sample& sample, Time time) {
    sample.time = time;
    sample.arrival = arrival_;
    sample.raw = fields_.event().raw;
    sample.host = fields_.host();
    sample.source = fields_.source();
    sample.sourcetype = fields_.sourcetype();
    sample.index = fields_.index();
    sample.fields.clear();
    for (const std::string& name : entry_.sample_fields) {
      std::string text;
      spl::append_text(fields_.find(name), text);
      if (!text.empty()) sample.fields.emplace_back(name, std::move(text));
    }
  }

  const ScanSet::Entry& entry_;
  bool keeps_sample_;
  std::int64_t minute_;
  fields::EventFields& fields_;
  std::uint64_t arrival_;
  store::DeltaSet& deltas_;
};

}  // namespace

namespace {

using Parts = std::vector<catalogue::Feed::Part>;

void add_scans(const catalogue::Catalogue& catalogue, std::size_t detection, Parts& parts) {
  std::size_t scans = catalogue.detections[detection].plan->scans().size();
  for (std::size_t scan = 0; scan < scans; ++scan) parts.push_back({detection, scan});
}

Parts all_of(const catalogue::Catalogue& catalogue) {
  Parts parts;
  for (std::size_t i = 0; i < catalogue.detections.size(); ++i) add_scans(catalogue, i, parts);
  return parts;
}

Parts one_of(const catalogue::Catalogue& catalogue, std::size_t detection) {
  Parts parts;
  add_scans(catalogue, detection, parts);
  return parts;
}

}  // namespace

ScanSet::ScanSet(std::shared_ptr<const catalogue::Catalogue> loaded) : ScanSet(loaded, all_of(*loaded)) {}

ScanSet::ScanSet(std::shared_ptr<const catalogue::Catalogue> loaded, std::size_t detection)
    : ScanSet(loaded, one_of(*loaded, detection)) {}

ScanSet::ScanSet(std::shared_ptr<const catalogue::Catalogue> loaded,
                 std::span<const catalogue::Feed::Part> parts)
    : catalogue(std::move(loaded)) {
  absl::flat_hash_map<std::uint64_t, std::size_t> by_id;
  for (auto [i, number] : parts) {
    const catalogue::LoadedDetection& detection = catalogue->detections[i];
    const auto& scan = detection.plan->scans()[number];
    auto [place, added] = by_id.try_emplace(scan->id(), scans.size());
    if (added) scans.push_back({scan, {}, false, {}});
    Entry& entry = scans[place->second];
    entry.detections.push_back(i);
    if (number > 0) continue;
    entry.keeps_sample = true;
    for (const std::string& field : detection.detection.notable_fields) {
      if (std::ranges::find(entry.sample_fields, field) == entry.sample_fields.end())
        entry.sample_fields.push_back(field);
    }
  }
  std::vector<std::vector<Literals>> literals;
  for (const Entry& entry : scans)
    literals.push_back(required_literals(entry.scan->condition(), *catalogue->rules));
  prefilter = Prefilter::build(literals);
  std::vector<const spl::Condition*> conditions;
  for (const Entry& entry : scans) conditions.push_back(&entry.scan->condition());
  guards = Guards(conditions);
}

Matcher::Matcher(std::shared_ptr<const ScanSet> scans, Panes panes, Prefiltering prefiltering,
                 Costs::Stopwatch stopwatch)
    : scans_(std::move(scans)),
      panes_(panes),
      fields_(fields::EventFields::make(scans_->catalogue->names, scans_->catalogue->rules)),
      all_scans_(scans_->scans.size()),
      candidates_(scans_->scans.size()),
      costs_(scans_->scans.size(), stopwatch),
      matches_(scans_->scans.size(), 0) {
  for (std::size_t i = 0; i < scans_->scans.size(); ++i) all_scans_.add(i);
  if (prefiltering == Prefiltering::on) prefilter_ = scans_->prefilter->make_scratch();
}

Matcher::~Matcher() = default;

void Matcher::set_time_bounds(std::shared_ptr<const TimeBounds> bounds) {
  bounds_ = std::move(bounds);
  bounds_of_scans_.clear();
  if (!bounds_) return;
  for (const ScanSet::Entry& entry : scans_->scans) bounds_of_scans_.push_back(bounds_->of(entry.scan->id()));
}

bool Matcher::evaluate(const EventView& event, Time arrived, store::DeltaSet& deltas) {
  if (prefilter_) {
    prefilter_->find(event, candidates_);
    if (candidates_.empty()) return true;
  } else {
    candidates_ = all_scans_;
  }
  ++decoded_;
  bool timed = costs_.begin();
  arena_.reset();
  bool well_formed = fields_->reset(event, arrived);
  Time time = fields_->time();
  spl::EvalContext context{.arena = arena_, .event_time = time, .arrival = event.arrival, .now = arrived};
  if (timed) costs_.decoded(candidates_);
  if (prefilter_) scans_->guards.rule_out(candidates_, spl::Row(fields_.get()), context);
  costs_.tried(candidates_);
  bool check_time = bounds_ && bounds_->may_be_untimely(time, arrived);
  auto worst = TimeBounds::Verdict::timely;
  candidates_.for_each([&](std::size_t i) {
    auto verdict = TimeBounds::Verdict::timely;
    if (check_time) verdict = bounds_->judge(bounds_of_scans_[i], time, arrived);
    if (verdict == TimeBounds::Verdict::timely) {
      if (take(i, event, scans_->scans[i].keeps_sample, context, deltas)) ++matches_[i];
    } else if (put_aside(i, event, context, verdict, deltas)) {
      worst = verdict;
    }
    costs_.tried(i);
    if (timed) costs_.timed(i);
  });
  if (worst == TimeBounds::Verdict::late) ++counts_.late;
  if (worst == TimeBounds::Verdict::future) ++counts_.future;
  counts_.rows_cut += context.rows_cut;
  return well_formed;
}

bool Matcher::take(std::size_t scan, const EventView& event, bool keeps_sample, spl::EvalContext& context,
                   store::DeltaSet& deltas) {
  const ScanSet::Entry& entry = scans_->scans[scan];
  std::int64_t minute = panes_ == Panes::one_window ? 0 : floor_to(context.event_time, kMinute) / kMinute;
  EventContribution contribution(entry, keeps_sample, minute, *fields_, event.arrival, deltas);
  spl::Row row(fields_.get());
  return entry.scan->process(row, context, contribution);
}

// The search is run on it all the same: what no detection would have taken is not kept.
bool Matcher::put_aside(std::size_t scan, const EventView& event, spl::EvalContext& context,
                        TimeBounds::Verdict verdict, store::DeltaSet& deltas) {
  store::DeltaSet contributed;
  if (!take(scan, event, true, context, contributed) || contributed.size() == 0) return false;
  deltas.add_aside(
      {verdict == TimeBounds::Verdict::late ? store::Aside::Reason::late : store::Aside::Reason::future,
       scans_->scans[scan].scan->id(), context.now, std::move(contributed.begin()->second.sample)});
  return true;
}

}  // namespace hecate::match
