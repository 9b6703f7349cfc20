#include "pipeline/spl/function_groups.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace hecate::spl {
namespace {

constexpr std::string_view kMath = "Mathematics";
constexpr std::string_view kTrigonometry = "Trigonometry";
constexpr std::string_view kStatistics = "Statistics";
constexpr std::string_view kBits = "Bits";

// A function of C's library over each value.
template <double (*F)(double)>
Value apply(const Call& call) {
  return map_values(call, call[0], [](const Value& value) -> Value {
    std::optional<double> number = to_number(value);
    return number ? finite(F(*number)) : Value();
  });
}

template <double (*F)(double, double)>
Value apply_two(const Call& call) {
  std::optional<double> a = number(call, 0);
  std::optional<double> b = number(call, 1);
  return a && b ? finite(F(*a, *b)) : Value();
}

Value logarithm(const Call& call) {
  std::optional<double> value = number(call, 0);
  std::optional<double> base = call.size() > 1 ? number(call, 1) : std::optional<double>(10.0);
  if (!value || !base) return {};
  if (*base == 10.0) return finite(std::log10(*value));
  return finite(std::log(*value) / std::log(*base));
}

// Half away from zero, by the decimal digits that people see: 2.555 to two places is 2.56 though the nearest
// double lies a little below.
double round_to(double value, int places) {
  double scale = std::pow(10.0, places);
  double scaled = value * scale;
  if (!std::isfinite(scaled)) return value;
  constexpr double kNudge = 4e-16;
  return std::round(scaled + scaled * kNudge) / scale;
}

Value round_value(const Call& call) {
  std::optional<double> places = call.size() > 1 ? number(call, 1) : std::optional<double>(0.0);
  constexpr double kMostPlaces = 15;
  if (!places || std::fabs(*places) > kMostPlaces) return {};
  return map_values(call, call[0], [&](const Value& value) -> Value {
    std::optional<double> number = to_number(value);
    return number ? finite(round_to(*number, static_cast<int>(*places))) : Value();
  });
}

struct Digits {
  int significant = 0;
  int decimals = 0;
};

Digits count_digits(std::string_view text) {
  Digits digits;
  bool point = false;
  for (char c : text) {
    if (c == 'e' || c == 'E') break;
    if (c == '.') point = true;
    if (c < '0' || c > '9') continue;
    if (digits.significant > 0 || c != '0') ++digits.significant;
    if (point) ++digits.decimals;
  }
  return digits;
}

// The fewest digits among the numbers that an expression is made of, as they are written.
void fewest_digits(const Expression& expression, const Call& call, std::optional<Digits>& fewest) {
  for (const Expression& child : expression.children) fewest_digits(child, call, fewest);
  std::string text;
  if (expression.kind == Expression::Kind::literal && expression.text) {
    text = *expression.text;
  } else if (expression.kind == Expression::Kind::field) {
    append_text(call.row.get(expression.field), text);
  }
  if (text.empty()) return;
  Digits digits = count_digits(text);
  if (!fewest) fewest = digits;
  fewest->significant = std::min(fewest->significant, digits.significant);
  fewest->decimals = std::min(fewest->decimals, digits.decimals);
}

// Sums keep the fewest decimals, products the fewest significant digits.
Value sigfig(const Call& call) {
  const Expression& inner = call.expression.children[0];
  std::optional<double> value = number(call, 0);
  std::optional<Digits> fewest;
  fewest_digits(inner, call, fewest);
  if (!value || !fewest) return value ? Value(*value) : Value();
  bool is_sum = inner.kind == Expression::Kind::add || inner.kind == Expression::Kind::subtract;
  if (is_sum) return finite(round_to(*value, fewest->decimals));
  if (*value == 0 || fewest->significant == 0) return Value(*value);
  int magnitude = static_cast<int>(std::floor(std::log10(std::fabs(*value)))) + 1;
  return finite(round_to(*value, fewest->significant - magnitude));
}

// A whole number that a double holds exactly, not below 0.
std::optional<std::uint64_t> bits_of(const Value& value) {
  constexpr double kLargest = 9007199254740991.0;
  std::optional<double> number = to_number(value);
  if (!number || *number < 0 || *number > kLargest || *number != std::trunc(*number)) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

constexpr std::uint64_t kAllBits = (std::uint64_t{1} << 53) - 1;

// Folds all arguments into one number; null where one of them is no such number.
template <typename Fold>
Value fold_bits(const Call& call, Fold fold) {
  std::optional<std::uint64_t> bits = bits_of(call[0]);
  for (std::size_t i = 1; bits && i < call.size(); ++i) {
    std::optional<std::uint64_t> other = bits_of(call[i]);
    bits = other ? std::optional(fold(*bits, *other)) : std::nullopt;
  }
  return bits ? Value(static_cast<double>(*bits & kAllBits)) : Value();
}

Value bit_not(const Call& call) {
  std::optional<std::uint64_t> bits = bits_of(call[0]);
  std::optional<std::uint64_t> mask = call.size() > 1 ? bits_of(call[1]) : std::optional(kAllBits);
  return bits && mask ? Value(static_cast<double>(~*bits & *mask)) : Value();
}

// The numbers among all arguments, lists taken apart.
template <typename Take>
void each_number(const Call& call, Take take) {
  for (std::size_t i = 0; i < call.size(); ++i) {
    Value argument = call[i];
    for (const Value& value : argument.each()) {
      if (std::optional<double> number = to_number(value)) take(*number);
    }
  }
}

Value sum(const Call& call) {
  double total = 0;
  bool any = false;
  each_number(call, [&](double number) {
    total += number;
    any = true;
  });
  return any ? finite(total) : Value();
}

Value average(const Call& call) {
  double total = 0;
  double count = 0;
  each_number(call, [&](double number) {
    total += number;
    ++count;
  });
  return count > 0 ? finite(total / count) : Value();
}

// A text counts as greater than any number.
bool is_less(const Value& a, const Value& b, Arena& arena) {
  std::optional<double> left = to_number(a);
  std::optional<double> right = to_number(b);
  if (left && right) return *left < *right;
  if (left.has_value() != right.has_value()) return left.has_value();
  return to_text(a, arena) < to_text(b, arena);
}

Value extreme(const Call& call, bool greatest) {
  Value best;
  for (std::size_t i = 0; i < call.size(); ++i) {
    Value argument = call[i];
    for (const Value& value : argument.each()) {
      bool better =
          greatest ? is_less(best, value, call.context.arena) : is_less(value, best, call.context.arena);
      if (best.is_null() || better) best = value;
    }
  }
  return best;
}

Value random_number(const Call&) {
  thread_local std::mt19937 generator{std::random_device{}()};
  constexpr int kLargest = 2147483647;
  return static_cast<double>(std::uniform_int_distribution<int>(0, kLargest)(generator));
}

constexpr Function kFunctions[] = {
    {"abs", 1, 1, "number", kMath, "The number without its sign.", apply<std::fabs>},
    {"ceil", 1, 1, "number", kMath, "The next whole number upwards.", apply<std::ceil>},
    {"ceiling", 1, 1, "number", kMath, "The next whole number upwards.", apply<std::ceil>},
    {"exact", 1, 1, "number", kMath, "The number with all its digits.",
     [](const Call& call) { return call[0]; }},
    {"exp", 1, 1, "number", kMath, "e to the power of the number.", apply<std::exp>},
    {"floor", 1, 1, "number", kMath, "The next whole number downwards.", apply<std::floor>},
    {"ln", 1, 1, "number", kMath, "The natural logarithm.", apply<std::log>},
    {"log", 1, 2, "number, base", kMath, "The logarithm; the base is 10 unless given.", logarithm},
    {"pi", 0, 0, "", kMath, "The number pi.", [](const Call&) { return Value(std::numbers::pi); }},
    {"pow", 2, 2, "number, exponent", kMath, "The number to the power of the exponent.", apply_two<std::pow>},
    {"round", 1, 2, "number, places", kMath, "Rounded to decimal places, half away from zero.", round_value},
    {"sigfig", 1, 1, "expression", kMath,
     "Rounded to the significant digits of the numbers that it is made of.", sigfig},
    {"sqrt", 1, 1, "number", kMath, "The square root.", apply<std::sqrt>},
    {"sum", 1, kAnyNumber, "number, …", kMath, "The sum of the numbers.", sum},
    {"acos", 1, 1, "number", kTrigonometry, "The arc cosine, in radians.", apply<std::acos>},
    {"acosh", 1, 1, "number", kTrigonometry, "The inverse hyperbolic cosine.", apply<std::acosh>},
    {"asin", 1, 1, "number", kTrigonometry, "The arc sine, in radians.", apply<std::asin>},
    {"asinh", 1, 1, "number", kTrigonometry, "The inverse hyperbolic sine.", apply<std::asinh>},
    {"atan", 1, 1, "number", kTrigonometry, "The arc tangent, in radians.", apply<std::atan>},
    {"atan2", 2, 2, "y, x", kTrigonometry, "The angle of the point (x, y), in radians.",
     apply_two<std::atan2>},
    {"atanh", 1, 1, "number", kTrigonometry, "The inverse hyperbolic tangent.", apply<std::atanh>},
    {"cos", 1, 1, "angle", kTrigonometry, "The cosine.", apply<std::cos>},
    {"cosh", 1, 1, "number", kTrigonometry, "The hyperbolic cosine.", apply<std::cosh>},
    {"hypot", 2, 2, "x, y", kTrigonometry, "The length of the hypotenuse.", apply_two<std::hypot>},
    {"sin", 1, 1, "angle", kTrigonometry, "The sine.", apply<std::sin>},
    {"sinh", 1, 1, "number", kTrigonometry, "The hyperbolic sine.", apply<std::sinh>},
    {"tan", 1, 1, "angle", kTrigonometry, "The tangent.", apply<std::tan>},
    {"tanh", 1, 1, "number", kTrigonometry, "The hyperbolic tangent.", apply<std::tanh>},
    {"bit_and", 2, kAnyNumber, "number, number, …", kBits, "The bits that all have.",
     [](const Call& call) { return fold_bits(call, [](auto a, auto b) { return a & b; }); }},
    {"bit_not", 1, 2, "number, mask", kBits, "The bits that the number lacks, of the mask's or of 53.",
     bit_not},
    {"bit_or", 2, kAnyNumber, "number, number, …", kBits, "The bits that one of them has.",
     [](const Call& call) { return fold_bits(call, [](auto a, auto b) { return a | b; }); }},
    {"bit_shift_left", 2, 2, "number, places", kBits, "The bits moved up; those beyond 53 are lost.",
     [](const Call& call) { return fold_bits(call, [](auto a, auto b) { return b < 53 ? a << b : 0; }); }},
    {"bit_shift_right", 2, 2, "number, places", kBits, "The bits moved down.",
     [](const Call& call) { return fold_bits(call, [](auto a, auto b) { return b < 53 ? a >> b : 0; }); }},
    {"bit_xor", 2, kAnyNumber, "number, number, …", kBits, "The bits that an odd number of them has.",
     [](const Call& call) { return fold_bits(call, [](auto a, auto b) { return a ^ b; }); }},
    {"avg", 1, kAnyNumber, "number, …", kStatistics, "The mean of the numbers.", average},
    {"max", 1, kAnyNumber, "value, …", kStatistics, "The greatest value; texts are greater than numbers.",
     [](const Call& call) { return extreme(call, true); }},
    {"min", 1, kAnyNumber, "value, …", kStatistics, "The least value; texts are greater than numbers.",
     [](const Call& call) { return extreme(call, false); }},
    {"random", 0, 0, "", kStatistics, "A random whole number from 0 to 2147483647.", random_number},
};

}  // namespace

std::span<const Function> number_functions() {
  return kFunctions;
}

}  // namespace hecate::spl
