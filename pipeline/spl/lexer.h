#pragma once

#include "pipeline/base/nearest.h"
#include "pipeline/spl/source.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// A part of a SourceText: [begin, end).
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// One command of a pipeline: `| name arguments`.
struct CommandText {
  std::string name;  // lower case; `search` where the first command is not named
  Range arguments;
  Position position;  // of the name
};

// Reads a search from left to right; every command's parser is made of it. Each member that reads or looks
// ahead first steps over blanks, unless it says otherwise. Views that it hands out live as long as the
// SourceText. Cheap to copy: a copy is a look-ahead.
class Cursor {
 public:
  explicit Cursor(const SourceText& source);
  Cursor(const SourceText& source, std::size_t begin, std::size_t end);
  Cursor(const SourceText& source, Range range) : Cursor(source, range.begin, range.end) {}

  void skip_blanks();
  [[nodiscard]] bool at_end();
  // The next character; '\0' at the end.
  [[nodiscard]] char peek();
  // Whether `text` comes next (with case, not as a whole word).
  [[nodiscard]] bool looking_at(std::string_view text);

  bool try_char(char c);
  bool try_text(std::string_view text);
  // A whole word, compared without case: not followed by a letter, a digit, `_` or `.`.
  bool try_keyword(std::string_view word);
  // Whether `word` comes next, as try_keyword reads it.
  [[nodiscard]] bool looking_at_keyword(std::string_view word);
  // `name` `=`: both are read, the value is left for value(). try_option() takes any name and hands it out.
  bool try_option(std::string_view name);
  [[nodiscard]] std::optional<std::string_view> try_option();

  // A bare word: up to a blank, `,` `(` `)` `[` `]` `=` `"` `|` or the end; empty where none stands.
  [[nodiscard]] std::string_view word();
  // A text in double quotes, without them and after unquote(). Error: none here, or never closed.
  [[nodiscard]] Parsed<std::string> quoted();
  // A field name: bare (a word), 'in single quotes' or "in double quotes". Error: none here.
  [[nodiscard]] Parsed<std::string> field();
  // The value of an option: a bare word or a text in double quotes. Error: none here.
  [[nodiscard]] Parsed<std::string> value();
  // The value of an option as a whole number; Splunk's true/t/1 and false/f/0.
  [[nodiscard]] Parsed<long> integer();
  [[nodiscard]] Parsed<bool> boolean();
  // What stands between `(` and its `)`; `[` and its `]`. Both are read. Quotes are minded, nesting counts.
  [[nodiscard]] Parsed<Range> parenthesized();
  [[nodiscard]] Parsed<Range> bracketed();
  // Up to the next `stop` that stands outside quotes, parentheses and brackets, or to the end; `stop` stays.
  [[nodiscard]] Range until(char stop);
  // All that is left, without blanks around it; leaves the cursor where it is.
  [[nodiscard]] std::string_view rest();
  // What is left, for a parser that reads offsets.
  [[nodiscard]] Range range() const { return {at_, end_}; }

  // Where the cursor stands, blanks not skipped.
  [[nodiscard]] std::size_t offset() const { return at_; }
  void move_to(std::size_t offset) { at_ = offset; }
  [[nodiscard]] std::size_t end() const { return end_; }
  [[nodiscard]] const SourceText& source() const { return *source_; }
  [[nodiscard]] std::string_view text(Range range) const;

  // The place of the next thing to read, and an error there or at an earlier offset.
  [[nodiscard]] Position position();
  [[nodiscard]] std::unexpected<Diagnostic> error(std::string message);
  [[nodiscard]] std::unexpected<Diagnostic> error_at(std::size_t offset, std::string message) const;
  // What comes next, for a message: `"x"`, or `the end of the search`.
  [[nodiscard]] std::string next_for_message();
  // An error unless nothing is left: `unexpected "x" after <what>`.
  [[nodiscard]] Parsed<void> expect_end(std::string_view what);

 private:
  [[nodiscard]] Parsed<Range> enclosed(char open, char close, std::string_view what);

  const SourceText* source_;
  std::string_view text_;
  std::size_t at_;
  std::size_t end_;
};

// Cuts a search at each `|` outside double quotes (a backslash takes the next character with it inside them)
// and [subsearches]. Without a leading `|` the first command is `search`, named or not. Errors: an empty
// command, a quote or bracket without its partner.
[[nodiscard]] Parsed<std::vector<CommandText>> split_pipeline(const SourceText& source);
// The same for a part, as the inside of a subsearch is.
enum class FirstCommand : std::uint8_t { may_be_search, named };
[[nodiscard]] Parsed<std::vector<CommandText>> split_pipeline(
    const SourceText& source, Range range, FirstCommand first = FirstCommand::may_be_search);

}  // namespace hecate::spl
