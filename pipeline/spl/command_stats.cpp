// Commands made of stats functions: stats, tstats, eventstats, streamstats.
#include "fmt/format.h"
#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/group_key.h"

#include <array>
#include <deque>
#include <map>
#include <optional>

namespace hecate::spl {
namespace {

// The order of rows in a closing part: as they come, the first counting as the newest.
RowOrder nth_row(std::uint64_t n) {
  return {0, ~n, 0};
}

class StatsOperator final : public Operator {
 public:
  StatsOperator(const Aggregation& aggregation, EvalContext& context, Operator& next)
      : aggregation_(aggregation), context_(context), next_(next) {}

  void take(Row& row, std::string_view group) override {
    RowOrder order = nth_row(rows_++);
    aggregation_.each_key(row, context_, [&](std::string_view key) {
      auto found = groups_.find(key);
      if (found == groups_.end()) {
        found = groups_.emplace(std::string(key), Group{{}, std::string(group)}).first;
        context_.held_bytes += sizeof(Group) + key.size() + group.size();
      } else if (found->second.origin != group) {
        found->second.origin.clear();
      }
      aggregation_.add(row, context_, order, found->second.parts);
    });
  }
  void finish() override {
    if (groups_.empty() && aggregation_.by().empty()) groups_.emplace(kWholeKey, Group{});
    for (const auto& [key, group] : groups_) {
      Row row;
      if (!aggregation_.set_by(key, row, context_)) continue;
      aggregation_.set_results(group.parts, row, context_);
      next_.take(row, group.origin);
    }
    next_.finish();
  }

 private:
  struct Group {
    GroupState::Parts parts;
    std::string origin;
  };

  const Aggregation& aggregation_;
  EvalContext& context_;
  Operator& next_;
  std::map<std::string, Group, std::less<>> groups_;
  std::uint64_t rows_ = 0;
};

class StatsCommand final : public Command {
 public:
  explicit StatsCommand(Aggregation aggregation) : aggregation_(std::move(aggregation)) {}

  std::string canonical() const override { return "stats " + aggregation_.canonical_with_names(); }
  void need(FieldNeed& need) const override {
    std::vector<FieldRef> fields;
    aggregation_.collect_fields(fields);
    need.clear();
    if (aggregation_.has_wildcard()) need.add_all();
    need.add(fields);
  }
  bool depends_on_search() const override { return aggregation_.depends_on_search_time(); }
  std::optional<std::vector<std::string>> only_fields() const override {
    std::vector<std::string_view> results;
    aggregation_.collect_results(results);
    std::vector<std::string> names(results.begin(), results.end());
    for (const Aggregation::ByField& by : aggregation_.by()) names.emplace_back(by.field.name);
    return names;
  }
  const Aggregation* aggregation() const override { return &aggregation_; }
  bool gives_open_results() const override { return aggregation_.has_wildcard(); }
  void follow_keys(std::vector<std::string>& keys) const override {
    keys.clear();
    for (const Aggregation::ByField& by : aggregation_.by()) keys.emplace_back(by.field.name);
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<StatsOperator>(aggregation_, context, next);
  }

 private:
  Aggregation aggregation_;
};

// A row whose BY fields have several values gets the results of the first combination.
class EventstatsOperator final : public Operator {
 public:
  EventstatsOperator(const Aggregation& aggregation, EvalContext& context, Operator& next)
      : aggregation_(aggregation), context_(context), next_(next), rows_(context) {}

  void take(Row& row, std::string_view group) override {
    RowOrder order = nth_row(rows_.rows().size());
    rows_.add(row, group);
    Group* first = nullptr;
    aggregation_.each_key(row, context_, [&](std::string_view key) {
      auto [found, fresh] = groups_.try_emplace(std::string(key));
      if (fresh) context_.held_bytes += sizeof(Group) + key.size();
      if (first == nullptr) first = &found->second;
      aggregation_.add(row, context_, order, found->second.parts);
    });
    group_of_.push_back(first);
  }
  void finish() override {
    for (auto& [key, group] : groups_) aggregation_.set_results(group.parts, group.results, context_);
    for (std::size_t i = 0; i < group_of_.size(); ++i) {
      if (group_of_[i] == nullptr) continue;
      for (const Row::Entry& entry : group_of_[i]->results.entries()) {
        rows_.rows()[i].row.set(entry.name, entry.value);
      }
    }
    rows_.flush(next_);
  }

