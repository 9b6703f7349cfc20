// spath: fields out of a JSON text.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/json_tree.h"
#include "pipeline/spl/values.h"

#include <map>

namespace hecate::spl {
namespace {

// Fields that one text may give; a text with more is counted in context.rows_cut. Rows are lists that are
// searched from the front.
constexpr std::size_t kMostFields = 1000;

Value value_of(const JsonTree& tree, Arena& arena) {
  if (tree.kind == JsonTree::Kind::null) return {};
  if (!tree.is_array() && !tree.is_object()) return {arena.copy(tree.scalar)};
  std::string json;
  tree.write(json);
  return {arena.copy(json)};
}

// Every value in a document by its path: `a.b`, `a{}` for the elements of an array, `a{}.b` for what they
// have.
class Leaves {
 public:
  explicit Leaves(Arena& arena) : arena_(arena) {}

  void add(const JsonTree& tree, const std::string& path) {
    if (tree.is_object()) {
      for (const auto& [name, member] : tree.members) add(member, path.empty() ? name : path + "." + name);
    } else if (tree.is_array()) {
      for (const JsonTree& item : tree.items) add(item, path + "{}");
    } else if (Value value = value_of(tree, arena_); !value.is_null()) {
      place(path, value);
    }
  }
  void set_in(Row& row) const {
    for (const auto& [path, values] : fields_) row.set(path, copy_value(Value::multi(values), arena_));
  }
  [[nodiscard]] bool cut() const { return cut_; }

 private:
  void place(const std::string& path, const Value& value) {
    auto found = places_.find(path);
    if (found != places_.end()) {
      fields_[found->second].second.push_back(value);
    } else if (fields_.size() == kMostFields) {
      cut_ = true;
    } else {
      places_.emplace(path, fields_.size());
      fields_.push_back({arena_.copy(path), {value}});
    }
  }

  Arena& arena_;
  std::vector<std::pair<std::string_view, std::vector<Value>>> fields_;
  std::map<std::string, std::size_t, std::less<>> places_;
  bool cut_ = false;
};

class SpathCommand final : public Command {
 public:
  // Without a path every value of the text becomes a field.
  SpathCommand(FieldRef input, std::string path, FieldRef output)
      : input_(input), path_(std::move(path)), output_(output) {}

  std::string canonical() const override {
    return fmt::format("spath {:?} {:?} {:?}", input_.name, path_, output_.name);
  }
  // A field that is there stays where the text has none of that path.
  void need(FieldNeed& need) const override { need.add({&input_, 1}); }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    Value input = row.get(input_);
    std::optional<JsonTree> tree =
        input.is_null() ? std::nullopt : JsonTree::parse(to_text(input, context.arena));
    if (tree) path_.empty() ? set_all(*tree, row, context) : set_one(*tree, row, context);
    next(row);
  }

 private:
  static void set_all(const JsonTree& tree, Row& row, EvalContext& context) {
    Leaves leaves(context.arena);
    leaves.add(tree, "");
    leaves.set_in(row);
    if (leaves.cut()) ++context.rows_cut;
  }
  void set_one(JsonTree& tree, Row& row, EvalContext& context) const {
    std::vector<JsonTree*> found;
    find_in_json(tree, path_, found);
    std::vector<Value> values;
    for (const JsonTree* one : found) {
      if (Value value = value_of(*one, context.arena); !value.is_null()) values.push_back(value);
    }
    if (!values.empty()) row.set(output_.name, copy_value(Value::multi(values), context.arena));
  }

  FieldRef input_;
  std::string path_;
  FieldRef output_;
};

}  // namespace

Parsed<void> parse_spath(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::string input = "_raw";
  std::string output;
  std::string path;
  while (!cursor.at_end()) {
    std::string* into = &path;
    if (cursor.try_option("input")) {
      into = &input;
    } else if (cursor.try_option("output")) {
      into = &output;
    } else if (!cursor.try_option("path") && !path.empty()) {
      return cursor.error(fmt::format("unexpected {} in spath", cursor.next_for_message()));
    }
    Parsed<std::string> given = cursor.field();
    if (!given) return std::unexpected(given.error());
    *into = std::move(*given);
  }
  if (path.empty() && !output.empty())
    return cursor.error("spath with output= needs the path of what is put there");
  if (output.empty()) output = path;
  commands.push_back(std::make_unique<SpathCommand>(names.intern(input), path, names.intern(output)));
  return {};
}

}  // namespace hecate::spl
