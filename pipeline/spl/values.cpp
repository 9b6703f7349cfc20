#include "pipeline/spl/values.h"

#include "pipeline/spl/case_fold.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace hecate::spl {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Longest number that is printed without exponent: 17 digits, a sign, and "0.000000" before them.
constexpr std::size_t kNumberSize = 40;

std::string_view print_number(double number, char* buffer) {
  constexpr double kLargest = 1e17;
  constexpr double kSmallest = 1e-6;
  double size = std::fabs(number);
  char* end = buffer;
  if (size < kLargest && number == std::trunc(number)) {
    end = std::to_chars(buffer, buffer + kNumberSize, static_cast<long long>(number)).ptr;
  } else if (size < kLargest && size >= kSmallest) {
    end = std::to_chars(buffer, buffer + kNumberSize, number, std::chars_format::fixed).ptr;
  } else {
    end = std::to_chars(buffer, buffer + kNumberSize, number, std::chars_format::scientific).ptr;
  }
  return {buffer, static_cast<std::size_t>(end - buffer)};
}

bool equals_folded(std::string_view a, std::string_view b) {
  thread_local std::string folded_a;
  thread_local std::string folded_b;
  folded_a.clear();
  folded_b.clear();
  fold_case(a, folded_a);
  fold_case(b, folded_b);
  return folded_a == folded_b;
}

}  // namespace

std::optional<double> to_number(std::string_view text) {
  text = trim_blanks(text);
  std::string_view digits = text;
  bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty()) return std::nullopt;
  char first = digits[0] == '.' && digits.size() > 1 ? digits[1] : digits[0];
  if (first < '0' || first > '9') return std::nullopt;  // also keeps `inf` and `nan` out
  double number = 0;
  auto [behind, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || behind != digits.data() + digits.size()) return std::nullopt;
  return negative ? -number : number;
}

std::optional<double> to_number(const Value& value) {
  if (value.is_number()) return value.number();
  if (value.is_text()) return to_number(value.text());
  return std::nullopt;
}

std::string number_to_text(double number) {
  char buffer[kNumberSize];
  return std::string(print_number(number, buffer));
}

void append_text(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Value::Kind::null:
      return;
    case Value::Kind::text:
      out += value.text();
      return;
    case Value::Kind::number: {
      char buffer[kNumberSize];
      out += print_number(value.number(), buffer);
      return;
    }
    case Value::Kind::boolean:
      out += value.is_true() ? "true" : "false";
      return;
    case Value::Kind::multi:
      for (const Value& item : value.items()) {
        if (&item != value.items().data()) out += '\n';
        append_text(item, out);
      }
  }
}

std::string_view to_text(const Value& value, Arena& arena) {
  if (value.is_text()) return value.text();
  if (value.is_number()) {
    char buffer[kNumberSize];
    return arena.copy(print_number(value.number(), buffer));
  }
  if (value.kind() == Value::Kind::boolean) return value.is_true() ? "true" : "false";
  std::string joined;
  append_text(value, joined);
  return arena.copy(joined);
}

bool equals_without_case(std::string_view a, std::string_view b) {
  std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (ascii_lower(a[i]) == ascii_lower(b[i])) continue;
    // Nothing beyond ASCII folds into it: only two such bytes can belong to the same letter.
    bool beyond = static_cast<unsigned char>(a[i]) >= 0x80 && static_cast<unsigned char>(b[i]) >= 0x80;
    return beyond && equals_folded(a, b);
  }
  return a.size() == b.size();
}

std::string unquote(std::string_view inside) {
  std::string out;
  out.reserve(inside.size());
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '\\' && i + 1 < inside.size()) {
      char next = inside[i + 1];
      if (next == '\\' || next == '"' || next == '|') ++i;
    }
    out += inside[i];
  }
  return out;
}

void append_quoted(char quote, std::string_view text, std::string& out) {
  out += quote;
  for (char c : text) {
    if (c == quote || c == '\\') out += '\\';
    out += c;
  }
  out += quote;
}

Value copy_value(const Value& value, Arena& arena) {
  if (value.is_text()) return arena.copy(value.text());
  if (!value.is_multi()) return value;
  std::span<const Value> items = value.items();
  Value* copies = arena.array<Value>(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) copies[i] = copy_value(items[i], arena);
  return Value::multi({copies, items.size()});
}

}  // namespace hecate::spl