 private:
  struct Group {
    GroupState::Parts parts;
    Row results;
  };

  const Aggregation& aggregation_;
  EvalContext& context_;
  Operator& next_;
  HeldRows rows_;
  std::map<std::string, Group> groups_;  // stays where it is: group_of_ points into it
  std::vector<Group*> group_of_;
};

void add_results_of(const Aggregation& aggregation, std::vector<std::string>& names) {
  std::vector<std::string_view> results;
  aggregation.collect_results(results);
  names.insert(names.end(), results.begin(), results.end());
}

// What eventstats and streamstats need: all that follows, but for their own results, and what they read.
void need_of_added(const Aggregation& aggregation, FieldNeed& need) {
  std::vector<std::string_view> results;
  aggregation.collect_results(results);
  for (std::string_view result : results) need.remove(result);
  std::vector<FieldRef> fields;
  aggregation.collect_fields(fields);
  if (aggregation.has_wildcard()) need.add_all();
  need.add(fields);
}

class EventstatsCommand final : public Command {
 public:
  explicit EventstatsCommand(Aggregation aggregation) : aggregation_(std::move(aggregation)) {}

  std::string canonical() const override { return "eventstats " + aggregation_.canonical_with_names(); }
  void need(FieldNeed& need) const override { need_of_added(aggregation_, need); }
  void add_results(std::vector<std::string>& names) const override { add_results_of(aggregation_, names); }
  bool gives_open_results() const override { return aggregation_.has_wildcard(); }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<EventstatsOperator>(aggregation_, context, next);
  }

 private:
  Aggregation aggregation_;
};

struct StreamstatsOptions {
  std::size_t window = 0;  // rows that count; 0: all so far
  bool current = true;     // the row itself counts
  bool global = true;      // the window is over all rows, not over those of the group
};

// Without a window the results so far are kept for each group; with one, the rows in the window each by
// itself, put together anew for every row, since a partial result cannot be taken back.
class StreamstatsOperator final : public Operator {
 public:
  StreamstatsOperator(const Aggregation& aggregation, const StreamstatsOptions& options, EvalContext& context,
                      Operator& next)
      : aggregation_(aggregation), options_(options), context_(context), next_(next) {}

  void take(Row& row, std::string_view group) override {
    std::string key;
    bool has_key = false;
    aggregation_.each_key(row, context_, [&](std::string_view first) {
      if (!has_key) key = first;
      has_key = true;
    });
    RowOrder order = nth_row(rows_++);
    if (has_key && options_.window == 0) {
      auto [found, fresh] = so_far_.try_emplace(key);
      if (fresh) context_.held_bytes += sizeof(*found) + key.size();
      GroupState::Parts& parts = found->second;
      if (options_.current) aggregation_.add(row, context_, order, parts);
      Row result;
      aggregation_.set_results(parts, result, context_);
      if (!options_.current) aggregation_.add(row, context_, order, parts);
      add_results(result, row);
    } else if (has_key) {
      take_windowed(row, key, order);
    }
    next_.take(row, group);
  }
  void finish() override { next_.finish(); }

 private:
  struct Single {
    std::string key;
    GroupState::Parts parts;
  };

  void take_windowed(Row& row, const std::string& key, const RowOrder& order) {
    auto [found, fresh] = windows_.try_emplace(options_.global ? std::string() : key);
    if (fresh) context_.held_bytes += sizeof(*found) + (options_.window + 1) * (sizeof(Single) + key.size());
    std::deque<Single>& window = found->second;
    Single single{key, {}};
    aggregation_.add(row, context_, order, single.parts);
    if (options_.current) window.push_back(single);
    if (window.size() > options_.window) window.pop_front();
    GroupState::Parts parts;
    for (const Single& other : window) {
      if (other.key == key) static_cast<void>(parts.merge(GroupState::Parts(other.parts)));
    }
    Row result;
    aggregation_.set_results(parts, result, context_);
    if (!options_.current) window.push_back(std::move(single));
    if (window.size() > options_.window) window.pop_front();
    add_results(result, row);
  }
  static void add_results(const Row& result, Row& row) {
    for (const Row::Entry& entry : result.entries()) row.set(entry.name, entry.value);
  }

