// rex: fields out of the named groups of a regular expression, or a value rewritten as sed does.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/regex.h"
#include "pipeline/spl/values.h"

#include <array>
#include <optional>

namespace hecate::spl {
namespace {

using SharedRegex = std::shared_ptr<const Regex>;

class RexCommand final : public Command {
 public:
  // `most` matches of each value, 0 for all.
  RexCommand(FieldRef field, SharedRegex regex, std::size_t most, FieldNames& names)
      : field_(field), regex_(std::move(regex)), most_(most) {
    for (const Regex::Name& name : regex_->names()) targets_.push_back({names.intern(name.name), name.group});
  }

  std::string canonical() const override {
    return fmt::format("rex {:?} {} {:?}", field_.name, most_, regex_->text());
  }
  // A field that exists stays where nothing matches: so what is needed behind is needed before.
  void need(FieldNeed& need) const override { need.add({&field_, 1}); }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view name) const override {
    return std::ranges::any_of(targets_, [&](const Target& target) { return target.field.name == name; });
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    std::vector<std::vector<Value>> found(targets_.size());
    Value value = row.get(field_);
    for (const Value& item : value.each()) collect(to_text(item, context.arena), found);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (!found[i].empty())
        row.set(targets_[i].field.name, copy_value(Value::multi(found[i]), context.arena));
    }
    next(row);
  }

 private:
  struct Target {
    FieldRef field;
    std::size_t group;
  };

  void collect(std::string_view subject, std::vector<std::vector<Value>>& found) const {
    std::vector<std::string_view> groups;
    std::size_t start = 0;
    for (std::size_t matches = 0; (most_ == 0 || matches < most_) && start <= subject.size(); ++matches) {
      if (!regex_->find(subject, start, groups)) return;
      for (std::size_t i = 0; i < targets_.size(); ++i) {
        std::string_view group = groups[targets_[i].group];
        if (group.data() != nullptr) found[i].emplace_back(group);
      }
      auto end = static_cast<std::size_t>(groups[0].data() + groups[0].size() - subject.data());
      start = groups[0].empty() ? end + 1 : end;
    }
  }

  FieldRef field_;
  SharedRegex regex_;
  std::size_t most_;
  std::vector<Target> targets_;
};

// mode=sed: `s/expression/replacement/` with g for every match and a number for the n-th, or `y/abc/xyz/`.
class SedCommand final : public Command {
 public:
  SedCommand(FieldRef field, std::string text, SharedRegex regex, std::string to, std::string from,
             std::size_t limit)
      : field_(field),
        text_(std::move(text)),
        regex_(std::move(regex)),
        to_(std::move(to)),
        from_(std::move(from)),
        limit_(limit) {}

  std::string canonical() const override { return fmt::format("rex sed {:?} {:?}", field_.name, text_); }
  void need(FieldNeed& need) const override { need.add({&field_, 1}); }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    Value value = row.get(field_);
    std::span<const Value> items = value.each();
    Value* results = context.arena.array<Value>(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      results[i] = Value(context.arena.copy(rewritten(to_text(items[i], context.arena))));
    }
    if (!items.empty()) row.set(field_.name, Value::multi({results, items.size()}));
    next(row);
  }

 private:
  std::string rewritten(std::string_view text) const {
    if (regex_ != nullptr) return replace_matches(*regex_, text, to_, limit_);
    std::string result(text);
    for (char& c : result) {
      if (std::size_t place = from_.find(c); place != std::string::npos) c = to_[place];
    }
    return result;
  }

  FieldRef field_;
  std::string text_;
  SharedRegex regex_;  // null for y
  std::string to_;
  std::string from_;  // y: the characters that are replaced
  std::size_t limit_;
};

