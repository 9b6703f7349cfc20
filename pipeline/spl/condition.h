#pragma once

#include "pipeline/spl/lexer.h"
#include "pipeline/spl/network.h"
#include "pipeline/spl/row.h"
#include "pipeline/spl/source.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

class Subsearch;

// A pattern of the search command: compared without case, `*` stands for any run of characters. Immutable;
// matching allocates nothing unless both the pattern and the value go beyond ASCII (see case_fold.h for the
// letters known).
class Pattern {
 public:
  Pattern() = default;
  explicit Pattern(std::string_view text);
  [[nodiscard]] bool matches(std::string_view value) const;
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool has_wildcard() const { return wildcard_; }
  // `*` alone, or several: matches whatever exists.
  [[nodiscard]] bool matches_all() const { return wildcard_ && pieces_.empty(); }
  // The number that the text spells, for values that are numbers.
  [[nodiscard]] const std::optional<double>& number() const { return number_; }
  // The pieces between the wildcards, folded to lower case, in order; empty pieces left out. Literals for a
  // prefilter: bytes of ASCII stand in a matching value in one case or the other, others perhaps as another
  // letter.
  [[nodiscard]] const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  [[nodiscard]] bool matches_bytes(std::string_view value) const;

  std::string text_;
  std::vector<std::string> pieces_;
  std::optional<double> number_;
  bool ascii_ = true;
  bool wildcard_ = false;
  bool anchored_front_ = true;
  bool anchored_back_ = true;
};

// The expression of the search command (also the first clause of a search, and tstats' where): a tree that
// matching, the fingerprint, the prefilter and `explain` all walk.
struct Condition {
  enum class Kind {
    always,  // `*`, or nothing
    never,
    all_of,     // children, AND
    any_of,     // children, OR
    none_of,    // NOT children[0]
    equal,      // field=pattern; a multivalue field matches if any value does; `field=*` means it exists
    not_equal,  // field!=pattern: the field must exist
    less,
    less_equal,
    greater,
    greater_equal,  // numeric when both sides are numbers, else text order
    cidr,           // field="10.0.0.0/8"
    term,       // a bare word or phrase: looked for anywhere in _raw, without case; its pattern is `*text*`
    in,         // field IN (patterns…)
    subsearch,  // […]: any row that it found in the run at hand (EvalContext::subsearches)
  };

  Kind kind = Kind::always;
  FieldRef field;
  Pattern
      pattern;  // equal, not_equal, term; the text compared with for < <= > >= and cidr; a subsearch's text
  std::optional<Network> network;  // cidr
  std::vector<Pattern> patterns;   // in
  std::vector<Condition> children;
  std::shared_ptr<Subsearch> subsearch;
  Position position;
};

// Parses source[begin, end): parentheses, NOT, then OR, then AND (OR binds tighter), AND is implied.
[[nodiscard]] Parsed<Condition> parse_condition(const SourceText& source, std::size_t begin, std::size_t end,
                                                FieldNames& names);

[[nodiscard]] bool matches(const Condition& condition, const Row& row, EvalContext& context);

void collect_fields(const Condition& condition, std::vector<FieldRef>& fields);

// Its operator in lower case: `and`, `=`, `in`.
[[nodiscard]] std::string_view kind_text(Condition::Kind kind);

// One text for all conditions of the same tree: part of a scan's fingerprint.
[[nodiscard]] std::string canonical(const Condition& condition);

}  // namespace hecate::spl