  const Aggregation& aggregation_;
  const StreamstatsOptions& options_;
  EvalContext& context_;
  Operator& next_;
  std::map<std::string, GroupState::Parts> so_far_;
  std::map<std::string, std::deque<Single>> windows_;
  std::uint64_t rows_ = 0;
};

class StreamstatsCommand final : public Command {
 public:
  StreamstatsCommand(Aggregation aggregation, StreamstatsOptions options)
      : aggregation_(std::move(aggregation)), options_(options) {}

  std::string canonical() const override {
    return fmt::format("streamstats {} {} {} {}", options_.window, options_.current, options_.global,
                       aggregation_.canonical_with_names());
  }
  void need(FieldNeed& need) const override { need_of_added(aggregation_, need); }
  void add_results(std::vector<std::string>& names) const override { add_results_of(aggregation_, names); }
  bool gives_open_results() const override { return aggregation_.has_wildcard(); }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<StreamstatsOperator>(aggregation_, options_, context, next);
  }

 private:
  Aggregation aggregation_;
  StreamstatsOptions options_;
};

// Options of stats that have no effect here: how many threads, how values are joined, what to do with what is
// no number (left out in any case).
Parsed<void> skip_stats_options(Cursor& cursor) {
  while (cursor.try_option("partitions") || cursor.try_option("delim")) {
    if (Parsed<std::string> ignored = cursor.value(); !ignored) return std::unexpected(ignored.error());
  }
  Position place = cursor.position();
  if (cursor.try_option("allnum")) {
    Parsed<bool> all = cursor.boolean();
    if (!all) return std::unexpected(all.error());
    if (*all) return std::unexpected(Diagnostic{place, "allnum=true is not supported"});
  }
  return {};
}

Parsed<Aggregation> parse_aggregation(Cursor& cursor, FieldNames& names) {
  Aggregation aggregation;
  if (Parsed<void> parsed = skip_stats_options(cursor); !parsed) return std::unexpected(parsed.error());
  if (Parsed<void> parsed = aggregation.parse_functions(cursor, names); !parsed)
    return std::unexpected(parsed.error());
  if (cursor.try_keyword("by")) {
    if (Parsed<void> parsed = aggregation.parse_by(cursor, names, false); !parsed) {
      return std::unexpected(parsed.error());
    }
  }
  return aggregation;
}

Parsed<void> parse_streamstats_options(Cursor& cursor, StreamstatsOptions& options) {
  for (;;) {
    Position place = cursor.position();
    Parsed<bool> flag = false;
    if (cursor.try_option("window")) {
      Parsed<long> window = parse_count(cursor, 0);
      if (!window) return std::unexpected(window.error());
      options.window = static_cast<std::size_t>(*window);
    } else if (cursor.try_option("current")) {
      flag = cursor.boolean();
      options.current = flag.value_or(true);
    } else if (cursor.try_option("global")) {
      flag = cursor.boolean();
      options.global = flag.value_or(true);
    } else if (std::optional<std::string_view> other = cursor.try_option()) {
      return std::unexpected(Diagnostic{place, fmt::format("{}= of streamstats is not supported", *other)});
    } else {
      return {};
    }
    if (!flag) return std::unexpected(flag.error());
  }
}

// The options of tstats stand anywhere before FROM.
struct TstatsOptions {
  std::optional<std::string> null_text;
};

Parsed<bool> parse_tstats_option(Cursor& cursor, TstatsOptions& options) {
  Position place = cursor.position();
  // Whether summaries are used makes no difference where there are none.
  for (std::string_view ignored :
       {"summariesonly", "allow_old_summaries", "local", "include_reduced_buckets"}) {
    if (!cursor.try_option(ignored)) continue;
    Parsed<bool> given = cursor.boolean();
    if (!given) return std::unexpected(given.error());
    return true;
  }
  if (cursor.try_option("chunk_size")) {
    Parsed<long> given = cursor.integer();
    if (!given) return std::unexpected(given.error());
    return true;
  }
  if (cursor.try_option("fillnull_value")) {
    Parsed<std::string> text = cursor.value();
    if (!text) return std::unexpected(text.error());
    options.null_text = std::move(*text);
    return true;
  }
  if (std::optional<std::string_view> other = cursor.try_option()) {
    return std::unexpected(Diagnostic{place, fmt::format("{}= of tstats is not supported", *other)});
  }
  return false;
}

