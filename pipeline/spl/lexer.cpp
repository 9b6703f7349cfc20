#include "pipeline/spl/lexer.h"

#include "fmt/format.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace hecate::spl {
namespace {

constexpr std::string_view kWordEnds = ",()[]=\"|";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

// The offset behind the closing quote of the double-quoted text that opens at `at`; npos without one.
std::size_t behind_quoted(std::string_view text, std::size_t at, std::size_t end) {
  for (std::size_t i = at + 1; i < end; ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

constexpr std::string_view kOpenQuote =
    "a double quote is opened here and never closed; inside quotes a backslash before \" makes it part of "
    "the "
    "text";

}  // namespace

Cursor::Cursor(const SourceText& source) : Cursor(source, 0, source.text().size()) {}

Cursor::Cursor(const SourceText& source, std::size_t begin, std::size_t end)
    : source_(&source), text_(source.text()), at_(begin), end_(std::min(end, source.text().size())) {}

void Cursor::skip_blanks() {
  while (at_ < end_ && is_blank(text_[at_])) ++at_;
}

bool Cursor::at_end() {
  skip_blanks();
  return at_ >= end_;
}

char Cursor::peek() {
  return at_end() ? '\0' : text_[at_];
}

bool Cursor::looking_at(std::string_view text) {
  skip_blanks();
  return text_.substr(at_, end_ - at_).starts_with(text);
}

bool Cursor::try_char(char c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool Cursor::try_text(std::string_view text) {
  if (!looking_at(text)) return false;
  at_ += text.size();
  return true;
}

bool Cursor::looking_at_keyword(std::string_view word) {
  skip_blanks();
  if (end_ - at_ < word.size() || !same_word(text_.substr(at_, word.size()), word)) return false;
  std::size_t behind = at_ + word.size();
  return behind >= end_ || !is_name_character(text_[behind]);
}

bool Cursor::try_keyword(std::string_view word) {
  if (!looking_at_keyword(word)) return false;
  at_ += word.size();
  return true;
}

std::optional<std::string_view> Cursor::try_option() {
  Cursor ahead = *this;
  std::string_view name = ahead.word();
  if (name.empty() || !ahead.try_char('=') || ahead.looking_at("=")) return std::nullopt;
  *this = ahead;
  return name;
}

bool Cursor::try_option(std::string_view name) {
  Cursor ahead = *this;
  std::optional<std::string_view> found = ahead.try_option();
  if (!found || !same_word(*found, name)) return false;
  *this = ahead;
  return true;
}

std::string_view Cursor::word() {
  skip_blanks();
  std::size_t begin = at_;
  while (at_ < end_ && !is_blank(text_[at_]) && !kWordEnds.contains(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

Parsed<std::string> Cursor::quoted() {
  if (peek() != '"')
    return error(fmt::format("a text in double quotes is missing before {}", next_for_message()));
  std::size_t behind = behind_quoted(text_, at_, end_);
  if (behind == std::string_view::npos) return error(std::string(kOpenQuote));
  std::string_view inside = text_.substr(at_ + 1, behind - at_ - 2);
  at_ = behind;
  return unquote(inside);
}

Parsed<std::string> Cursor::field() {
  char next = peek();
  if (next == '"') return quoted();
  if (next == '\'') {
    std::size_t close = text_.find('\'', at_ + 1);
    if (close == std::string_view::npos || close >= end_) {
      return error("a single quote is opened here and never closed");
    }
    std::string name(text_.substr(at_ + 1, close - at_ - 1));
    if (name.empty()) return error("a field name is missing between the single quotes");
    at_ = close + 1;
    return name;
  }
  std::string_view name = word();
  if (name.empty()) return error(fmt::format("a field name is missing before {}", next_for_message()));
  return std::string(name);
}

Parsed<std::string> Cursor::value() {
  if (peek() == '"') return quoted();
  std::string_view bare = word();
  if (bare.empty()) return error(fmt::format("a value is missing before {}", next_for_message()));
  return std::string(bare);
}

Parsed<long> Cursor::integer() {
  skip_blanks();
  std::size_t begin = at_;
  Parsed<std::string> text = value();
  if (!text) return std::unexpected(text.error());
  long number = 0;
  const char* last = text->data() + text->size();
  auto [behind, problem] = std::from_chars(text->data(), last, number);
  if (problem != std::errc() || behind != last) {
    return error_at(begin, fmt::format("\"{}\" is not a whole number", *text));
  }
  return number;
}

Parsed<bool> Cursor::boolean() {
  skip_blanks();
  std::size_t begin = at_;
  Parsed<std::string> text = value();
  if (!text) return std::unexpected(text.error());
  if (same_word(*text, "true") || same_word(*text, "t") || *text == "1") return true;
  if (same_word(*text, "false") || same_word(*text, "f") || *text == "0") return false;
  return error_at(begin, fmt::format("\"{}\" is neither true nor false", *text));
}

Parsed<Range> Cursor::parenthesized() {
  return enclosed('(', ')', "parenthesis");
}

Parsed<Range> Cursor::bracketed() {
  return enclosed('[', ']', "bracket");
}

Parsed<Range> Cursor::enclosed(char open, char close, std::string_view what) {
  if (peek() != open) return error(fmt::format("\"{}\" is missing before {}", open, next_for_message()));
  std::size_t depth = 0;
  for (std::size_t i = at_; i < end_; ++i) {
    if (text_[i] == '"') {
      std::size_t behind = behind_quoted(text_, i, end_);
      if (behind == std::string_view::npos) return error_at(i, std::string(kOpenQuote));
      i = behind - 1;
    } else if (text_[i] == open) {
      ++depth;
    } else if (text_[i] == close && --depth == 0) {
      Range inside{at_ + 1, i};
      at_ = i + 1;
      return inside;
    }
  }
  return error(fmt::format("a {} is opened here and never closed: \"{}\" is missing", what, close));
}

Range Cursor::until(char stop) {
  skip_blanks();
  Range range{at_, end_};
  int depth = 0;
  for (std::size_t i = at_; i < end_; ++i) {
    char c = text_[i];
    if (c == '"') {
      std::size_t behind = behind_quoted(text_, i, end_);
      if (behind == std::string_view::npos) break;
      i = behind - 1;
    } else if (c == stop && depth == 0) {
      range.end = i;
      break;
    } else if (c == '(' || c == '[') {
      ++depth;
    } else if ((c == ')' || c == ']') && depth > 0) {
      --depth;
    }
  }
  at_ = range.end;
  return range;
}

std::string_view Cursor::rest() {
  skip_blanks();
  std::size_t last = end_;
  while (last > at_ && is_blank(text_[last - 1])) --last;
  return text_.substr(at_, last - at_);
}

std::string_view Cursor::text(Range range) const {
  return text_.substr(range.begin, range.end - range.begin);
}

Position Cursor::position() {
  skip_blanks();
  return source_->position(at_);
}

std::unexpected<Diagnostic> Cursor::error(std::string message) {
  return std::unexpected(Diagnostic{position(), std::move(message)});
}

std::unexpected<Diagnostic> Cursor::error_at(std::size_t offset, std::string message) const {
  return std::unexpected(Diagnostic{source_->position(offset), std::move(message)});
}

std::string Cursor::next_for_message() {
  if (at_end()) return at_ >= text_.size() ? "the end of the search" : fmt::format("\"{}\"", text_[at_]);
  Cursor ahead = *this;
  std::string_view next = ahead.word();
  if (next.empty()) next = text_.substr(at_, 1);
  constexpr std::size_t kLongest = 40;
  if (next == "\"") next = text_.substr(at_, std::min(kLongest, ahead.until(' ').end - at_));
  return fmt::format("\"{}\"", next.substr(0, kLongest));
}

Parsed<void> Cursor::expect_end(std::string_view what) {
  if (at_end()) return {};
  return error(fmt::format("unexpected {} after {}", next_for_message(), what));
}

namespace {

// Reads the command that takes up `range`; the first of a search need not be named.
Parsed<CommandText> read_command(const SourceText& source, Range range, bool may_be_unnamed) {
  Cursor cursor(source, range);
  CommandText command;
  command.position = cursor.position();
  if (cursor.at_end()) {
    return cursor.error(
        "a command is missing: nothing stands between this \"|\" and the one before it, or the end");
  }
  if (may_be_unnamed && !cursor.looking_at_keyword("search")) {
    command.name = "search";
    command.arguments = cursor.range();
    return command;
  }
  std::string_view name = cursor.word();
  if (name.empty())
    return cursor.error(fmt::format("a command name is missing before {}", cursor.next_for_message()));
  std::ranges::transform(name, std::back_inserter(command.name), lower);
  command.arguments = cursor.range();
  return command;
}

// Where to cut: the offsets of all `|` at the top level.
Parsed<std::vector<std::size_t>> find_pipes(const SourceText& source, Range range) {
  std::string_view text = source.text();
  std::vector<std::size_t> pipes;
  std::vector<std::size_t> brackets;
  for (std::size_t i = range.begin; i < range.end; ++i) {
    char c = text[i];
    if (c == '"') {
      std::size_t behind = behind_quoted(text, i, range.end);
      if (behind == std::string_view::npos) {
        return std::unexpected(Diagnostic{source.position(i), std::string(kOpenQuote)});
      }
      i = behind - 1;
    } else if (c == '[') {
      brackets.push_back(i);
    } else if (c == ']') {
      if (brackets.empty()) {
        return std::unexpected(
            Diagnostic{source.position(i), "this \"]\" closes no bracket: \"[\" is missing"});
      }
      brackets.pop_back();
    } else if (c == '|' && brackets.empty()) {
      pipes.push_back(i);
    }
  }
  if (!brackets.empty()) {
    return std::unexpected(Diagnostic{source.position(brackets.back()),
                                      "a subsearch is opened here and never closed: \"]\" is missing"});
  }
  return pipes;
}

}  // namespace

Parsed<std::vector<CommandText>> split_pipeline(const SourceText& source) {
  return split_pipeline(source, {0, source.text().size()});
}

Parsed<std::vector<CommandText>> split_pipeline(const SourceText& source, Range range, FirstCommand first) {
  Parsed<std::vector<std::size_t>> pipes = find_pipes(source, range);
  if (!pipes) return std::unexpected(pipes.error());
  Cursor start(source, range);
  if (start.at_end()) return start.error("the search is empty");
  bool piped = start.peek() == '|';
  bool unnamed = !piped && first == FirstCommand::may_be_search;
  if (piped) {
    range.begin = start.offset() + 1;
    pipes->erase(pipes->begin());
  }
  std::vector<CommandText> commands;
  pipes->push_back(range.end);
  for (std::size_t pipe : *pipes) {
    Parsed<CommandText> command = read_command(source, {range.begin, pipe}, unnamed && commands.empty());
    if (!command) return std::unexpected(command.error());
    commands.push_back(std::move(*command));
    range.begin = pipe + 1;
  }
  return commands;
}

}  // namespace hecate::spl
