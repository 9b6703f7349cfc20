#pragma once

#include "pipeline/spl/condition.h"
#include "pipeline/spl/expression.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::spl {

// A field with what it held, as texts: none where it is null.
struct FieldTexts {
  std::string name;
  std::vector<std::string> values;
};

// A part of a predicate and what it came to for one row.
struct Clause {
  enum class Outcome : std::uint8_t {
    no,
    yes,
    unknown,  // an eval expression that is null: a field that it needs is not there
  };
  std::string text;  // as SPL writes it; `AND`, `OR`, `NOT`, `XOR` where there are children
  Outcome outcome = Outcome::no;
  Position position;
  std::string macros;              // that brought it in, the innermost first; empty: none
  std::vector<FieldTexts> fields;  // what it looked at
  std::vector<Clause> children;
};

// What one event comes to in a search, for `hecate explain`. Owns all its texts.
struct Explanation {
  struct Step {
    std::string command;  // as it was written
    std::size_t rows_in = 0, rows_out = 0;
    std::vector<Clause> predicates;  // of search and where: one for each row, for some rows
    // Fields that the command set, of the first row only; one that it removed has no values.
    std::vector<FieldTexts> changed;
  };
  struct Group {
    std::vector<FieldTexts> by;
    std::vector<FieldTexts> results;  // of this event alone
  };
  Clause condition;  // the first clause
  bool matched = false;
  std::vector<Step> streaming;
  bool keeps_event = false;                   // the search keeps single events and gathers no groups
  std::vector<Group> groups;                  // that the event is counted in
  std::vector<std::string> null_by;           // BY fields that were null, so that it is counted in none
  std::vector<Step> closing;                  // over these groups alone
  std::vector<std::vector<FieldTexts>> rows;  // that come out in the end
  [[nodiscard]] bool contributed() const { return keeps_event || !groups.empty(); }
};

// How near a row comes to a condition: 1 holds, 0 nothing of it does; of AND the part of its children that
// hold.
[[nodiscard]] double nearness(const Condition& condition, const Row& row, EvalContext& context);

// For each part of the condition, itself first, then its children in order: whether it holds. Every part is
// looked at, also where the answer is clear before. Added to `holds`.
void outcomes(const Condition& condition, const Row& row, EvalContext& context, std::vector<bool>& holds);

// The same with texts and values; `source` tells of macros.
[[nodiscard]] Clause explain(const Condition& condition, const Row& row, EvalContext& context,
                             const SourceText& source);
[[nodiscard]] Clause explain(const Expression& expression, const Row& row, EvalContext& context,
                             const SourceText& source);

// As SPL writes it. Of a condition with children: `AND`, `OR`, `NOT`.
[[nodiscard]] std::string written(const Condition& condition);
[[nodiscard]] std::string written(const Expression& expression);

}  // namespace hecate::spl
