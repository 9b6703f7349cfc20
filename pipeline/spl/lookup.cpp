#include "pipeline/spl/lookup.h"

#include "fmt/format.h"

namespace hecate::spl {

LookupMatch LookupRules::match_of(std::string_view field) const {
  for (const auto& [name, match] : match_type)
    if (name == field) return match;
  return LookupMatch::exact;
}

std::string LookupRules::canonical() const {
  std::map<std::string_view, LookupMatch> sorted(match_type.begin(), match_type.end());
  std::string text = fmt::format("case={} min={} max={} default={:?}", case_sensitive_match, min_matches,
                                 max_matches, default_match);
  for (const auto& [field, match] : sorted) text += fmt::format(" {}({:?})", static_cast<int>(match), field);
  return text;
}

WrittenTable::WrittenTable(std::string name)
    : name_(std::move(name)), table_(std::make_shared<LookupTable>(std::vector<std::string>())) {}

std::shared_ptr<const LookupTable> WrittenTable::get() const {
  std::lock_guard lock(mutex_);
  return table_;
}

void WrittenTable::set(std::shared_ptr<const LookupTable> table) {
  std::lock_guard lock(mutex_);
  table_ = std::move(table);
}

Lookup::Lookup(std::string name, LookupRules rules, std::shared_ptr<const LookupTable> table)
    : name_(std::move(name)), rules_(std::move(rules)), table_(std::move(table)) {}

Lookup::Lookup(std::string name, LookupRules rules, std::shared_ptr<WrittenTable> written,
               std::vector<std::string> fields)
    : name_(std::move(name)),
      rules_(std::move(rules)),
      table_(std::make_shared<LookupTable>(std::move(fields))),
      written_(std::move(written)) {}

std::shared_ptr<const LookupTable> Lookup::table() const {
  if (written_ == nullptr) return table_;
  std::shared_ptr<const LookupTable> table = written_->get();
  return table->fields().empty() ? table_ : table;
}

std::shared_ptr<const LookupIndex> Lookup::index(const std::vector<std::string>& fields) const {
  std::shared_ptr<const LookupTable> now = table();
  std::vector<std::size_t> columns;
  for (const std::string& field : fields) {
    auto column = now->column(field);
    if (!column) return nullptr;
    columns.push_back(*column);
  }
  std::lock_guard lock(mutex_);
  std::shared_ptr<const LookupIndex>& index = indexes_[fields];
  if (index == nullptr || &index->table() != now.get())
    index = std::make_shared<LookupIndex>(std::move(now), rules_, columns);
  return index;
}

}  // namespace hecate::spl
