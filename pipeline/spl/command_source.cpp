// Commands that rows come from, beside search and tstats: from, datamodel, makeresults.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/condition.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

constexpr std::size_t kMostRows = 10'000;  // that makeresults makes

bool is_metadata(std::string_view name) {
  constexpr auto kNames =
      std::to_array<std::string_view>({"_time", "_raw", "host", "source", "sourcetype", "index"});
  return std::ranges::find(kNames, name) != kNames.end();
}

// Makes the fields of a data model that the rest of the search names fields of the row: `user` from the event
// layer's `Processes.user` with from, `Processes.user` itself with datamodel.
class ModelFieldsCommand final : public Command {
 public:
  ModelFieldsCommand(std::string prefix, bool flat, FieldNames& names)
      : prefix_(std::move(prefix)), flat_(flat), names_(names) {}

  std::string canonical() const override {
    std::string text = fmt::format("model {:?} {}", prefix_, flat_);
    for (const Field& field : fields_) text += fmt::format(" {:?}", field.name);
    return text;
  }
  void settle(const FieldNeed& after) override {
    for (std::string_view name : after.fields()) {
      if (flat_ ? !is_metadata(name) : name.starts_with(prefix_))
        fields_.push_back({name, names_.intern(flat_ ? prefix_ + std::string(name) : std::string(name))});
    }
  }
  void need(FieldNeed& need) const override {
    for (const Field& field : fields_) {
      need.remove(field.name);
      need.add({&field.source, 1});
    }
  }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& /*context*/, RowStep next) const override {
    for (const Field& field : fields_) row.set(field.name, row.get(field.source));
    next(row);
  }

 private:
  struct Field {
    std::string_view name;
    FieldRef source;
  };

  std::string prefix_;
  bool flat_;
  FieldNames& names_;  // used while the search is planned
  std::vector<Field> fields_;
};

class MakeResultsOperator final : public Operator {
 public:
  MakeResultsOperator(std::size_t count, EvalContext& context, Operator& next)
      : count_(count), context_(context), next_(next) {}
  void take(Row& /*row*/, std::string_view /*group*/) override {}
  void finish() override {
    for (std::size_t i = 0; i < count_; ++i) {
      Row row;
      row.set("_time", static_cast<double>(floor_to(context_.now, kSecond)) / kSecond);
      next_.take(row, "");
    }
    next_.finish();
  }

 private:
  std::size_t count_;
  EvalContext& context_;
  Operator& next_;
};

class MakeResultsCommand final : public Command {
 public:
  explicit MakeResultsCommand(std::size_t count) : count_(count) {}
  std::string canonical() const override { return fmt::format("makeresults {}", count_); }
  void need(FieldNeed& need) const override { need.clear(); }
  bool makes_rows() const override { return true; }
  bool puts_rows_together() const override { return true; }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<MakeResultsOperator>(count_, context, next);
  }

 private:
  std::size_t count_;
};

// `Endpoint.Processes`: its fields carry the prefix `Processes.`.
Parsed<void> add_model(const std::string& model, Position place, bool flat, FieldNames& names,
                       Commands& commands) {
  std::size_t dot = model.rfind('.');
  if (dot == std::string::npos || dot + 1 == model.size()) {
    return std::unexpected(
        Diagnostic{place, fmt::format("{} names no set of a data model, as Endpoint.Processes does", model)});
  }
  add_search(member_of(model, place, names), commands);
  commands.push_back(std::make_unique<ModelFieldsCommand>(model.substr(dot + 1) + ".", flat, names));
  return {};
}

}  // namespace

Condition member_of(const std::string& model, Position place, FieldNames& names) {
  Condition member;
  member.position = place;
  member.kind = Condition::Kind::equal;
  member.field = names.intern("datamodel::" + model);
  member.pattern = Pattern("1");
  return member;
}

Parsed<void> parse_from(Cursor& cursor, FieldNames& names, Commands& commands) {
  Position place = cursor.position();
  std::string_view word = cursor.word();
  std::string_view kind = word.substr(0, word.find(':'));
  std::size_t behind = cursor.offset() - (word.size() - std::min(word.size(), kind.size() + 1));
  cursor.move_to(behind);
  if (kind == "lookup" || kind == "inputlookup") return parse_inputlookup(cursor, names, commands);
  if (kind != "datamodel") {
    return std::unexpected(Diagnostic{
        place,
        fmt::format("from {}: is not supported; from datamodel:Model.Set and from lookup:name are", kind)});
  }
  place = cursor.position();
  Parsed<std::string> model = cursor.field();
  if (!model) return std::unexpected(model.error());
  return add_model(*model, place, true, names, commands);
}

Parsed<void> parse_datamodel(Cursor& cursor, FieldNames& names, Commands& commands) {
  Position place = cursor.position();
  Parsed<std::string> model = cursor.field();
  if (!model) return std::unexpected(model.error());
  if (cursor.at_end()) {
    return std::unexpected(
        Diagnostic{place, "datamodel shows definitions unless it is written: datamodel Model Set search"});
  }
  Parsed<std::string> set = cursor.field();
  if (!set) return std::unexpected(set.error());
  bool flat = false;
  while (!cursor.at_end()) {
    // Whether summaries are used makes no difference where there are none.
    if (cursor.try_option("strict_fields") || cursor.try_option("allow_old_summaries") ||
        cursor.try_option("summariesonly")) {
      if (Parsed<bool> given = cursor.boolean(); !given) return std::unexpected(given.error());
    } else if (cursor.try_keyword("flat")) {
      flat = true;
    } else if (!cursor.try_keyword("search")) {
      return cursor.error("datamodel takes search or flat here");
    }
  }
  return add_model(*model + "." + *set, place, flat, names, commands);
}

Parsed<void> parse_makeresults(Cursor& cursor, FieldNames& /*names*/, Commands& commands) {
  std::size_t count = 1;
  while (!cursor.at_end()) {
    Position place = cursor.position();
    if (cursor.try_option("count")) {
      Parsed<long> given = parse_count(cursor, 0);
      if (!given) return std::unexpected(given.error());
      count = static_cast<std::size_t>(*given);
      if (count > kMostRows)
        return std::unexpected(
            Diagnostic{place, fmt::format("makeresults makes {} rows at most", kMostRows)});
    } else if (std::optional<std::string_view> other = cursor.try_option()) {
      return std::unexpected(Diagnostic{place, fmt::format("{}= of makeresults is not supported", *other)});
    } else {
      return cursor.error(fmt::format("unexpected {} in makeresults", cursor.next_for_message()));
    }
  }
  commands.push_back(std::make_unique<MakeResultsCommand>(count));
  return {};
}

}  // namespace hecate::spl
