#include "fmt/format.h"
#include "pipeline/spl/function_groups.h"
#include "pipeline/spl/json_tree.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

#include <arpa/inet.h>

namespace hecate::spl {
namespace {

constexpr std::string_view kConversion = "Conversion";
constexpr std::string_view kInformation = "Information";
constexpr int kMostWidth = 1000;  // of printf's fields: bounds what a search can make
constexpr double kLargestInteger = 9007199254740992.0;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<long long> whole(const Value& value) {
  std::optional<double> number = to_number(value);
  if (!number || std::fabs(*number) > kLargestInteger) return std::nullopt;
  return static_cast<long long>(std::trunc(*number));
}

// One `%…` of printf: what stands between `%` and the letter, with `*` filled in.
struct Spec {
  std::string flags;
  char letter = '\0';
  bool wrong = false;
};

// Writes the arguments of printf one after another.
class Printer {
 public:
  explicit Printer(const Call& call) : call_(call) {}
  // nullopt where the format or an argument does not fit.
  std::optional<std::string> print(std::string_view format);

 private:
  Spec read_spec(std::string_view format, std::size_t& at);
  bool read_count(std::string_view format, std::size_t& at, Spec& spec);
  bool put(const Spec& spec);
  template <typename T>
  void write(const std::string& format, T value);
  Value next() { return next_ < call_.size() ? call_[next_++] : Value(); }

  const Call& call_;
  std::size_t next_ = 1;
  std::string out_;
};

template <typename T>
void Printer::write(const std::string& format, T value) {
  int size = std::snprintf(nullptr, 0, format.c_str(), value);
  if (size <= 0) return;
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), format.c_str(), value);
  text.pop_back();
  out_ += text;
}

// A width or precision: digits, or `*` for an argument.
bool Printer::read_count(std::string_view format, std::size_t& at, Spec& spec) {
  int count = 0;
  if (at < format.size() && format[at] == '*') {
    ++at;
    std::optional<long long> given = whole(next());
    if (!given || std::llabs(*given) > kMostWidth) return false;
    spec.flags += std::to_string(*given);
    return true;
  }
  for (; at < format.size() && is_digit(format[at]); ++at) {
    count = count * 10 + (format[at] - '0');
    spec.flags += format[at];
    if (count > kMostWidth) return false;
  }
  return true;
}

Spec Printer::read_spec(std::string_view format, std::size_t& at) {
  Spec spec;
  constexpr std::string_view kFlags = "-+ #0'";
  while (at < format.size() && kFlags.contains(format[at])) spec.flags += format[at++];
  spec.wrong = !read_count(format, at, spec);
  if (at < format.size() && format[at] == '.') {
    spec.flags += format[at++];
    spec.wrong = spec.wrong || !read_count(format, at, spec);
  }
  while (at < format.size() && (format[at] == 'l' || format[at] == 'h')) ++at;
  if (at < format.size()) spec.letter = format[at++];
  return spec;
}

bool Printer::put(const Spec& spec) {
  constexpr std::string_view kWhole = "diuxXo";
  constexpr std::string_view kReal = "fFeEgGaA";
  std::string format = "%" + spec.flags;
  if (spec.letter == 's') {
    write(format + 's', std::string(call_.to_text_in_arena(next())).c_str());
    return true;
  }
  if (spec.letter == 'c') {
    out_ += call_.to_text_in_arena(next()).substr(0, 1);
    return true;
  }
  Value value = next();
  if (kWhole.contains(spec.letter)) {
    std::optional<long long> number = whole(value);
    if (!number) return false;
    write(format + "ll" + spec.letter, *number);
    return true;
  }
  if (!kReal.contains(spec.letter)) return false;
  std::optional<double> number = to_number(value);
  if (!number) return false;
  write(format + spec.letter, *number);
  return true;
}

std::optional<std::string> Printer::print(std::string_view format) {
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out_ += format[at++];
      continue;
    }
    ++at;
    Spec spec = read_spec(format, at);
    if (spec.letter == '%') {
      out_ += '%';
    } else if (spec.wrong || spec.letter == '\0' || !put(spec)) {
      return std::nullopt;
    }
  }
  return std::move(out_);
}

Value print_formatted(const Call& call) {
  Value format = call[0];
  if (format.is_null()) return {};
  std::optional<std::string> text = Printer(call).print(call.to_text_in_arena(format));
  return text ? call.keep(*text) : Value();
}

Value read_in_base(std::string_view text, int base) {
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (base == 16 && (text.starts_with("0x") || text.starts_with("0X"))) text.remove_prefix(2);
  unsigned long long number = 0;
  auto [behind, problem] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || problem != std::errc() || behind != text.data() + text.size()) return {};
  double value = static_cast<double>(number);
  return negative ? -value : value;
}

