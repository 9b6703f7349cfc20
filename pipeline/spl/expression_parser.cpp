#include "fmt/format.h"
#include "pipeline/spl/expression.h"
#include "pipeline/spl/functions.h"
#include "pipeline/spl/lexer.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

using Kind = Expression::Kind;

constexpr int kDeepest = 200;  // parentheses in parentheses: bounds the parser's own stack

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' || c == '{' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) {
  return starts_name(c) || is_digit(c) || c == ':' || c == '}';
}

struct Operator {
  std::string_view text;
  Kind kind;
};
// Longer ones first.
constexpr std::array<Operator, 7> kComparisons = {{{"==", Kind::equal},
                                                   {"!=", Kind::not_equal},
                                                   {"<=", Kind::less_equal},
                                                   {">=", Kind::greater_equal},
                                                   {"=", Kind::equal},
                                                   {"<", Kind::less},
                                                   {">", Kind::greater}}};
constexpr std::array<Operator, 3> kSums = {{{"+", Kind::add}, {"-", Kind::subtract}, {".", Kind::concat}}};
constexpr std::array<Operator, 3> kProducts = {
    {{"*", Kind::multiply}, {"/", Kind::divide}, {"%", Kind::modulo}}};

class Parser {
 public:
  Parser(const SourceText& source, std::size_t begin, std::size_t end, FieldNames& names)
      : cursor_(source, begin, end), names_(names) {}

  Parsed<Expression> parse();

 private:
  using Level = Parsed<Expression> (Parser::*)();

  // From the loosest operator to the tightest.
  Parsed<Expression> disjunction();
  Parsed<Expression> conjunction();
  Parsed<Expression> negation();
  Parsed<Expression> comparison();
  Parsed<Expression> sum() { return chain(kSums, &Parser::product); }
  Parsed<Expression> product() { return chain(kProducts, &Parser::sign); }
  Parsed<Expression> sign();
  Parsed<Expression> primary();

  Parsed<Expression> chain(std::span<const Operator> operators, Level next);
  Parsed<Expression> in_list(Expression left);
  Parsed<Expression> parentheses();
  Parsed<Expression> number();
  Parsed<Expression> named();
  Parsed<Expression> call(std::string_view name, std::size_t begin);
  Parsed<void> arguments(Expression& call, std::size_t open);
  Parsed<void> check_call(Expression& call, std::string_view name) const;
  std::string_view name();

  Parsed<Expression> join(Kind kind, Parsed<Expression> left, Level right);
  Expression make(Kind kind, std::size_t begin) const;
  Parsed<Expression> deeper(Level level);

  Cursor cursor_;
  FieldNames& names_;
  int depth_ = 0;
};

Expression Parser::make(Kind kind, std::size_t begin) const {
  Expression expression;
  expression.kind = kind;
  expression.position = cursor_.source().position(begin);
  return expression;
}

// Every way back to the start of the grammar goes through here.
Parsed<Expression> Parser::deeper(Level level) {
  if (++depth_ > kDeepest)
    return cursor_.error(fmt::format("more than {} expressions in each other", kDeepest));
  Parsed<Expression> inner = (this->*level)();
  --depth_;
  return inner;
}

Parsed<Expression> Parser::parse() {
  if (cursor_.at_end()) return cursor_.error("an expression is missing");
  Parsed<Expression> whole = disjunction();
  if (!whole || cursor_.at_end()) return whole;
  if (cursor_.peek() == ')') return cursor_.error("this \")\" closes nothing: its \"(\" is missing");
  return cursor_.error(fmt::format(
      "unexpected {} after the expression: an operator is missing, or a text without double quotes",
      cursor_.next_for_message()));
}

Parsed<Expression> Parser::join(Kind kind, Parsed<Expression> left, Level right) {
  Parsed<Expression> second = (this->*right)();
  if (!second) return second;
  // a AND b AND c is one AND of three: a long list must not make a deep tree.
  if (left->kind == kind && (kind == Kind::logical_and || kind == Kind::logical_or)) {
    left->children.push_back(std::move(*second));
    return left;
  }
  Expression both;
  both.kind = kind;
  both.position = left->position;
  both.children.push_back(std::move(*left));
  both.children.push_back(std::move(*second));
  return both;
}

Parsed<Expression> Parser::disjunction() {
  Parsed<Expression> left = conjunction();
  while (left) {
    if (cursor_.try_keyword("OR")) {
      left = join(Kind::logical_or, std::move(left), &Parser::conjunction);
    } else if (cursor_.try_keyword("XOR")) {
      left = join(Kind::logical_xor, std::move(left), &Parser::conjunction);
    } else {
      break;
    }
  }
  return left;
}

Parsed<Expression> Parser::conjunction() {
  Parsed<Expression> left = negation();
  while (left && cursor_.try_keyword("AND"))
    left = join(Kind::logical_and, std::move(left), &Parser::negation);
  return left;
}

