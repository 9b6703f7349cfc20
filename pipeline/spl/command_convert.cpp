// convert: values from one form to another.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/time_format.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace hecate::spl {
namespace {

struct Conversion {
  std::string_view name;
  // Null where the value is not of that form: the field then goes away.
  Value (*convert)(const Value& value, const std::string& format, Arena& arena);
};

Value convert_auto(const Value& value, const std::string& /*format*/, Arena& /*arena*/) {
  std::optional<double> number = to_number(value);
  return number ? Value(*number) : value;
}

Value convert_num(const Value& value, const std::string& /*format*/, Arena& /*arena*/) {
  std::optional<double> number = to_number(value);
  return number ? Value(*number) : Value();
}

Value convert_none(const Value& value, const std::string& /*format*/, Arena& /*arena*/) {
  return value;
}

// What is no time stays as it is, so that a time that was formatted before survives.
Value convert_ctime(const Value& value, const std::string& format, Arena& arena) {
  std::optional<double> seconds = to_number(value);
  constexpr double kLargest = 9e12;
  if (!seconds || std::abs(*seconds) > kLargest) return value;
  std::string text;
  format_time(static_cast<Time>(std::llround(*seconds * kSecond)), format, text);
  return {arena.copy(text)};
}

Value convert_mktime(const Value& value, const std::string& format, Arena& arena) {
  std::optional<Time> time = parse_time(to_text(value, arena), format);
  return time ? Value(static_cast<double>(*time) / kSecond) : Value();
}

// The numbers between colons; nullopt unless there are `least` to `most` of them.
std::optional<std::vector<double>> between_colons(std::string_view text, std::size_t least,
                                                  std::size_t most) {
  std::vector<double> numbers;
  for (;;) {
    std::size_t colon = text.find(':');
    std::optional<double> number = to_number(text.substr(0, colon));
    if (!number || *number < 0) return std::nullopt;
    numbers.push_back(*number);
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
  }
  if (numbers.size() < least || numbers.size() > most) return std::nullopt;
  return numbers;
}

// [D+]HH:MM:SS
Value convert_dur2sec(const Value& value, const std::string& /*format*/, Arena& arena) {
  std::string_view text = to_text(value, arena);
  double days = 0;
  if (std::size_t plus = text.find('+'); plus != std::string_view::npos) {
    std::optional<double> number = to_number(text.substr(0, plus));
    if (!number) return {};
    days = *number;
    text.remove_prefix(plus + 1);
  }
  std::optional<std::vector<double>> parts = between_colons(text, 3, 3);
  if (!parts) return {};
  return ((days * 24 + (*parts)[0]) * 60 + (*parts)[1]) * 60 + (*parts)[2];
}

// [MM:]SS.SSS
Value convert_mstime(const Value& value, const std::string& /*format*/, Arena& arena) {
  std::optional<std::vector<double>> parts = between_colons(to_text(value, arena), 1, 2);
  if (!parts) return {};
  return parts->size() == 1 ? (*parts)[0] : (*parts)[0] * 60 + (*parts)[1];
}

Value convert_rmcomma(const Value& value, const std::string& /*format*/, Arena& arena) {
  std::string text(to_text(value, arena));
  std::erase(text, ',');
  std::optional<double> number = to_number(text);
  return number ? Value(*number) : Value(arena.copy(text));
}

// The number at the front and what stands behind it.
std::optional<std::pair<double, std::string_view>> leading_number(std::string_view text) {
  std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start);
  double number = 0;
  auto [behind, problem] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (problem != std::errc()) return std::nullopt;
  return std::pair(number, text.substr(static_cast<std::size_t>(behind - text.data())));
}

Value convert_rmunit(const Value& value, const std::string& /*format*/, Arena& arena) {
  auto leading = leading_number(to_text(value, arena));
  return leading ? Value(leading->first) : Value();
}

// A size with the unit k, m or g behind it (k where none is), in kilobytes.
Value convert_memk(const Value& value, const std::string& /*format*/, Arena& arena) {
  auto leading = leading_number(to_text(value, arena));
  if (!leading) return {};
  constexpr double kThousand = 1024;
  switch (leading->second.empty() ? 'k' : leading->second.front()) {
    case 'k':
    case 'K':
      return leading->first;
    case 'm':
    case 'M':
      return leading->first * kThousand;
    case 'g':
    case 'G':
      return leading->first * kThousand * kThousand;
    default:
      return {};
  }
}

