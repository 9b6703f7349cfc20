// Commands that add rows of other searches: append, appendcols, appendpipe, multisearch, union.
#include "fmt/format.h"
#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/planned.h"
#include "pipeline/spl/subsearch.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <map>

namespace hecate::spl {
namespace {

using Subsearches = std::vector<std::shared_ptr<Subsearch>>;

// What commands share whose rows come from subsearches.
class SubsearchCommand : public Command {
 public:
  explicit SubsearchCommand(Subsearches searches) : searches_(std::move(searches)) {}

  Parsed<void> bind(const LookupSource& lookups, FieldNames& names) override {
    for (const auto& subsearch : searches_) {
      if (Parsed<void> bound = subsearch->bind(lookups, names); !bound) return bound;
    }
    return {};
  }
  // No part of a scan: what it gives depends on the window.
  std::string canonical() const override { return "subsearch"; }
  bool depends_on_search() const override { return true; }
  void settle(const FieldNeed& after) override {
    for (const auto& subsearch : searches_) subsearch->settle(after);
  }
  void need(FieldNeed& /*need*/) const override {}
  bool keeps_rows(const Names& /*stable*/, const Names& /*growing*/) const override { return false; }
  void add_results(std::vector<std::string>& names) const override {
    for (const auto& subsearch : searches_)
      names.insert(names.end(), subsearch->aggregates().begin(), subsearch->aggregates().end());
  }
  void subsearches(std::vector<const Subsearch*>& found) const override {
    for (const auto& subsearch : searches_) found.push_back(subsearch.get());
  }

 protected:
  [[nodiscard]] const Subsearches& searches() const { return searches_; }

 private:
  Subsearches searches_;
};

// Hands on what comes in, then what the subsearch found.
class AppendOperator final : public Operator {
 public:
  AppendOperator(SubsearchRows& found, Operator& next) : found_(found), next_(next) {}
  void take(Row& row, std::string_view group) override { next_.take(row, group); }
  void finish() override { found_.held.flush(next_); }

 private:
  SubsearchRows& found_;
  Operator& next_;
};

class AppendCommand final : public SubsearchCommand {
 public:
  using SubsearchCommand::SubsearchCommand;
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<AppendOperator>(*searches()[0]->rows(context), next);
  }
};

// Row for row the fields of the subsearch beside those that came in.
class AppendcolsOperator final : public Operator {
 public:
  AppendcolsOperator(SubsearchRows& found, bool overrides, Operator& next)
      : found_(found.held.rows()), overrides_(overrides), next_(next) {}
  void take(Row& row, std::string_view group) override {
    if (taken_ < found_.size()) {
      for (const Row::Entry& entry : found_[taken_].row.entries()) {
        if (overrides_ || row.get(entry.name).is_null()) row.set(entry.name, entry.value);
      }
    }
    ++taken_;
    next_.take(row, group);
  }
  void finish() override {
    for (std::size_t i = taken_; i < found_.size(); ++i) next_.take(found_[i].row, {});
    next_.finish();
  }

 private:
  std::vector<HeldRows::Held>& found_;
  bool overrides_;
  Operator& next_;
  std::size_t taken_ = 0;
};

class AppendcolsCommand final : public SubsearchCommand {
 public:
  AppendcolsCommand(std::shared_ptr<Subsearch> subsearch, bool overrides)
      : SubsearchCommand({std::move(subsearch)}), overrides_(overrides) {}
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<AppendcolsOperator>(*searches()[0]->rows(context), overrides_, next);
  }

 private:
  bool overrides_;
};

// The rows of several searches as those of one: newest first.
class MultisearchOperator final : public Operator {
 public:
  MultisearchOperator(std::vector<SubsearchRows*> found, Operator& next)
      : found_(std::move(found)), next_(next) {}
  void take(Row& row, std::string_view group) override { next_.take(row, group); }
  void finish() override {
    std::multimap<double, Row*, std::greater<>> newest_first;
    for (SubsearchRows* each : found_) {
      for (HeldRows::Held& held : each->held.rows())
        newest_first.emplace(to_number(held.row.get("_time")).value_or(0), &held.row);
    }
    for (auto& [time, row] : newest_first) next_.take(*row, {});
    next_.finish();
  }

