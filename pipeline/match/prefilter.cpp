#include "pipeline/match/prefilter.h"

#include "pipeline/match/literal_search.h"

#include <map>
#include <numeric>

namespace hecate::match {
namespace {

class LiteralPrefilter final : public Prefilter {
 public:
  explicit LiteralPrefilter(std::span<const std::optional<Literals>> scans) : scans_(scans.size()) {
    std::map<std::string, std::vector<std::uint32_t>> by_literal;
    for (std::uint32_t scan = 0; scan < scans.size(); ++scan) {
      if (!scans[scan]) {
        always_.push_back(scan);
        continue;
      }
      for (const std::string& literal : *scans[scan]) by_literal[literal].push_back(scan);
    }
    std::vector<std::string> literals;
    for (auto& [literal, of] : by_literal) {
      literals.push_back(literal);
      of_literal_.push_back(std::move(of));
    }
    if (literals.empty()) return;
    search_ = LiteralSearch::make(literals);
    if (search_) return;
    // Nothing is filtered out then.
    always_.resize(scans_);
    std::iota(always_.begin(), always_.end(), 0U);
  }

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override;

 private:
  class ThreadScratch;

  std::size_t scans_;
  std::vector<std::uint32_t> always_;
  std::vector<std::vector<std::uint32_t>> of_literal_;
  std::unique_ptr<const LiteralSearch> search_;
};

class LiteralPrefilter::ThreadScratch final : public Prefilter::Scratch, private LiteralSearch::Hits {
 public:
  explicit ThreadScratch(const LiteralPrefilter& filter) : filter_(filter), marked_(filter.scans_, 0) {
    found_.reserve(filter.scans_);
    if (filter.search_) search_ = filter.search_->make_scratch();
  }

  std::span<const std::uint32_t> candidates(const EventView& event) override {
    found_.assign(filter_.always_.begin(), filter_.always_.end());
    if (!search_) return found_;
    ++event_;
    if (!event.fields.empty() || !search_->search(event.raw, *this)) all();
    return found_;
  }

 private:
  void take(std::uint32_t literal) override {
    if (literal == filter_.of_literal_.size()) return all();
    for (std::uint32_t scan : filter_.of_literal_[literal]) mark(scan);
  }

  void mark(std::uint32_t scan) {
    if (marked_[scan] == event_) return;
    marked_[scan] = event_;
    found_.push_back(scan);
  }

  void all() {
    for (const auto& of : filter_.of_literal_)
      for (std::uint32_t scan : of) mark(scan);
  }

  const LiteralPrefilter& filter_;
  std::unique_ptr<LiteralSearch::Scratch> search_;
  std::vector<std::uint32_t> found_;
  std::vector<std::uint64_t> marked_;  // by scan: the event that it was last marked for
  std::uint64_t event_ = 0;
};

std::unique_ptr<Prefilter::Scratch> LiteralPrefilter::make_scratch() const {
  return std::make_unique<ThreadScratch>(*this);
}

}  // namespace

std::unique_ptr<const Prefilter> Prefilter::build(std::span<const std::optional<Literals>> scans) {
  return std::make_unique<LiteralPrefilter>(scans);
}

}  // namespace hecate::match
