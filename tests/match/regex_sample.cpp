// Texts that regular expressions match: of the usual forms, not of all.
#include "tests/match/event_maker.h"

#include <algorithm>
#include <cstdlib>

namespace hecate::testing {
namespace {

class Sampler {
 public:
  Sampler(const std::string& regex, std::mt19937& random) : regex_(regex), random_(random) {}
  std::string sample() { return alternatives(); }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= regex_.size(); }
  [[nodiscard]] bool next_is(std::string_view text) const {
    return regex_.compare(at_, text.size(), text) == 0;
  }

  std::string alternatives() {
    std::vector<std::string> all{sequence()};
    while (!at_end() && regex_[at_] == '|') {
      ++at_;
      all.push_back(sequence());
    }
    return all[random_() % all.size()];
  }
  std::string sequence() {
    std::string out;
    while (!at_end() && regex_[at_] != '|' && regex_[at_] != ')') out += repeated();
    return out;
  }
  std::string repeated() {
    std::size_t begin = at_;
    std::string once = atom();
    std::size_t end = at_;
    std::size_t least = 1;
    if (at_end()) return once;
    if (regex_[at_] == '*' || regex_[at_] == '?') {
      least = random_() % 2;
      ++at_;
    } else if (regex_[at_] == '+') {
      ++at_;
    } else if (regex_[at_] == '{' && at_ + 1 < regex_.size() && regex_[at_ + 1] >= '0' &&
               regex_[at_ + 1] <= '9') {
      least = std::stoul(regex_.substr(at_ + 1));
      at_ = regex_.find('}', at_) + 1;
    }
    if (!at_end() && (regex_[at_] == '?' || regex_[at_] == '+') && end != at_) ++at_;
    std::string out = least > 0 ? once : "";
    std::size_t after = at_;
    for (std::size_t i = 1; i < least; ++i) {
      at_ = begin;
      out += atom();
    }
    at_ = after;
    return out;
  }
  std::string atom() {
    char c = regex_[at_++];
    switch (c) {
      case '(':
        return group();
      case '[':
        return set();
      case '\\':
        return escape();
      case '.':
        return "a";
      case '^':
      case '$':
        return "";
      default:
        return {c};
    }
  }
  std::string group() {
    bool looks_ahead = next_is("?=") || next_is("?!") || next_is("?<=") || next_is("?<!");
    if (next_is("?<") && !looks_ahead) {
      at_ = regex_.find('>', at_) + 1;
    } else if (next_is("?P<")) {
      at_ = regex_.find('>', at_) + 1;
    } else if (looks_ahead) {
      at_ += regex_[at_ + 1] == '<' ? 3 : 2;
    } else if (next_is("?")) {
      at_ = regex_.find_first_of(":)", at_);
      if (regex_[at_] == ':') ++at_;
    }
    std::string out = alternatives();
    if (!at_end()) ++at_;
    return looks_ahead ? "" : out;
  }
  std::string escape() {
    char c = at_end() ? '\\' : regex_[at_++];
    switch (c) {
      case 'd':
        return std::string(1, static_cast<char>('0' + random_() % 10));
      case 'w':
      case 'S':
      case 'D':
        return std::string(1, static_cast<char>('a' + random_() % 26));
      case 's':
        return " ";
      case 'b':
      case 'B':
        return "";
      case 'W':
        return "-";
      case 'x': {
        if (next_is("{")) return wide_character();
        char* end = nullptr;
        std::string digits = regex_.substr(at_, 2);
        long code = std::strtol(digits.c_str(), &end, 16);
        if (digits.size() < 2 || *end != '\0') return "x";
        at_ += 2;
        return {static_cast<char>(code)};
      }
      default:
        return {c};
    }
  }
  // `{202E}` as UTF-8; of those that take three bytes.
  std::string wide_character() {
    std::size_t close = regex_.find('}', at_);
    auto code = static_cast<unsigned>(std::strtoul(regex_.substr(at_ + 1).c_str(), nullptr, 16));
    at_ = close == std::string::npos ? regex_.size() : close + 1;
    return {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
            static_cast<char>(0x80 | (code & 0x3F))};
  }
  std::string set() {
    bool negated = !at_end() && regex_[at_] == '^';
    if (negated) ++at_;
    std::string members;
    bool first = true;
    while (!at_end() && (regex_[at_] != ']' || first)) {
      first = false;
      if (regex_[at_] == '\\') {
        ++at_;
        members += escape();
      } else if (at_ + 2 < regex_.size() && regex_[at_ + 1] == '-' && regex_[at_ + 2] != ']') {
        for (int c = regex_[at_]; c <= regex_[at_ + 2]; ++c) members += static_cast<char>(c);
        at_ += 3;
      } else {
        members += regex_[at_++];
      }
    }
    ++at_;
    if (!negated) return members.empty() ? "" : std::string(1, members[random_() % members.size()]);
    for (char c : std::string("aZ5-_ .xq"))
      if (!members.contains(c)) return {c};
    return "~";
  }

  const std::string& regex_;
  std::mt19937& random_;
  std::size_t at_ = 0;
};

}  // namespace

std::string sample_of_regex(const std::string& regex, std::mt19937& random) {
  return Sampler(regex, random).sample();
}

}  // namespace hecate::testing
