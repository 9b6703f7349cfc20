#include "daemon/explanation_output.h"

#include "daemon/content.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

using catalogue::LoadedDetection;
using Outcome = spl::Clause::Outcome;
using outputs::JsonWriter;
using spl::Clause;
using spl::Explanation;
using spl::FieldTexts;

// For people: longer values are cut, of more alternatives only some are shown.
constexpr std::size_t kLongestValue = 160;
constexpr std::size_t kMostAlternatives = 6;
constexpr std::size_t kMostFields = 12;

std::string_view word_of(Outcome outcome) {
  return outcome == Outcome::yes ? "yes" : outcome == Outcome::no ? "no" : "null";
}

spl::Position in_file(const LoadedDetection& loaded, spl::Position position) {
  return loaded.places ? loaded.places->in_file(position) : position;
}

std::string shortened(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  if (text.size() <= kLongestValue) return text;
  std::size_t end = kLongestValue;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;  // whole characters
  return text.substr(0, end) + "…";
}

std::string value_text(const FieldTexts& field) {
  if (field.values.empty()) return "(null)";
  return shortened(fmt::format("{}", fmt::join(field.values, " | ")));
}

std::string fields_text(const std::vector<FieldTexts>& fields, std::string_view between) {
  std::string text;
  for (std::size_t i = 0; i < fields.size() && i < kMostFields; ++i)
    text += fmt::format("{}{}{}{}", i == 0 ? "" : ", ", fields[i].name, between, value_text(fields[i]));
  if (fields.size() > kMostFields) text += fmt::format(", and {} more", fields.size() - kMostFields);
  return text;
}

// Prints clauses as a tree, each behind a column of its own: an outcome or a number of events.
class ClausePrinter {
 public:
  explicit ClausePrinter(const LoadedDetection& loaded) : loaded_(loaded) {}

  void outcomes(const Clause& clause, int depth) const {
    line(clause, depth, word_of(clause.outcome), true);
    if (clause.text != "OR" || clause.children.size() <= kMostAlternatives) {
      for (const Clause& child : clause.children) outcomes(child, depth + 1);
      return;
    }
    // Of many alternatives: those that hold, or the first few.
    std::size_t shown = 0;
    for (const Clause& child : clause.children) {
      bool wanted = clause.outcome == child.outcome;
      if (!wanted || shown == kMostAlternatives) continue;
      ++shown;
      outcomes(child, depth + 1);
    }
    fmt::print("  {:>8}  {:{}}(and {} other alternatives)\n", "", "", 2 * depth + 2,
               clause.children.size() - shown);
  }
  void tally(const Clause& clause, int depth, const ClauseTally* tally, std::size_t& next) const {
    std::size_t number = next++;
    std::string count = tally != nullptr && number < tally->held.size() ? std::to_string(tally->held[number])
                        : tally != nullptr                              ? "0"
                                                                        : "";
    line(clause, depth, count, false);
    for (const Clause& child : clause.children) this->tally(child, depth + 1, tally, next);
  }

 private:
  void line(const Clause& clause, int depth, std::string_view column, bool values) const {
    std::string text = fmt::format("  {:>8}  {:{}}{}", column, "", 2 * depth, shortened(clause.text));
    if (values && !clause.fields.empty()) text += fmt::format("    [{}]", fields_text(clause.fields, ": "));
    if (clause.children.empty()) {
      spl::Position place = in_file(loaded_, clause.position);
      text += clause.macros.empty() ? fmt::format("  at {}:{}", place.line, place.column)
                                    : fmt::format("  from {}", clause.macros);
    }
    fmt::print("{}\n", text);
  }

  const LoadedDetection& loaded_;
};

Clause clauses_of(const LoadedDetection& loaded) {
  Arena arena;
  spl::EvalContext context{arena};
  return spl::explain(loaded.plan->scan().condition(), spl::Row(), context, loaded.plan->source());
}

// The search with its macros put in, a line a command.
std::string one_command_a_line(std::string_view text) {
  std::string out;
  bool quoted = false;
  bool blank = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted && c == '\\' && i + 1 < text.size()) {
      out += c;
      out += text[++i];
      continue;
    }
    if (c == '"') quoted = !quoted;
    bool is_blank = !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r');
    if (is_blank && blank) continue;
    if (c == '|' && !quoted && !out.empty()) out += "\n    ";
    out += is_blank ? ' ' : c;
    blank = is_blank;
  }
  return out;
}

