#include "pipeline/match/prefilter.h"

#include "pipeline/match/literal_search.h"

#include <array>
#include <map>

namespace hecate::match {
namespace {

// Of a scan, by the place of what it requires among all of that.
struct Requirement {
  std::uint32_t scan;
  std::uint32_t place;
};

class LiteralPrefilter final : public Prefilter {
 public:
  explicit LiteralPrefilter(std::span<const std::vector<Literals>> scans) : all_(scans.size()) {
    open_.fill(ScanBits(scans.size()));
    std::map<std::string, std::vector<Requirement>> by_literal;
    for (std::uint32_t scan = 0; scan < scans.size(); ++scan) {
      all_.add(scan);
      for (std::uint32_t place = 0; place < kMostRequired; ++place) {
        if (place >= scans[scan].size()) {
          open_[place].add(scan);
          continue;
        }
        for (const std::string& literal : scans[scan][place]) by_literal[literal].push_back({scan, place});
      }
    }
    std::vector<std::string> literals;
    for (auto& [literal, of] : by_literal) {
      literals.push_back(literal);
      of_literal_.push_back(std::move(of));
    }
    if (literals.empty()) return;
    search_ = LiteralSearch::make(literals);
    if (!search_) open_.fill(all_);  // nothing is filtered out then
  }

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override;

 private:
  class ThreadScratch;
  using Met = std::array<ScanBits, kMostRequired>;  // the scans whose requirement at that place is met

  ScanBits all_;
  Met open_;  // before anything is found: there is none at that place
  std::vector<std::vector<Requirement>> of_literal_;
  std::unique_ptr<const LiteralSearch> search_;
};

class LiteralPrefilter::ThreadScratch final : public Prefilter::Scratch, private LiteralSearch::Hits {
 public:
  explicit ThreadScratch(const LiteralPrefilter& filter) : filter_(filter) {
    if (filter.search_) search_ = filter.search_->make_scratch();
  }

  void find(const EventView& event, ScanBits& candidates) override {
    met_ = filter_.open_;
    hidden_ = !event.fields.empty();
    if (search_ && !hidden_ && !search_->search(event.raw, *this)) hidden_ = true;
    if (search_ && hidden_) {
      candidates = filter_.all_;
      return;
    }
    candidates = met_[0];
    for (std::size_t place = 1; place < kMostRequired; ++place) candidates.keep(met_[place]);
  }

 private:
  void take(std::uint32_t literal) override {
    if (literal == filter_.of_literal_.size()) {
      hidden_ = true;
      return;
    }
    for (const Requirement& each : filter_.of_literal_[literal]) met_[each.place].add(each.scan);
  }

  const LiteralPrefilter& filter_;
  std::unique_ptr<LiteralSearch::Scratch> search_;
  Met met_;
  bool hidden_ = false;  // the event has letters where the search does not see them
};

std::unique_ptr<Prefilter::Scratch> LiteralPrefilter::make_scratch() const {
  return std::make_unique<ThreadScratch>(*this);
}

}  // namespace

std::unique_ptr<const Prefilter> Prefilter::build(std::span<const std::vector<Literals>> scans) {
  return std::make_unique<LiteralPrefilter>(scans);
}

}  // namespace hecate::match