Parsed<Expression> Parser::negation() {
  cursor_.skip_blanks();
  std::size_t begin = cursor_.offset();
  if (!cursor_.try_keyword("NOT")) return comparison();
  Parsed<Expression> inner = deeper(&Parser::negation);
  if (!inner) return inner;
  Expression inverse = make(Kind::logical_not, begin);
  inverse.children.push_back(std::move(*inner));
  return inverse;
}

Parsed<Expression> Parser::comparison() {
  Parsed<Expression> left = sum();
  if (!left) return left;
  for (const Operator& comparison : kComparisons) {
    if (cursor_.try_text(comparison.text)) return join(comparison.kind, std::move(left), &Parser::sum);
  }
  Cursor before = cursor_;
  bool inverse = cursor_.try_keyword("NOT");
  Parsed<Expression> result;
  if (cursor_.try_keyword("LIKE")) {
    result = join(Kind::like, std::move(left), &Parser::sum);
  } else if (cursor_.try_keyword("IN")) {
    result = in_list(std::move(*left));
  } else {
    cursor_ = before;
    return left;
  }
  if (!result || !inverse) return result;
  Expression opposite;
  opposite.kind = Kind::logical_not;
  opposite.position = result->position;
  opposite.children.push_back(std::move(*result));
  return opposite;
}

Parsed<Expression> Parser::in_list(Expression left) {
  cursor_.skip_blanks();
  std::size_t open = cursor_.offset();
  if (!cursor_.try_char('(')) {
    return cursor_.error(fmt::format("\"(\" is missing after IN, before {}", cursor_.next_for_message()));
  }
  Expression in;
  in.kind = Kind::in;
  in.position = left.position;
  in.children.push_back(std::move(left));
  Parsed<void> list = arguments(in, open);
  if (!list) return std::unexpected(list.error());
  if (in.children.size() == 1) return cursor_.error_at(open, "the list of IN is empty");
  return in;
}

Parsed<Expression> Parser::chain(std::span<const Operator> operators, Level next) {
  Parsed<Expression> left = (this->*next)();
  while (left) {
    auto found =
        std::ranges::find_if(operators, [&](const Operator& one) { return cursor_.try_text(one.text); });
    if (found == operators.end()) break;
    left = join(found->kind, std::move(left), next);
  }
  return left;
}

Parsed<Expression> Parser::sign() {
  cursor_.skip_blanks();
  std::size_t begin = cursor_.offset();
  if (cursor_.try_char('+')) return deeper(&Parser::sign);
  if (!cursor_.try_char('-')) return primary();
  Parsed<Expression> inner = deeper(&Parser::sign);
  if (!inner) return inner;
  Expression negative = make(Kind::negate, begin);
  negative.children.push_back(std::move(*inner));
  return negative;
}

Parsed<Expression> Parser::primary() {
  char next = cursor_.peek();
  std::size_t begin = cursor_.offset();
  if (next == '(') return parentheses();
  if (next == '"') {
    Parsed<std::string> text = cursor_.quoted();
    if (!text) return std::unexpected(text.error());
    Expression literal = make(Kind::literal, begin);
    literal.text = std::make_shared<std::string>(std::move(*text));
    literal.literal = Value(std::string_view(*literal.text));
    return literal;
  }
  if (next == '\'') {
    Parsed<std::string> name = cursor_.field();
    if (!name) return std::unexpected(name.error());
    Expression field = make(Kind::field, begin);
    field.field = names_.intern(*name);
    return field;
  }
  if (is_digit(next) || next == '.') return number();
  if (starts_name(next)) return named();
  if (next == '[') return cursor_.error("a subsearch inside an expression is not supported");
  return cursor_.error(
      fmt::format("an operand (a field, a text in quotes, a number or a function) is missing before {}",
                  cursor_.next_for_message()));
}

Parsed<Expression> Parser::parentheses() {
  std::size_t open = cursor_.offset();
  cursor_.try_char('(');
  Parsed<Expression> inside = deeper(&Parser::disjunction);
  if (!inside || cursor_.try_char(')')) return inside;
  if (cursor_.at_end()) {
    return cursor_.error_at(open, "a parenthesis is opened here and never closed: \")\" is missing");
  }
  return cursor_.error(fmt::format("unexpected {} between parentheses: an operator or \")\" is missing",
                                   cursor_.next_for_message()));
}

Parsed<Expression> Parser::number() {
  std::size_t begin = cursor_.offset();
  std::string_view left = cursor_.text(cursor_.range());
  std::size_t size = 0;
  for (; size < left.size(); ++size) {
    char c = left[size];
    bool before_digit = size + 1 < left.size() && is_digit(left[size + 1]);
    bool exponent_sign = (c == '+' || c == '-') && size > 0 && (left[size - 1] | 0x20) == 'e';
    // A dot before anything but a digit joins: 1." Mb".
    if (!continues_name(c) && !(before_digit && (c == '.' || exponent_sign))) break;
  }
  std::optional<double> value = to_number(left.substr(0, size));
  if (!value) {
    return cursor_.error(
        fmt::format("\"{}\" is neither a number nor a field name: a text belongs in double quotes, "
                    "a field name that begins with a digit in single quotes",
                    left.substr(0, std::max<std::size_t>(size, 1))));
  }
  cursor_.move_to(begin + size);
  Expression literal = make(Kind::literal, begin);
  literal.text = std::make_shared<std::string>(left.substr(0, size));
  literal.literal = Value(*value);
  return literal;
}