// The three parts of `s/a/b/g` behind the letter; an escaped delimiter stands for itself.
std::optional<std::array<std::string, 3>> sed_parts(std::string_view text) {
  if (text.empty()) return std::nullopt;
  char delimiter = text.front();
  std::array<std::string, 3> parts;
  std::size_t part = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == delimiter && part < 2) {
      ++part;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      if (text[i + 1] != delimiter) parts.at(part).push_back('\\');
      parts.at(part).push_back(text[++i]);
    } else {
      parts.at(part).push_back(text[i]);
    }
  }
  if (part < 2) return std::nullopt;
  return parts;
}

Parsed<void> add_sed(FieldRef field, const std::string& text, Position place, Commands& commands) {
  auto refuse = [&](std::string_view reason) {
    return std::unexpected(Diagnostic{place, fmt::format("the sed expression \"{}\" {}", text, reason)});
  };
  auto parts = text.empty() ? std::nullopt : sed_parts(std::string_view(text).substr(1));
  if (!parts) return refuse("is neither s/expression/replacement/flags nor y/characters/characters/");
  auto& [from, to, flags] = *parts;
  if (text.front() == 'y') {
    if (from.size() != to.size()) return refuse("needs as many characters on both sides");
    commands.push_back(std::make_unique<SedCommand>(field, text, nullptr, to, from, 0));
    return {};
  }
  if (text.front() != 's') return refuse("begins with neither s nor y");
  bool all = flags.contains('g');
  bool caseless = flags.contains('i');
  if (flags.find_first_not_of("gi") != std::string::npos) return refuse("has a flag other than g and i");
  Result<SharedRegex> regex = Regex::compile(from, caseless);
  if (!regex) return std::unexpected(Diagnostic{place, regex.error().message});
  commands.push_back(
      std::make_unique<SedCommand>(field, text, std::move(*regex), to, std::string(), all ? 0 : 1));
  return {};
}

struct RexOptions {
  std::string field = "_raw";
  std::size_t most = 1;
  bool sed = false;
};

// Reads one option; false when none is next.
Parsed<bool> parse_rex_option(Cursor& cursor, RexOptions& options) {
  Position place = cursor.position();
  if (cursor.try_option("field")) {
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    options.field = std::move(*field);
    return true;
  }
  if (cursor.try_option("max_match")) {
    Parsed<long> most = parse_count(cursor, 0);
    if (!most) return std::unexpected(most.error());
    options.most = static_cast<std::size_t>(*most);
    return true;
  }
  if (cursor.try_option("mode")) {
    Parsed<std::string> mode = cursor.value();
    if (!mode) return std::unexpected(mode.error());
    if (*mode != "sed") return std::unexpected(Diagnostic{place, "the only mode of rex is sed"});
    options.sed = true;
    return true;
  }
  if (cursor.try_option("offset_field")) {
    return std::unexpected(Diagnostic{place, "offset_field of rex is not supported"});
  }
  return false;
}

}  // namespace

Parsed<void> parse_rex(Cursor& cursor, FieldNames& names, Commands& commands) {
  RexOptions options;
  std::optional<std::string> expression;
  Position place;
  while (!cursor.at_end()) {
    Parsed<bool> option = parse_rex_option(cursor, options);
    if (!option) return std::unexpected(option.error());
    if (*option) continue;
    if (expression)
      return cursor.error(fmt::format("unexpected {} behind the expression", cursor.next_for_message()));
    place = cursor.position();
    Parsed<std::string> text = cursor.value();
    if (!text) return std::unexpected(text.error());
    expression = std::move(*text);
  }
  if (!expression) return cursor.error("rex needs an expression in double quotes");
  FieldRef field = names.intern(options.field);
  if (options.sed) return add_sed(field, *expression, place, commands);
  Result<SharedRegex> regex = Regex::compile(*expression);
  if (!regex) return std::unexpected(Diagnostic{place, regex.error().message});
  if ((*regex)->names().empty()) {
    return std::unexpected(
        Diagnostic{place, "the expression of rex has no named group (?<field>…): it makes no field"});
  }
  commands.push_back(std::make_unique<RexCommand>(field, std::move(*regex), options.most, names));
  return {};
}

}  // namespace hecate::spl