constexpr auto kConversions = std::to_array<Conversion>({
    {"auto", convert_auto},
    {"ctime", convert_ctime},
    {"dur2sec", convert_dur2sec},
    {"memk", convert_memk},
    {"mktime", convert_mktime},
    {"mstime", convert_mstime},
    {"none", convert_none},
    {"num", convert_num},
    {"rmcomma", convert_rmcomma},
    {"rmunit", convert_rmunit},
});

class ConvertCommand final : public Command {
 public:
  ConvertCommand(const Conversion& conversion, std::string format, NamePattern pattern, FieldRef from,
                 FieldRef to)
      : conversion_(conversion),
        format_(std::move(format)),
        pattern_(std::move(pattern)),
        from_(from),
        to_(to) {}

  std::string canonical() const override {
    return fmt::format("convert {:?} {} {:?} {:?}", format_, conversion_.name, pattern_.text(), to_.name);
  }
  void need(FieldNeed& need) const override {
    if (pattern_.has_wildcard()) return;
    if (to_.name != from_.name) need.remove(to_.name);
    need.add({&from_, 1});
  }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view name) const override {
    return pattern_.has_wildcard() ? pattern_.matches(name) : name == to_.name;
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    if (pattern_.has_wildcard()) {
      row.flatten(context.arena);
      for (Row::Entry& entry : row.entries()) {
        if (!entry.name.starts_with('_') && pattern_.matches(entry.name))
          entry.value = converted(entry.value, context);
      }
    } else {
      Value value = row.get(from_);
      if (!value.is_null()) row.set(to_.name, converted(value, context));
    }
    next(row);
  }

 private:
  Value converted(const Value& value, EvalContext& context) const {
    std::span<const Value> items = value.each();
    Value* results = context.arena.array<Value>(items.size());
    std::size_t n = 0;
    for (const Value& item : items) {
      Value result = conversion_.convert(item, format_, context.arena);
      if (!result.is_null()) results[n++] = result;
    }
    return Value::multi({results, n});
  }

  const Conversion& conversion_;
  std::string format_;
  NamePattern pattern_;
  FieldRef from_;
  FieldRef to_;
};

const Conversion* find_conversion(std::string_view word) {
  std::string lower;
  fold_case(word, lower);
  auto found = std::ranges::find(kConversions, lower, &Conversion::name);
  return found == kConversions.end() ? nullptr : &*found;
}

Parsed<void> parse_conversion(Cursor& cursor, const std::string& format, FieldNames& names,
                              Commands& commands) {
  Position place = cursor.position();
  std::string_view word = cursor.word();
  const Conversion* conversion = find_conversion(word);
  if (conversion == nullptr) {
    return std::unexpected(Diagnostic{place, fmt::format("\"{}\" is not a function of convert", word)});
  }
  Parsed<Range> range = cursor.parenthesized();
  if (!range) return std::unexpected(range.error());
  Cursor inside(cursor.source(), *range);
  Parsed<std::string> from = inside.field();
  if (!from) return std::unexpected(from.error());
  if (Parsed<void> end = inside.expect_end("the field"); !end) return end;
  std::string to = *from;
  if (cursor.try_keyword("as")) {
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    to = std::move(*name);
  }
  bool wildcard = from->contains('*');
  if (wildcard && to != *from) {
    return std::unexpected(
        Diagnostic{place, "convert with a wildcard and AS is not supported: name each field"});
  }
  FieldRef from_field = wildcard ? FieldRef{} : names.intern(*from);
  FieldRef to_field = wildcard ? FieldRef{} : names.intern(to);
  commands.push_back(std::make_unique<ConvertCommand>(*conversion, format, NamePattern(std::move(*from)),
                                                      from_field, to_field));
  return {};
}

}  // namespace

Parsed<void> parse_convert(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::string format = "%m/%d/%Y %H:%M:%S";
  if (cursor.try_option("timeformat")) {
    Parsed<std::string> given = cursor.value();
    if (!given) return std::unexpected(given.error());
    format = std::move(*given);
  }
  if (cursor.at_end()) return cursor.error("convert needs a function: ctime(field) …");
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    if (Parsed<void> parsed = parse_conversion(cursor, format, names, commands); !parsed) return parsed;
  }
  return {};
}

}  // namespace hecate::spl
