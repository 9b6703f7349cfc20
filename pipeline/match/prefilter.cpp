#include "pipeline/match/prefilter.h"

#include "pipeline/match/literal_search.h"

#include <map>

namespace hecate::match {
namespace {

class LiteralPrefilter final : public Prefilter {
 public:
  explicit LiteralPrefilter(std::span<const std::optional<Literals>> scans)
      : always_(scans.size()), all_(scans.size()) {
    std::map<std::string, ScanBits> by_literal;
    for (std::size_t scan = 0; scan < scans.size(); ++scan) {
      all_.add(scan);
      if (!scans[scan]) {
        always_.add(scan);
        continue;
      }
      for (const std::string& literal : *scans[scan])
        by_literal.try_emplace(literal, scans.size()).first->second.add(scan);
    }
    std::vector<std::string> literals;
    for (auto& [literal, of] : by_literal) {
      literals.push_back(literal);
      of_literal_.push_back(std::move(of));
    }
    if (literals.empty()) return;
    search_ = LiteralSearch::make(literals);
    if (!search_) always_ = all_;  // nothing is filtered out then
  }

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override;

 private:
  class ThreadScratch;

  ScanBits always_, all_;
  std::vector<ScanBits> of_literal_;
  std::unique_ptr<const LiteralSearch> search_;
};

class LiteralPrefilter::ThreadScratch final : public Prefilter::Scratch, private LiteralSearch::Hits {
 public:
  explicit ThreadScratch(const LiteralPrefilter& filter) : filter_(filter) {
    if (filter.search_) search_ = filter.search_->make_scratch();
  }

  void find(const EventView& event, ScanBits& candidates) override {
    candidates = filter_.always_;
    if (!search_) return;
    candidates_ = &candidates;
    if (!event.fields.empty() || !search_->search(event.raw, *this)) candidates = filter_.all_;
  }

 private:
  void take(std::uint32_t literal) override {
    candidates_->add(literal == filter_.of_literal_.size() ? filter_.all_ : filter_.of_literal_[literal]);
  }

  const LiteralPrefilter& filter_;
  std::unique_ptr<LiteralSearch::Scratch> search_;
  ScanBits* candidates_ = nullptr;  // during find
};

std::unique_ptr<Prefilter::Scratch> LiteralPrefilter::make_scratch() const {
  return std::make_unique<ThreadScratch>(*this);
}

}  // namespace

std::unique_ptr<const Prefilter> Prefilter::build(std::span<const std::optional<Literals>> scans) {
  return std::make_unique<LiteralPrefilter>(scans);
}

}  // namespace hecate::match