void print_steps(const LoadedDetection& loaded, const std::vector<Explanation::Step>& steps) {
  ClausePrinter printer(loaded);
  for (const Explanation::Step& step : steps) {
    if (step.command.empty() && step.changed.empty()) continue;
    fmt::print("  | {}\n", shortened(step.command));
    for (const Clause& clause : step.predicates) printer.outcomes(clause, 0);
    if (step.rows_in != step.rows_out || step.rows_in != 1)
      fmt::print("            rows: {} in, {} out\n", step.rows_in, step.rows_out);
    if (!step.changed.empty()) fmt::print("            sets {}\n", fields_text(step.changed, "="));
  }
}

void print_groups(const Explanation& explanation) {
  if (!explanation.null_by.empty())
    fmt::print("  counted in no group: {} is null, and it is a BY field\n",
               fmt::join(explanation.null_by, ", "));
  if (explanation.keeps_event) fmt::print("  kept as a single event\n");
  for (const Explanation::Group& group : explanation.groups) {
    fmt::print("  counted in the group {}\n",
               group.by.empty() ? "of all events" : "of " + fields_text(group.by, "="));
    fmt::print("            by itself it gives {}\n", fields_text(group.results, "="));
  }
}

std::string prefilter_text(const ExplainedEvent& event) {
  std::string found = fmt::format("{}", fmt::join(event.literals, ", "));
  if (event.passes_prefilter) return found.empty() ? "looked at" : "looked at, since it holds " + found;
  return fmt::format("passed over without decoding, since it holds {} of the literals",
                     found.empty() ? "none" : "only " + found);
}

void print_event(const LoadedDetection& loaded, const ExplainedEvent& event) {
  const Explanation& explanation = event.explanation;
  fmt::print("\nevent {} ({}, host {}, source {}): {}\n", event.number, format_iso(event.time),
             event.host.empty() ? "none" : event.host, event.source.empty() ? "none" : event.source,
             verdict(explanation));
  if (!event.well_formed) fmt::print("  its payload is malformed; it was read as far as it goes\n");
  fmt::print("  prefilter: {}\n", prefilter_text(event));
  fmt::print("  first clause\n");
  ClausePrinter(loaded).outcomes(explanation.condition, 0);
  print_steps(loaded, explanation.streaming);
  print_groups(explanation);
  print_steps(loaded, explanation.closing);
  for (const auto& row : explanation.rows) {
    fmt::print("  row\n");
    for (const FieldTexts& field : row) fmt::print("            {}: {}\n", field.name, value_text(field));
  }
}

void write_position(JsonWriter& json, const LoadedDetection& loaded, const Clause& clause) {
  spl::Position place = in_file(loaded, clause.position);
  json.key("line").value(place.line).key("column").value(place.column).key("macros").value(clause.macros);
}

void write_fields(JsonWriter& json, const std::vector<FieldTexts>& fields) {
  json.begin_object();
  for (const FieldTexts& field : fields) {
    json.key(field.name);
    if (field.values.empty())
      json.raw("null");
    else
      json.value(std::span(field.values));
  }
  json.end_object();
}

void write_clause(JsonWriter& json, const LoadedDetection& loaded, const Clause& clause) {
  json.begin_object().key("clause").value(clause.text);
  json.key("holds");
  if (clause.outcome == Outcome::unknown)
    json.raw("null");
  else
    json.value(clause.outcome == Outcome::yes);
  write_position(json, loaded, clause);
  if (clause.children.empty()) {
    json.key("fields");
    write_fields(json, clause.fields);
  } else {
    json.key("of").begin_array();
    for (const Clause& child : clause.children) write_clause(json, loaded, child);
    json.end_array();
  }
  json.end_object();
}

void write_tally(JsonWriter& json, const LoadedDetection& loaded, const Clause& clause,
                 const ClauseTally* tally, std::size_t& next) {
  std::size_t number = next++;
  json.begin_object().key("clause").value(clause.text);
  write_position(json, loaded, clause);
  if (tally != nullptr) json.key("events").value(number < tally->held.size() ? tally->held[number] : 0);
  if (!clause.children.empty()) {
    json.key("of").begin_array();
    for (const Clause& child : clause.children) write_tally(json, loaded, child, tally, next);
    json.end_array();
  }
  json.end_object();
}

void write_steps(JsonWriter& json, const LoadedDetection& loaded,
                 const std::vector<Explanation::Step>& steps) {
  json.begin_array();
  for (const Explanation::Step& step : steps) {
    json.begin_object().key("command").value(step.command);
    json.key("rows_in").value(step.rows_in).key("rows_out").value(step.rows_out);
    json.key("predicates").begin_array();
    for (const Clause& clause : step.predicates) write_clause(json, loaded, clause);
    json.end_array().key("sets");
    write_fields(json, step.changed);
    json.end_object();
  }
  json.end_array();
}