 private:
  std::vector<SubsearchRows*> found_;
  Operator& next_;
};

class MultisearchCommand final : public SubsearchCommand {
 public:
  MultisearchCommand(Subsearches searches, FieldRef time)
      : SubsearchCommand(std::move(searches)), time_(time) {}
  void settle(const FieldNeed& after) override {
    FieldNeed needed = after;
    needed.add({&time_, 1});
    SubsearchCommand::settle(needed);
  }
  void need(FieldNeed& need) const override { need.clear(); }
  bool makes_rows() const override { return true; }
  bool puts_rows_together() const override { return true; }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    std::vector<SubsearchRows*> found;
    for (const auto& subsearch : searches()) found.push_back(subsearch->rows(context));
    return std::make_unique<MultisearchOperator>(std::move(found), next);
  }

 private:
  FieldRef time_;
};

// Hands rows on to one that is not finished with its own: the end of appendpipe's commands.
class PassOperator final : public Operator {
 public:
  explicit PassOperator(Operator& next) : next_(next) {}
  void take(Row& row, std::string_view /*group*/) override { next_.take(row, {}); }
  void finish() override { next_.finish(); }

 private:
  Operator& next_;
};

// Hands on what comes in, then what its commands make of the same rows.
class AppendpipeOperator final : public Operator {
 public:
  AppendpipeOperator(const Commands& commands, EvalContext& context, Operator& next)
      : next_(next), rows_(context), end_(next), first_(&end_) {
    for (auto command = commands.rbegin(); command != commands.rend(); ++command) {
      operators_.push_back((*command)->start(context, *first_));
      first_ = operators_.back().get();
    }
  }
  void take(Row& row, std::string_view group) override {
    rows_.add(row, group);
    next_.take(row, group);
  }
  void finish() override { rows_.flush(*first_); }

 private:
  Operator& next_;
  HeldRows rows_;
  PassOperator end_;
  std::vector<std::unique_ptr<Operator>> operators_;  // the last command first
  Operator* first_;
};

class AppendpipeCommand final : public Command {
 public:
  explicit AppendpipeCommand(Commands commands) : commands_(std::move(commands)) {}

  Parsed<void> bind(const LookupSource& lookups, FieldNames& names) override {
    return bind_commands(commands_, lookups, names);
  }
  std::string canonical() const override {
    std::string text = "appendpipe";
    for (const auto& command : commands_) text += " | " + command->canonical();
    return text;
  }
  void settle(const FieldNeed& after) override {
    FieldNeed need = after;
    for (auto command = commands_.rbegin(); command != commands_.rend(); ++command) {
      (*command)->settle(need);
      (*command)->need(need);
    }
  }
  void need(FieldNeed& need) const override {
    FieldNeed inside = need;
    for (auto command = commands_.rbegin(); command != commands_.rend(); ++command) (*command)->need(inside);
    if (inside.all()) need.add_all();
    for (std::string_view field : inside.fields()) need.add(field);
  }
  bool depends_on_search() const override {
    return std::ranges::any_of(commands_, [](const auto& command) { return command->depends_on_search(); });
  }
  bool makes_rows() const override {
    return std::ranges::any_of(commands_, [](const auto& command) {
      const Aggregation* aggregation = command->aggregation();
      return command->makes_rows() || (aggregation != nullptr && aggregation->by().empty());
    });
  }
  void add_results(std::vector<std::string>& names) const override {
    std::vector<std::string> own = follow_aggregates(commands_);
    names.insert(names.end(), own.begin(), own.end());
  }
  void subsearches(std::vector<const Subsearch*>& found) const override {
    for (const auto& command : commands_) command->subsearches(found);
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<AppendpipeOperator>(commands_, context, next);
  }

 private:
  Commands commands_;
};

// Limits of time make no difference here: a subsearch runs to its end.
Parsed<bool> try_ignored_option(Cursor& cursor) {
  for (std::string_view name : {"maxtime", "timeout", "extendtimerange"}) {
    if (!cursor.try_option(name)) continue;
    Parsed<std::string> value = cursor.value();
    if (!value) return std::unexpected(value.error());
    return true;
  }
  return false;
}

