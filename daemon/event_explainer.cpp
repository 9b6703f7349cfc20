#include "daemon/event_explainer.h"

#include <algorithm>

namespace hecate::daemon {
namespace {

std::vector<std::string> literals_in(std::string_view raw, const match::Literals& literals) {
  std::string lower(raw);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::vector<std::string> found;
  for (const std::string& literal : literals)
    if (lower.contains(literal)) found.push_back(literal);
  return found;
}

}  // namespace

EventExplainer::EventExplainer(const catalogue::LoadedDetection& detection,
                               std::shared_ptr<const catalogue::Catalogue> catalogue, std::size_t most)
    : detection_(detection),
      catalogue_(std::move(catalogue)),
      fields_(fields::EventFields::make(catalogue_->names, catalogue_->rules)),
      most_(most) {
  std::vector<std::vector<match::Literals>> literals{literals_of(detection, *catalogue_)};
  prefilter_ = match::Prefilter::build(literals);
  scratch_ = prefilter_->make_scratch();
}

void EventExplainer::look_at(const EventView& event, Time arrived) {
  Arena arena;
  static_cast<void>(fields_->reset(event, arrived));
  spl::EvalContext context = context_of(arena, event, arrived);
  spl::Row row(fields_.get());
  const spl::Condition& condition = detection_.plan->scan().condition();
  std::vector<bool> holds;
  spl::outcomes(condition, row, context, holds);
  tally_.add(holds);
  double nearness = spl::nearness(condition, row, context);
  if (most_ > 0 && kept_.size() == most_ && kept_.back().nearness >= nearness) return;
  auto place = std::ranges::upper_bound(kept_, nearness, std::greater<>(), &Kept::nearness);
  kept_.insert(place, Kept{nearness, tally_.events, arrived, OwnedEvent(event)});
  if (most_ > 0 && kept_.size() > most_) kept_.pop_back();
}

std::vector<ExplainedEvent> EventExplainer::explained() {
  std::ranges::sort(kept_, {}, &Kept::number);
  std::vector<ExplainedEvent> events;
  for (const Kept& each : kept_) events.push_back(explain(each));
  return events;
}

spl::EvalContext EventExplainer::context_of(Arena& arena, const EventView& event, Time arrived) const {
  spl::EvalContext context{.arena = arena, .event_time = fields_->time(), .arrival = event.arrival};
  context.now = arrived;
  context.latest = arrived;
  return context;
}

ExplainedEvent EventExplainer::explain(const Kept& kept) {
  const EventView& event = kept.event.view();
  ExplainedEvent out;
  out.number = kept.number;
  out.well_formed = fields_->reset(event, kept.arrived);
  out.time = fields_->time();
  out.host = fields_->host();
  out.source = fields_->source();
  match::ScanBits candidates(1);
  scratch_->find(event, candidates);
  out.passes_prefilter = !candidates.empty();
  for (const match::Literals& list : literals_of(detection_, *catalogue_))
    std::ranges::move(literals_in(event.raw, list), std::back_inserter(out.literals));
  Arena arena;
  spl::EvalContext context = context_of(arena, event, kept.arrived);
  spl::Row row(fields_.get());
  out.explanation = detection_.plan->explain(row, context);
  return out;
}

}  // namespace hecate::daemon