std::string with_commas(double number) {
  std::string text = number == std::trunc(number) ? number_to_text(number) : fmt::format("{:.2f}", number);
  std::size_t first = text.starts_with('-') ? 1 : 0;
  std::size_t at = std::min(text.find('.'), text.size());
  while (at > first + 3) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

// `D+HH:MM:SS`, without days that are none; decimals where there are some.
std::string as_duration(double seconds) {
  std::string out = seconds < 0 ? "-" : "";
  seconds = std::fabs(seconds);
  auto total = static_cast<long long>(seconds);
  long long days = total / 86400;
  if (days > 0) out += fmt::format("{}+", days);
  out += fmt::format("{:02}:{:02}:{:02}", total / 3600 % 24, total / 60 % 60, total % 60);
  auto micros = static_cast<long long>(std::round((seconds - std::trunc(seconds)) * 1e6));
  if (micros > 0) out += fmt::format(".{:06}", micros);
  return out;
}

std::optional<std::string> in_format(double number, std::string_view format) {
  if (std::fabs(number) > kLargestInteger) return std::nullopt;
  if (format == "commas") return with_commas(number);
  if (format == "duration") return as_duration(number);
  auto integer = static_cast<long long>(std::trunc(number));
  if (format == "hex") return fmt::format("{:#X}", integer).replace(integer < 0 ? 2 : 1, 1, "x");
  if (format == "binary") return fmt::format("{:b}", integer);
  return std::nullopt;
}

Value tostring(const Call& call) {
  std::string_view format = call.size() > 1 ? call.text(1) : std::string_view();
  return map_values(call, call[0], [&](const Value& value) -> Value {
    if (value.kind() == Value::Kind::boolean) return std::string_view(value.is_true() ? "True" : "False");
    if (format.empty()) return call.to_text_in_arena(value);
    std::optional<double> number = to_number(value);
    if (!number) return value;
    std::optional<std::string> text = in_format(*number, format);
    return text ? call.keep(*text) : Value();
  });
}

std::string check_tostring(Expression& call, FieldNames&) {
  std::optional<std::string_view> format = literal_text(call, 1);
  for (std::string_view known : {"hex", "commas", "duration", "binary"}) {
    if (!format || *format == known) return {};
  }
  return fmt::format("unknown format \"{}\": hex, commas, duration and binary are known", *format);
}

// Null where one of the two is no IPv4 address.
Value ipmask(const Call& call) {
  in_addr mask{};
  in_addr address{};
  bool both = ::inet_pton(AF_INET, std::string(call.text(0)).c_str(), &mask) == 1 &&
              ::inet_pton(AF_INET, std::string(call.text(1)).c_str(), &address) == 1;
  if (!both) return {};
  address.s_addr &= mask.s_addr;
  std::array<char, INET_ADDRSTRLEN> text{};
  return call.keep(std::string_view(::inet_ntop(AF_INET, &address, text.data(), text.size())));
}

// No number where blanks stand around it.
std::optional<double> decimal(const Value& value) {
  if (value.is_text() && value.text().find_first_of(" \t\r\n") != std::string_view::npos) return std::nullopt;
  return to_number(value);
}

std::optional<int> base_argument(const Call& call) {
  constexpr int kDecimal = 10;
  if (call.size() < 2) return kDecimal;
  std::optional<double> given = number(call, 1);
  if (!given || *given < 2 || *given > 36) return std::nullopt;
  return static_cast<int>(*given);
}

template <double (*Round)(double)>
Value to_number_in_base(const Call& call) {
  std::optional<int> base = base_argument(call);
  if (!base) return {};
  return map_values(call, call[0], [&](const Value& value) -> Value {
    if (value.kind() == Value::Kind::boolean) return value.is_true() ? 1.0 : 0.0;
    if (*base != 10) return read_in_base(call.to_text_in_arena(value), *base);
    std::optional<double> number = decimal(value);
    return number ? Value(Round(*number)) : Value();
  });
}

double unchanged(double number) {
  return number;
}

Value tobool(const Call& call) {
  Value value = call[0];
  if (value.kind() == Value::Kind::boolean) return value;
  if (value.is_null() || value.is_multi()) return {};
  if (std::optional<double> number = to_number(value)) return Value::boolean(*number != 0);
  std::string_view text = call.to_text_in_arena(value);
  if (equals_without_case(text, "true")) return Value::boolean(true);
  return equals_without_case(text, "false") ? Value::boolean(false) : Value();
}

template <JsonTree::Kind Wanted>
bool is_json_of_kind(const Call& call, const Value& value) {
  if (!value.is_text()) return false;
  std::optional<JsonTree> tree = JsonTree::parse(call.to_text_in_arena(value));
  return tree && tree->kind == Wanted;
}

template <JsonTree::Kind Wanted>
Value as_json_of_kind(const Call& call) {
  Value value = call[0];
  return is_json_of_kind<Wanted>(call, value) ? value : Value();
}

template <JsonTree::Kind Wanted>
Value is_of_kind(const Call& call) {
  return Value::boolean(is_json_of_kind<Wanted>(call, call[0]));
}

// The elements of an array; anything else as it is.
Value tomv(const Call& call) {
  Value value = call[0];
  std::optional<JsonTree> tree =
      value.is_text() ? JsonTree::parse(call.to_text_in_arena(value)) : std::nullopt;
  if (!tree || !tree->is_array()) return value.kind() == Value::Kind::boolean ? Value() : value;
  std::vector<Value> values;
  for (const JsonTree& item : tree->items) {
    std::string text = item.scalar;
    if (item.is_array() || item.is_object()) item.write(text);
    if (item.kind != JsonTree::Kind::null) values.push_back(call.keep(text));
  }
  return call.keep(values);
}

constexpr Function kConversions[] = {
    {"ipmask", 2, 2, "mask, address", kConversion,
     "An IPv4 address with only the bits of the mask: ipmask(\"255.255.0.0\", ip).", ipmask},
    {"printf", 1, kAnyNumber, "format, value, …", kConversion,
     "A text by a format as in C: %s, %d, %.2f, %x, ….", print_formatted},
    {"toarray", 1, 1, "json", kConversion, "The value where it is a JSON array, else null.",
     as_json_of_kind<JsonTree::Kind::array>},
    {"tobool", 1, 1, "value", kConversion,
     "True or false: of true and false as texts, and of numbers, which are true but for 0.", tobool},
    {"todouble", 1, 2, "text, base", kConversion, "tonumber.", to_number_in_base<unchanged>},
    {"toint", 1, 2, "text, base", kConversion, "The number that the text spells, rounded down.",
     to_number_in_base<std::floor>},
    {"tomv", 1, 1, "json", kConversion, "The elements of a JSON array as a list.", tomv},
    {"tonumber", 1, 2, "text, base", kConversion,
     "The number that the text spells, in a base from 2 to 36; null with blanks around it.",
     to_number_in_base<unchanged>},
    {"toobject", 1, 1, "json", kConversion, "The value where it is a JSON object, else null.",
     as_json_of_kind<JsonTree::Kind::object>},
    {"tostring", 1, 2, "value, format", kConversion,
     "The value as text; format: hex, commas, duration, binary.", tostring, check_tostring},
};

bool is_quoted(const Call& call) {
  return literal_text(call.expression, 0).has_value();
}

bool spells_number(const Call& call, const Value& value) {
  return !is_quoted(call) && to_number(value).has_value();
}

Value isint(const Call& call) {
  Value value = call[0];
  std::optional<double> number = to_number(value);
  return Value::boolean(spells_number(call, value) && *number == std::trunc(*number));
}

Value isdouble(const Call& call) {
  Value value = call[0];
  std::optional<double> number = to_number(value);
  return Value::boolean(spells_number(call, value) && *number != std::trunc(*number));
}

Value type_of(const Call& call) {
  Value value = call[0];
  switch (value.kind()) {
    case Value::Kind::null:
      return std::string_view("Invalid");
    case Value::Kind::boolean:
      return std::string_view("Boolean");
    case Value::Kind::multi:
      return std::string_view("Multivalue");
    default:
      return std::string_view(spells_number(call, value) ? "Number" : "String");
  }
}

constexpr Function kInformations[] = {
    {"isarray", 1, 1, "value", kInformation, "Whether the value is a JSON array.",
     is_of_kind<JsonTree::Kind::array>},
    {"isbool", 1, 1, "value", kInformation, "Whether the value is true or false.",
     [](const Call& call) { return Value::boolean(call[0].kind() == Value::Kind::boolean); }},
    {"isdouble", 1, 1, "value", kInformation, "Whether the value is a number with a fraction.", isdouble},
    {"isint", 1, 1, "value", kInformation, "Whether the value is a whole number.", isint},
    {"ismv", 1, 1, "value", kInformation, "Whether there are several values.",
     [](const Call& call) { return Value::boolean(call[0].is_multi()); }},
    {"isnotnull", 1, 1, "value", kInformation, "Whether there is a value.",
     [](const Call& call) { return Value::boolean(!call[0].is_null()); }},
    {"isnull", 1, 1, "value", kInformation, "Whether there is no value.",
     [](const Call& call) { return Value::boolean(call[0].is_null()); }},
    {"isnum", 1, 1, "value", kInformation, "Whether the value is a number.",
     [](const Call& call) { return Value::boolean(spells_number(call, call[0])); }},
    {"isobject", 1, 1, "value", kInformation, "Whether the value is a JSON object.",
     is_of_kind<JsonTree::Kind::object>},
    {"isstr", 1, 1, "value", kInformation, "Whether the value is a text that is no number.",
     [](const Call& call) {
       Value value = call[0];
       return Value::boolean(value.is_text() && !spells_number(call, value));
     }},
    {"typeof", 1, 1, "value", kInformation, "Number, String, Boolean, Multivalue, or Invalid for null.",
     type_of},
};

}  // namespace

std::span<const Function> conversion_functions() {
  return kConversions;
}
std::span<const Function> information_functions() {
  return kInformations;
}

}  // namespace hecate::spl