struct AppendOptions {
  std::size_t most = Subsearch::kMostJoined;
  bool overrides = false;
};

Parsed<void> parse_append_options(Cursor& cursor, std::string_view command, AppendOptions& options) {
  while (!cursor.at_end() && cursor.peek() != '[') {
    Parsed<bool> ignored = try_ignored_option(cursor);
    if (!ignored) return std::unexpected(ignored.error());
    if (*ignored) continue;
    if (cursor.try_option("maxout")) {
      Parsed<long> most = parse_count(cursor, 0);
      if (!most) return std::unexpected(most.error());
      if (*most > 0) options.most = std::min(options.most, static_cast<std::size_t>(*most));
    } else if (command == "appendcols" && cursor.try_option("override")) {
      Parsed<bool> overrides = cursor.boolean();
      if (!overrides) return std::unexpected(overrides.error());
      options.overrides = *overrides;
    } else {
      return cursor.error(
          fmt::format("{} takes a subsearch in brackets, not {}", command, cursor.next_for_message()));
    }
  }
  if (cursor.at_end()) return cursor.error(fmt::format("{} needs a subsearch in brackets", command));
  return {};
}

Parsed<std::shared_ptr<Subsearch>> parse_bracket(Cursor& cursor, FieldNames& names, std::size_t most) {
  Parsed<Range> inside = cursor.bracketed();
  if (!inside) return std::unexpected(inside.error());
  return Subsearch::parse(cursor.source(), *inside, names, most);
}

}  // namespace

Parsed<void> parse_append(Cursor& cursor, FieldNames& names, Commands& commands) {
  AppendOptions options;
  if (Parsed<void> read = parse_append_options(cursor, "append", options); !read) return read;
  Parsed<std::shared_ptr<Subsearch>> subsearch = parse_bracket(cursor, names, options.most);
  if (!subsearch) return std::unexpected(subsearch.error());
  commands.push_back(std::make_unique<AppendCommand>(Subsearches{std::move(*subsearch)}));
  return {};
}

Parsed<void> parse_appendcols(Cursor& cursor, FieldNames& names, Commands& commands) {
  AppendOptions options;
  if (Parsed<void> read = parse_append_options(cursor, "appendcols", options); !read) return read;
  Parsed<std::shared_ptr<Subsearch>> subsearch = parse_bracket(cursor, names, options.most);
  if (!subsearch) return std::unexpected(subsearch.error());
  commands.push_back(std::make_unique<AppendcolsCommand>(std::move(*subsearch), options.overrides));
  return {};
}

Parsed<void> parse_appendpipe(Cursor& cursor, FieldNames& names, Commands& commands) {
  if (cursor.try_option("run_in_preview")) {
    if (Parsed<bool> given = cursor.boolean(); !given) return std::unexpected(given.error());
  }
  if (cursor.peek() != '[') return cursor.error("appendpipe needs commands in brackets");
  Parsed<Range> inside = cursor.bracketed();
  if (!inside) return std::unexpected(inside.error());
  Parsed<Commands> own = parse_commands(cursor.source(), *inside, names, FirstCommand::named);
  if (!own) return std::unexpected(own.error());
  commands.push_back(std::make_unique<AppendpipeCommand>(std::move(*own)));
  return {};
}

// Also union, which is the same where all that it names are subsearches.
Parsed<void> parse_multisearch(Cursor& cursor, FieldNames& names, Commands& commands) {
  Position place = cursor.position();
  Subsearches searches;
  AppendOptions options;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    if (Parsed<void> read = parse_append_options(cursor, "multisearch", options); !read) return read;
    Parsed<std::shared_ptr<Subsearch>> subsearch = parse_bracket(cursor, names, options.most);
    if (!subsearch) return std::unexpected(subsearch.error());
    searches.push_back(std::move(*subsearch));
  }
  if (searches.size() < 2)
    return std::unexpected(Diagnostic{place, "at least two searches in brackets are needed"});
  if (!commands.empty())
    return std::unexpected(Diagnostic{place, "this command makes rows: it can only be the first"});
  commands.push_back(std::make_unique<MultisearchCommand>(std::move(searches), names.intern("_time")));
  return {};
}

}  // namespace hecate::spl
