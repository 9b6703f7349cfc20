#pragma once

#include "pipeline/base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// A compiled PCRE2 pattern: JIT, UTF-8 (bytes that are not valid UTF-8 match nothing but do no harm),
// unanchored. Immutable; thread-safe: what a match needs beside it is kept for each thread. A pattern that
// runs into the match limits counts as no match, and in `limits_hit()`, so that no pattern can hang a worker.
struct Regex {
 public:
  struct Name {
    std::string name;
    std::size_t group;
  };

  // `caseless` is PCRE's option i. Error: what is wrong, and at which character of the pattern.
  [[nodiscard]] static Result<std::shared_ptr<const Regex>> compile(std::string_view pattern,
                                                                    bool caseless = false);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  [[nodiscard]] bool matches(std::string_view subject) const;
  // The first match at or behind `start`: groups[0] is the whole of it, groups[i] the i-th pair of
  // parentheses, with a null data() where it took no part. False without one; `groups` is then undefined.
  [[nodiscard]] bool find(std::string_view subject, std::size_t start,
                          std::vector<std::string_view>& groups) const;

  // The named groups `(?<name>…)`, in the order of their numbers.
  [[nodiscard]] const std::vector<Name>& names() const { return names_; }
  [[nodiscard]] std::size_t group_count() const { return group_count_; }
  [[nodiscard]] const std::string& text() const { return text_; }

  // Matches of all patterns that were given up since the program started.
  [[nodiscard]] static std::uint64_t limits_hit();

 private:
  Regex() = default;
  // PCRE2's return code.
  [[nodiscard]] int run(std::string_view subject, std::size_t start) const;
  void read_names();

  void* code_ = nullptr;  // pcre2_code; its header stays in the .cpp
  std::string text_;
  std::vector<Name> names_;
  std::size_t group_count_ = 0;
};

// `subject` with every match put in place of by `replacement`, in which `\1`…`\9` stand for groups and `\0`
// for the whole match; at most `limit` times (0: all).
[[nodiscard]] std::string replace_matches(const Regex& regex, std::string_view subject,
                                          std::string_view replacement, std::size_t limit = 0);

}  // namespace hecate::spl
