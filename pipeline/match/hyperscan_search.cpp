#include "pipeline/match/literal_search.h"

#include <new>
#include <numeric>
#include <vector>

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
using Database = std::unique_ptr<hs_database_t, FreeDatabase>;

class HyperscanScratch final : public LiteralSearch::Scratch {
 public:
  explicit HyperscanScratch(const hs_database_t& database) : database_(database) {
    hs_scratch_t* scratch = nullptr;
    if (hs_alloc_scratch(&database, &scratch) != HS_SUCCESS) throw std::bad_alloc();
    scratch_.reset(scratch);
  }

  bool search(std::string_view text, LiteralSearch::Hits& hits) override {
    if (text.empty()) return true;  // it may have no address
    return hs_scan(&database_, text.data(), static_cast<unsigned>(text.size()), 0, scratch_.get(), on_match,
                   &hits) == HS_SUCCESS;
  }

 private:
  static int on_match(unsigned id, unsigned long long, unsigned long long, unsigned, void* hits) {
    static_cast<LiteralSearch::Hits*>(hits)->take(id);
    return 0;
  }

  const hs_database_t& database_;
  std::unique_ptr<hs_scratch_t, FreeScratch> scratch_;
};

class HyperscanSearch final : public LiteralSearch {
 public:
  explicit HyperscanSearch(Database database) : database_(std::move(database)) {}

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override {
    return std::make_unique<HyperscanScratch>(*database_);
  }

 private:
  Database database_;
};

}  // namespace

std::unique_ptr<const LiteralSearch> LiteralSearch::for_many(std::span<const std::string> literals) {
  std::vector<std::string> patterns;
  for (const std::string& literal : literals) patterns.push_back(quoted(literal));
  patterns.emplace_back(kHiddenCharacter);
  std::vector<const char*> texts;
  for (const std::string& pattern : patterns) texts.push_back(pattern.c_str());
  std::vector<unsigned> flags(texts.size(), HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH);
  std::vector<unsigned> ids(texts.size());
  std::iota(ids.begin(), ids.end(), 0U);
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()),
                       HS_MODE_BLOCK, nullptr, &database, &error) == HS_SUCCESS)
    return std::make_unique<HyperscanSearch>(Database(database));
  // Literals are always patterns that it can compile, unless memory is short.
  hs_free_compile_error(error);
  return nullptr;
}

std::unique_ptr<const LiteralSearch> LiteralSearch::make(std::span<const std::string> literals) {
  if (auto few = for_few(literals)) return few;
  return for_many(literals);
}

}  // namespace hecate::match