// A bare name. A dot belongs to it where a letter, digit or `_` stands on both sides: `Processes.user` is one
// name, in `first." ".last` the dots join.
std::string_view Parser::name() {
  std::string_view left = cursor_.text(cursor_.range());
  std::size_t size = 0;
  while (size < left.size()) {
    bool inner_dot = left[size] == '.' && size + 1 < left.size() && continues_name(left[size + 1]);
    if (!continues_name(left[size]) && !inner_dot) break;
    ++size;
  }
  cursor_.move_to(cursor_.offset() + size);
  return left.substr(0, size);
}

Parsed<Expression> Parser::named() {
  for (std::string_view word : {"AND", "OR", "XOR", "LIKE"}) {
    if (!cursor_.looking_at_keyword(word)) continue;
    Cursor ahead = cursor_;
    ahead.move_to(cursor_.offset() + word.size());
    // like(x, "…") is a function, and a field may have the name.
    if (word == "LIKE" && ahead.peek() == '(') break;
    return cursor_.error(fmt::format("an operand is missing before {}", cursor_.next_for_message()));
  }
  std::size_t begin = cursor_.offset();
  std::string_view found = name();
  if (cursor_.peek() == '(') return call(found, begin);
  Expression field = make(Kind::field, begin);
  field.field = names_.intern(found);
  return field;
}

// The arguments up to the `)`; the `(` at `open` is read.
Parsed<void> Parser::arguments(Expression& call, std::size_t open) {
  if (cursor_.try_char(')')) return {};
  while (true) {
    if (cursor_.at_end()) {
      return cursor_.error_at(open, "a parenthesis is opened here and never closed: \")\" is missing");
    }
    Parsed<Expression> argument = deeper(&Parser::disjunction);
    if (!argument) return std::unexpected(argument.error());
    call.children.push_back(std::move(*argument));
    if (cursor_.try_char(')')) return {};
    if (cursor_.try_char(',')) continue;
    if (cursor_.at_end()) {
      return cursor_.error_at(open, "a parenthesis is opened here and never closed: \")\" is missing");
    }
    return cursor_.error(
        fmt::format("unexpected {} between arguments: \",\", \")\" or an operator is missing",
                    cursor_.next_for_message()));
  }
}

std::unexpected<Diagnostic> unknown_function(std::string_view name, Position position) {
  std::vector<std::string_view> names;
  for (const Function* function : all_functions()) names.push_back(function->name);
  std::string_view near = nearest(name, names);
  std::string hint = near.empty() ? std::string() : fmt::format("; did you mean {}()?", near);
  return std::unexpected(Diagnostic{position, fmt::format("unknown function {}(){}", name, hint)});
}

Parsed<Expression> Parser::call(std::string_view name, std::size_t begin) {
  Expression call = make(Kind::call, begin);
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (std::string_view reason = why_not_supported(lower); !reason.empty()) {
    return cursor_.error_at(begin, fmt::format("function {}() is not supported: {}", lower, reason));
  }
  call.function = find_function(lower);
  if (call.function == nullptr) return unknown_function(name, call.position);
  cursor_.skip_blanks();
  std::size_t open = cursor_.offset();
  cursor_.try_char('(');
  Parsed<void> read = arguments(call, open);
  if (!read) return std::unexpected(read.error());
  Parsed<void> checked = check_call(call, name);
  if (!checked) return std::unexpected(checked.error());
  return call;
}

std::string count_text(const Function& function) {
  if (function.most == kAnyNumber) return fmt::format("at least {}", function.least);
  if (function.most == function.least) return fmt::format("{}", function.least);
  return fmt::format("{} to {}", function.least, function.most);
}

Parsed<void> Parser::check_call(Expression& call, std::string_view name) const {
  const Function& function = *call.function;
  auto count = static_cast<int>(call.children.size());
  if (count < function.least || (function.most != kAnyNumber && count > function.most)) {
    std::string takes = count_text(function);
    return std::unexpected(Diagnostic{
        call.position, fmt::format("{}({}) takes {} argument{}, not {}", name, function.arguments, takes,
                                   takes == "1" || takes == "at least 1" ? "" : "s", count)});
  }
  if (function.check == nullptr) return {};
  std::string wrong = function.check(call, names_);
  if (wrong.empty()) return {};
  return std::unexpected(Diagnostic{call.position, fmt::format("{}(): {}", name, wrong)});
}

}  // namespace

Parsed<Expression> parse_expression(const SourceText& source, std::size_t begin, std::size_t end,
                                    FieldNames& names) {
  return Parser(source, begin, end, names).parse();
}

Parsed<Expression> parse_expression(std::string_view text, FieldNames& names) {
  SourceText source;
  source.append(text, Position{}, false);
  return parse_expression(source, 0, source.text().size(), names);
}

}  // namespace hecate::spl
