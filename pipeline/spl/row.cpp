#include "pipeline/spl/row.h"

#include <algorithm>

namespace hecate::spl {
namespace {

const Row::Entry* find_entry(const std::vector<Row::Entry>& entries, std::string_view name) {
  for (const Row::Entry& entry : entries) {
    // Names mostly come from one FieldNames, so that the same name is the same pointer.
    if (entry.name.size() != name.size()) continue;
    if (entry.name.data() == name.data() || entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

FieldRef FieldNames::intern(std::string_view name) {
  auto found = ids_.find(name);
  if (found != ids_.end()) return {found->second, found->first};
  auto id = static_cast<FieldId>(names_.size());
  std::string_view kept = names_.emplace_back(name);
  ids_.emplace(kept, id);
  return {id, kept};
}

std::int64_t FieldNames::find(std::string_view name) const {
  auto found = ids_.find(name);
  return found == ids_.end() ? -1 : static_cast<std::int64_t>(found->second);
}

Value Row::get(const FieldRef& field) const {
  if (!entries_.empty()) {
    if (const Entry* entry = find_entry(entries_, field.name)) return entry->value;
  }
  return base_ != nullptr ? base_->get(field.id) : Value();
}

Value Row::get(std::string_view name) const {
  const Entry* entry = find_entry(entries_, name);
  return entry != nullptr ? entry->value : Value();
}

void Row::set(std::string_view name, Value value) {
  if (const Entry* entry = find_entry(entries_, name)) {
    entries_[static_cast<std::size_t>(entry - entries_.data())].value = value;
  } else {
    entries_.push_back({name, value});
  }
}

void Row::flatten(Arena& arena) {
  if (base_ == nullptr) return;
  base_->each([&](std::string_view name, Value value) {
    if (find_entry(entries_, name) == nullptr) entries_.push_back({arena.copy(name), value});
  });
  base_ = nullptr;
}

void Row::clear() {
  entries_.clear();
}

}  // namespace hecate::spl
