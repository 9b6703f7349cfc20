#include "pipeline/spl/regex.h"

#include "fmt/format.h"

#include <algorithm>
#include <atomic>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace hecate::spl {
namespace {

// About a tenth of a second of work at most; a pattern that needs more is wrong for a stream.
constexpr std::uint32_t kMatchLimit = 1'000'000;
constexpr std::uint32_t kHeapLimitKiB = 16 * 1024;
constexpr std::size_t kJitStackStart = 32 * 1024;
constexpr std::size_t kJitStackMost = 1024 * 1024;
constexpr std::uint32_t kGroupsAtFirst = 32;

std::atomic<std::uint64_t> given_up{0};

// What a match works in; PCRE2 wants one a thread.
class Scratch {
 public:
  Scratch()
      : context_(pcre2_match_context_create(nullptr)),
        stack_(pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr)) {
    pcre2_set_match_limit(context_, kMatchLimit);
    pcre2_set_heap_limit(context_, kHeapLimitKiB);
    pcre2_jit_stack_assign(context_, nullptr, stack_);
  }
  ~Scratch() {
    pcre2_match_data_free(data_);
    pcre2_jit_stack_free(stack_);
    pcre2_match_context_free(context_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  pcre2_match_data* data(std::size_t pairs) {
    if (pairs > pairs_) {
      pcre2_match_data_free(data_);
      pairs_ = std::max<std::size_t>(pairs, kGroupsAtFirst);
      data_ = pcre2_match_data_create(static_cast<std::uint32_t>(pairs_), nullptr);
    }
    return data_;
  }
  [[nodiscard]] pcre2_match_context* context() { return context_; }

 private:
  pcre2_match_context* context_;
  pcre2_jit_stack* stack_;
  pcre2_match_data* data_ = nullptr;
  std::size_t pairs_ = 0;
};

Scratch& scratch() {
  thread_local Scratch instance;
  return instance;
}

const pcre2_code* code_of(const void* code) {
  return static_cast<const pcre2_code*>(code);
}

}  // namespace

Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern, bool caseless) {
  std::uint32_t options =
      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DUPNAMES | (caseless ? PCRE2_CASELESS : 0U);
  int problem = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options,
                                   &problem, &at, nullptr);
  if (code == nullptr) {
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(problem, message, sizeof message);
    return fail(fmt::format("the regular expression \"{}\" is wrong at its character {}: {}", pattern, at + 1,
                            reinterpret_cast<const char*>(message)));
  }
  // Without JIT (a processor that PCRE2 has none for) the interpreter gives the same answers.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  std::shared_ptr<Regex> regex(new Regex);
  regex->code_ = code;
  regex->text_ = pattern;
  regex->read_names();
  return regex;
}

Regex::~Regex() {
  pcre2_code_free(static_cast<pcre2_code*>(code_));
}

void Regex::read_names() {
  std::uint32_t groups = 0;
  std::uint32_t count = 0;
  std::uint32_t entry_size = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code_of(code_), PCRE2_INFO_CAPTURECOUNT, &groups);
  pcre2_pattern_info(code_of(code_), PCRE2_INFO_NAMECOUNT, &count);
  pcre2_pattern_info(code_of(code_), PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
  pcre2_pattern_info(code_of(code_), PCRE2_INFO_NAMETABLE, &table);
  group_count_ = groups;
  for (std::uint32_t i = 0; i < count; ++i, table += entry_size) {
    // An entry is the group's number in two bytes, high first, then the name and a zero.
    names_.push_back(
        {reinterpret_cast<const char*>(table + 2), static_cast<std::size_t>(table[0] << 8 | table[1])});
  }
  std::ranges::sort(names_, {}, &Name::group);
}

int Regex::run(std::string_view subject, std::size_t start) const {
  Scratch& work = scratch();
  const char* data = subject.data() == nullptr ? "" : subject.data();
  int found = pcre2_match(code_of(code_), reinterpret_cast<PCRE2_SPTR>(data), subject.size(), start, 0,
                          work.data(group_count_ + 1), work.context());
  if (found < 0 && found != PCRE2_ERROR_NOMATCH) given_up.fetch_add(1, std::memory_order_relaxed);
  return found;
}

bool Regex::matches(std::string_view subject) const {
  return run(subject, 0) > 0;
}

bool Regex::find(std::string_view subject, std::size_t start, std::vector<std::string_view>& groups) const {
  int found = run(subject, start);
  if (found <= 0) return false;
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(scratch().data(group_count_ + 1));
  groups.assign(group_count_ + 1, std::string_view());
  for (int i = 0; i < found; ++i) {
    PCRE2_SIZE begin = offsets[2 * i];
    PCRE2_SIZE end = offsets[2 * i + 1];
    // \K in a look-ahead can put the begin behind the end.
    if (begin != PCRE2_UNSET && begin <= end) {
      groups[static_cast<std::size_t>(i)] = {subject.data() + begin, end - begin};
    }
  }
  return true;
}

std::uint64_t Regex::limits_hit() {
  return given_up.load(std::memory_order_relaxed);
}

namespace {

void append_replacement(std::string_view replacement, const std::vector<std::string_view>& groups,
                        std::string& out) {
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    char c = replacement[i];
    if (c != '\\' || i + 1 == replacement.size()) {
      out += c;
      continue;
    }
    char next = replacement[++i];
    if (next >= '0' && next <= '9') {
      auto group = static_cast<std::size_t>(next - '0');
      if (group < groups.size()) out += groups[group];
    } else {
      if (next != '\\') out += c;
      out += next;
    }
  }
}

}  // namespace

std::string replace_matches(const Regex& regex, std::string_view subject, std::string_view replacement,
                            std::size_t limit) {
  std::string out;
  std::vector<std::string_view> groups;
  std::size_t at = 0;      // what is copied so far
  std::size_t search = 0;  // where to look next
  for (std::size_t count = 0; search <= subject.size() && (limit == 0 || count < limit); ++count) {
    if (!regex.find(subject, search, groups)) break;
    // Only \K in a look-ahead leaves the whole match without a place: nothing to put anything in place of.
    if (groups[0].data() == nullptr && !subject.empty()) break;
    auto begin = static_cast<std::size_t>(groups[0].data() - subject.data());
    out += subject.substr(at, begin - at);
    append_replacement(replacement, groups, out);
    at = begin + groups[0].size();
    search = at;
    if (!groups[0].empty()) continue;
    // An empty match: the character behind it stays, and the search goes on behind that.
    do {
      if (search < subject.size()) out += subject[search];
      ++search;
    } while (search < subject.size() && (subject[search] & 0xC0) == 0x80);
    at = std::min(search, subject.size());
  }
  if (at < subject.size()) out += subject.substr(at);
  return out;
}

}  // namespace hecate::spl