// Where the condition ends: at the BY outside quotes, parentheses and brackets.
std::size_t find_by(const Cursor& start) {
  Cursor cursor = start;
  while (!cursor.at_end()) {
    if (cursor.looking_at_keyword("by")) return cursor.offset();
    char next = cursor.peek();
    bool read = false;
    if (next == '"') {
      read = cursor.quoted().has_value();
    } else if (next == '(') {
      read = cursor.parenthesized().has_value();
    } else if (next == '[') {
      read = cursor.bracketed().has_value();
    } else {
      read = !cursor.word().empty();
    }
    if (!read) cursor.move_to(cursor.offset() + 1);
  }
  return start.end();
}

Parsed<Condition> parse_data_model(Cursor& cursor, FieldNames& names) {
  Position place = cursor.position();
  if (!cursor.try_option("datamodel")) return cursor.error("tstats reads FROM datamodel=… only");
  Parsed<std::string> model = cursor.value();
  if (!model) return std::unexpected(model.error());
  return member_of(*model, place, names);
}

Parsed<Condition> parse_tstats_condition(Cursor& cursor, FieldNames& names) {
  Condition all;
  all.kind = Condition::Kind::all_of;
  all.position = cursor.position();
  if (cursor.try_keyword("from")) {
    Parsed<Condition> member = parse_data_model(cursor, names);
    if (!member) return member;
    all.children.push_back(std::move(*member));
  }
  if (cursor.try_keyword("where")) {
    std::size_t end = find_by(cursor);
    Parsed<Condition> where = parse_condition(cursor.source(), cursor.offset(), end, names);
    if (!where) return where;
    if (where->kind != Condition::Kind::always) all.children.push_back(std::move(*where));
    cursor.move_to(end);
  }
  if (all.children.empty()) all.kind = Condition::Kind::always;
  return all;
}

}  // namespace

Parsed<void> parse_stats(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<Aggregation> aggregation = parse_aggregation(cursor, names);
  if (!aggregation) return std::unexpected(aggregation.error());
  commands.push_back(std::make_unique<StatsCommand>(std::move(*aggregation)));
  return {};
}

Parsed<void> parse_eventstats(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<Aggregation> aggregation = parse_aggregation(cursor, names);
  if (!aggregation) return std::unexpected(aggregation.error());
  commands.push_back(std::make_unique<EventstatsCommand>(std::move(*aggregation)));
  return {};
}

Parsed<void> parse_streamstats(Cursor& cursor, FieldNames& names, Commands& commands) {
  StreamstatsOptions options;
  if (Parsed<void> parsed = parse_streamstats_options(cursor, options); !parsed) return parsed;
  Parsed<Aggregation> aggregation = parse_aggregation(cursor, names);
  if (!aggregation) return std::unexpected(aggregation.error());
  commands.push_back(std::make_unique<StreamstatsCommand>(std::move(*aggregation), options));
  return {};
}

Parsed<void> parse_tstats(Cursor& cursor, FieldNames& names, Commands& commands) {
  TstatsOptions options;
  for (;;) {
    Parsed<bool> option = parse_tstats_option(cursor, options);
    if (!option) return std::unexpected(option.error());
    if (!*option) break;
  }
  Aggregation aggregation;
  if (Parsed<void> parsed = aggregation.parse_functions(cursor, names, {.wildcards = false}); !parsed)
    return parsed;
  Parsed<Condition> condition = parse_tstats_condition(cursor, names);
  if (!condition) return std::unexpected(condition.error());
  if (cursor.try_keyword("by")) {
    if (Parsed<void> parsed = aggregation.parse_by(cursor, names, true); !parsed) return parsed;
  }
  if (options.null_text) aggregation.fill_null_by(std::move(*options.null_text));
  add_search(std::move(*condition), commands);
  commands.push_back(std::make_unique<StatsCommand>(std::move(aggregation)));
  return {};
}

void add_counts(std::span<const FieldRef> by, std::string_view count_name, FieldNames& names,
                Commands& commands) {
  Aggregation aggregation;
  aggregation.add_count(count_name, names);
  for (const FieldRef& field : by) aggregation.add_by(field);
  commands.push_back(std::make_unique<StatsCommand>(std::move(aggregation)));
}

}  // namespace hecate::spl
