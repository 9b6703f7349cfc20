#include "pipeline/match/prefilter.h"

#include <map>
#include <new>
#include <numeric>

#include <fmt/format.h>
#include <hs/hs.h>

namespace hecate::match {
namespace {

// A JSON escape of a character that a literal may hold: printable ASCII but for `"` `&` `/` `<` `>` `\`,
// which no literal has and some shippers always write so.
constexpr const char* kHiddenCharacter =
    R"(\\u00(2[013-57-9a-e]|3[0-9abdf]|4[0-9a-f]|5[0-9abd-f]|6[0-9a-f]|7[0-9a-e]))";

// A literal as a regular expression.
std::string quoted(const std::string& literal) {
  std::string out;
  for (char c : literal) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out;
}

struct FreeDatabase {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct FreeScratch {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};

class HyperscanPrefilter final : public Prefilter {
 public:
  explicit HyperscanPrefilter(std::span<const std::optional<Literals>> scans) : scans_(scans.size()) {
    std::map<std::string, std::vector<std::uint32_t>> by_literal;
    for (std::uint32_t scan = 0; scan < scans.size(); ++scan) {
      if (!scans[scan]) {
        always_.push_back(scan);
        continue;
      }
      for (const std::string& literal : *scans[scan]) by_literal[literal].push_back(scan);
    }
    std::vector<std::string> patterns;
    for (auto& [literal, of] : by_literal) {
      patterns.push_back(quoted(literal));
      of_pattern_.push_back(std::move(of));
    }
    if (!patterns.empty()) compile(patterns);
  }

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override;

 private:
  class ThreadScratch;

  // Pattern i stands for the scans of_pattern_[i]; the one behind the last, for all of them.
  void compile(std::vector<std::string>& patterns) {
    patterns.emplace_back(kHiddenCharacter);
    std::vector<const char*> texts;
    for (const std::string& pattern : patterns) texts.push_back(pattern.c_str());
    std::vector<unsigned> flags(texts.size(), HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH);
    std::vector<unsigned> ids(texts.size());
    std::iota(ids.begin(), ids.end(), 0U);
    hs_database_t* database = nullptr;
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()),
                         HS_MODE_BLOCK, nullptr, &database, &error) == HS_SUCCESS) {
      database_.reset(database);
      return;
    }
    // Literals are always patterns that it can compile, unless memory is short: then nothing is filtered out.
    hs_free_compile_error(error);
    always_.resize(scans_);
    std::iota(always_.begin(), always_.end(), 0U);
  }

  std::size_t scans_;
  std::vector<std::uint32_t> always_;
  std::vector<std::vector<std::uint32_t>> of_pattern_;
  std::unique_ptr<hs_database_t, FreeDatabase> database_;
};

class HyperscanPrefilter::ThreadScratch final : public Prefilter::Scratch {
 public:
  explicit ThreadScratch(const HyperscanPrefilter& filter) : filter_(filter), marked_(filter.scans_, 0) {
    found_.reserve(filter.scans_);
    hs_scratch_t* scratch = nullptr;
    if (filter.database_ && hs_alloc_scratch(filter.database_.get(), &scratch) != HS_SUCCESS)
      throw std::bad_alloc();
    scratch_.reset(scratch);
  }

  std::span<const std::uint32_t> candidates(const EventView& event) override {
    found_.assign(filter_.always_.begin(), filter_.always_.end());
    if (!filter_.database_) return found_;
    ++event_;
    if (!event.fields.empty()) {
      all();
    } else if (hs_scan(filter_.database_.get(), event.raw.data(), static_cast<unsigned>(event.raw.size()), 0,
                       scratch_.get(), on_match, this) != HS_SUCCESS) {
      all();
    }
    return found_;
  }

 private:
  static int on_match(unsigned id, unsigned long long, unsigned long long, unsigned, void* self) {
    static_cast<ThreadScratch*>(self)->take(id);
    return 0;
  }

  void take(unsigned pattern) {
    if (pattern == filter_.of_pattern_.size()) return all();
    for (std::uint32_t scan : filter_.of_pattern_[pattern]) mark(scan);
  }

  void mark(std::uint32_t scan) {
    if (marked_[scan] == event_) return;
    marked_[scan] = event_;
    found_.push_back(scan);
  }

  void all() {
    for (const auto& of : filter_.of_pattern_)
      for (std::uint32_t scan : of) mark(scan);
  }

  const HyperscanPrefilter& filter_;
  std::unique_ptr<hs_scratch_t, FreeScratch> scratch_;
  std::vector<std::uint32_t> found_;
  std::vector<std::uint64_t> marked_;  // by scan: the event that it was last marked for
  std::uint64_t event_ = 0;
};

std::unique_ptr<Prefilter::Scratch> HyperscanPrefilter::make_scratch() const {
  return std::make_unique<ThreadScratch>(*this);
}

}  // namespace

std::unique_ptr<const Prefilter> Prefilter::build(std::span<const std::optional<Literals>> scans) {
  return std::make_unique<HyperscanPrefilter>(scans);
}

}  // namespace hecate::match
