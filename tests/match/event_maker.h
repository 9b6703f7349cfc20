#pragma once

#include "pipeline/spl/condition.h"
#include "tests/match/made_event.h"

#include <map>
#include <random>
#include <string>
#include <vector>

namespace hecate::testing {

// What an event's field must be like: search patterns that its value has to match, or must not.
struct FieldWish {
  std::vector<std::string> patterns;  // with `*`; a number compared with is one that satisfies the comparison
  std::vector<std::string> forbidden;
  bool absent = false;
};

// Makes events that a search's first clause and what is known of its later commands ask for, by chance where
// there is a choice: whoever takes one checks that it does.
class EventMaker {
 public:
  // `search`: its text with the macros put in, for what later commands want: `search`, `where match(…)`,
  // `regex`, `rex`. `fields`: those that the search reads of an event; half of the events have all of them.
  EventMaker(const spl::Condition& condition, const std::string& search,
             const std::vector<spl::FieldRef>& fields);

  // How many kinds of events (codes, Windows or Linux) there are to try.
  [[nodiscard]] std::size_t kinds() const;
  // One of that kind. The first of a kind takes each first alternative.
  [[nodiscard]] MadeEvent make(std::size_t kind, std::mt19937& random, bool first_choice);
  // The names of the event's own fields that the last event was made for; others are as they come.
  [[nodiscard]] const std::vector<std::string>& wished() const { return wished_; }

 private:
  using Wishes = std::map<std::string, FieldWish>;
  void choose(const spl::Condition& condition, bool wanted, std::mt19937& random, bool first);
  void wish(const spl::Condition& leaf, bool wanted, std::mt19937& random, bool first);
  void put(MadeEvent& event, const std::string& field, const FieldWish& wish, std::mt19937& random);

  const spl::Condition& condition_;
  std::vector<std::string> fields_;
  spl::FieldNames later_names_;
  std::vector<spl::Condition> later_;                       // of search commands behind the first clause
  std::vector<std::pair<std::string, std::string>> hints_;  // field, pattern; `~` begins a regular expression
  Wishes wishes_;
  std::vector<std::string> wished_;
};

// A text that the regular expression matches, for the usual forms of one; random where there is a choice.
[[nodiscard]] std::string sample_of_regex(const std::string& regex, std::mt19937& random);

// A value that all patterns match, if they can be brought together; random text for `*`.
[[nodiscard]] std::string value_for(const std::vector<std::string>& patterns, std::mt19937& random);

}  // namespace hecate::testing