void write_event(const LoadedDetection& loaded, const ExplainedEvent& event) {
  const Explanation& explanation = event.explanation;
  JsonWriter json;
  json.begin_object().key("detection").value(loaded.detection.name).key("event").value(event.number);
  json.key("time").value(format_iso(event.time)).key("host").value(event.host);
  json.key("source").value(event.source).key("well_formed").value(event.well_formed);
  json.key("verdict").value(verdict(explanation)).key("matches").value(!explanation.rows.empty());
  json.key("prefilter").begin_object().key("passes").value(event.passes_prefilter);
  json.key("literals").begin_array();
  for (const std::string& literal : event.literals) json.value(literal);
  json.end_array().end_object().key("first_clause");
  write_clause(json, loaded, explanation.condition);
  json.key("streaming");
  write_steps(json, loaded, explanation.streaming);
  json.key("keeps_event").value(explanation.keeps_event).key("null_by").begin_array();
  for (const std::string& name : explanation.null_by) json.value(name);
  json.end_array().key("groups").begin_array();
  for (const Explanation::Group& group : explanation.groups) {
    json.begin_object().key("by");
    write_fields(json, group.by);
    json.key("results");
    write_fields(json, group.results);
    json.end_object();
  }
  json.end_array().key("closing");
  write_steps(json, loaded, explanation.closing);
  json.key("rows").begin_array();
  for (const auto& row : explanation.rows) write_fields(json, row);
  json.end_array().end_object();
  fmt::print("{}\n", json.text());
}

// The first step that lets none of its rows through.
const Explanation::Step* stopper(const std::vector<Explanation::Step>& steps) {
  auto found = std::ranges::find_if(
      steps, [](const Explanation::Step& step) { return step.rows_in > 0 && step.rows_out == 0; });
  return found == steps.end() ? nullptr : &*found;
}

}  // namespace

std::string verdict(const Explanation& explanation) {
  if (!explanation.matched) return "does not match: the first clause does not hold";
  if (!explanation.contributed()) {
    if (const auto* step = stopper(explanation.streaming))
      return fmt::format("does not match: `{}` drops it", shortened(step->command));
    return fmt::format("does not count: {} is null, and it is a BY field",
                       fmt::join(explanation.null_by, ", "));
  }
  if (!explanation.rows.empty()) return "matches";
  if (const auto* step = stopper(explanation.closing))
    return fmt::format("counts, and by itself gives no row: `{}` drops it", shortened(step->command));
  return "counts, and by itself gives no row";
}

void print_explanation(const LoadedDetection& loaded, const catalogue::Catalogue& catalogue,
                       const ClauseTally* tally, const std::vector<ExplainedEvent>& events) {
  const catalogue::Detection& detection = loaded.detection;
  fmt::print("{} ({}:{}:{})\n", detection.name, detection.file, detection.line, detection.column);
  if (!loaded.off.empty()) fmt::print("  off: {}\n", loaded.off);
  fmt::print("  schedule: {}, from {} to {}\n", detection.cron, detection.earliest, detection.latest);
  fmt::print("  search, its macros put in:\n    {}\n", one_command_a_line(loaded.plan->source().text()));
  print_plan(loaded, catalogue, "  ");
  fmt::print("  clauses of the first one{}:\n",
             tally == nullptr ? std::string()
                              : fmt::format(", and how many of {} events each holds for", tally->events));
  std::size_t next = 0;
  ClausePrinter(loaded).tally(clauses_of(loaded), 0, tally, next);
  if (tally != nullptr && tally->events > events.size())
    fmt::print("\nthe {} events that come nearest (--limit 0: all)\n", events.size());
  for (const ExplainedEvent& event : events) print_event(loaded, event);
  fmt::print("\n");
}

void write_explanation(const LoadedDetection& loaded, const catalogue::Catalogue& catalogue,
                       const ClauseTally* tally, const std::vector<ExplainedEvent>& events) {
  const catalogue::Detection& detection = loaded.detection;
  JsonWriter json;
  json.begin_object().key("detection").value(detection.name).key("file").value(detection.file);
  json.key("line").value(detection.line).key("column").value(detection.column);
  json.key("off").value(loaded.off).key("search").value(detection.search);
  json.key("expanded").value(loaded.plan->source().text()).key("plan");
  write_plan(json, loaded, catalogue);
  if (tally != nullptr) json.key("events").value(tally->events);
  json.key("clauses");
  std::size_t next = 0;
  write_tally(json, loaded, clauses_of(loaded), tally, next);
  json.end_object();
  fmt::print("{}\n", json.text());
  for (const ExplainedEvent& event : events) write_event(loaded, event);
}

}  // namespace hecate::daemon
