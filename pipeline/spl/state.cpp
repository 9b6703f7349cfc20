#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/codec.h"
#include "pipeline/spl/plan.h"

#include <vector>

namespace hecate::spl {
namespace {

constexpr std::uint8_t kVersion = 1;
enum : std::uint8_t { kFresh = 0, kAccumulators = 1, kKeptRow = 2 };
enum : std::uint8_t { kText = 1, kNumber = 2, kMulti = 3 };

void write_value(const Value& value, BlobWriter& out) {
  switch (value.kind()) {
    case Value::Kind::number:
      out.byte(kNumber);
      out.real(value.number());
      break;
    case Value::Kind::multi:
      out.byte(kMulti);
      out.number(value.items().size());
      for (const Value& item : value.items()) write_value(item, out);
      break;
    default:
      out.byte(kText);
      out.text(value.is_text() ? value.text() : std::string_view());
  }
}

Value read_value(BlobReader& in, Arena& arena, bool inside_list) {
  switch (in.byte()) {
    case kText:
      return {in.text()};
    case kNumber:
      return {in.real()};
    case kMulti:
      break;
    default:
      in.reject();
  }
  if (inside_list) in.reject();
  std::size_t count = in.count();
  Value* items = arena.array<Value>(count);
  for (std::size_t i = 0; i < count; ++i) items[i] = read_value(in, arena, true);
  return Value::multi({items, count});
}

Error damaged() {
  return {
      "a stored state cannot be read: the database is damaged, or a newer version wrote it; restore "
      "state.path "
      "from a copy, or move it away to start with none"};
}

}  // namespace

GroupState::GroupState() : parts_(std::make_unique<Parts>()) {}
GroupState::~GroupState() = default;
GroupState::GroupState(GroupState&&) noexcept = default;
GroupState& GroupState::operator=(GroupState&&) noexcept = default;

bool GroupState::Parts::merge(Parts&& other) {
  if (other.accumulators.empty() && !other.keeps_row) return true;
  if (accumulators.empty() && !keeps_row) {
    *this = std::move(other);
    return true;
  }
  if (accumulators.size() != other.accumulators.size() || keeps_row != other.keeps_row) return false;
  for (std::size_t i = 0; i < accumulators.size(); ++i) {
    if (accumulators[i].index() != other.accumulators[i].index()) return false;
  }
  for (std::size_t i = 0; i < accumulators.size(); ++i) {
    spl::merge(accumulators[i], std::move(other.accumulators[i]));
  }
  // Two rows under one key are the same event, told twice.
  if (keeps_row && other.row < row) row = std::move(other.row);
  return true;
}

void GroupState::merge(GroupState&& other) {
  static_cast<void>(parts_->merge(std::move(*other.parts_)));
}

void GroupState::encode(std::string& out) const {
  BlobWriter writer(out);
  writer.byte(kVersion);
  if (parts_->keeps_row) {
    writer.byte(kKeptRow);
    writer.text(parts_->row);
    return;
  }
  writer.byte(parts_->accumulators.empty() ? kFresh : kAccumulators);
  if (parts_->accumulators.empty()) return;
  writer.number(parts_->accumulators.size());
  for (const Accumulator& accumulator : parts_->accumulators) spl::encode(accumulator, writer);
}

Result<GroupState> GroupState::decode(std::string_view blob) {
  BlobReader reader(blob);
  if (reader.byte() != kVersion) return std::unexpected(damaged());
  GroupState state;
  Parts& parts = state.parts();
  switch (reader.byte()) {
    case kFresh:
      break;
    case kAccumulators:
      for (std::size_t left = reader.count(); left > 0; --left) {
        parts.accumulators.push_back(decode_accumulator(reader));
      }
      break;
    case kKeptRow: {
      parts.keeps_row = true;
      parts.row = reader.text();
      // Checked here, so that a closing part never meets a damaged row.
      Arena arena;
      Row row;
      if (!decode_row(parts.row, row, arena)) reader.reject();
      break;
    }
    default:
      reader.reject();
  }
  if (reader.damaged() || !reader.at_end()) return std::unexpected(damaged());
  return state;
}

Result<std::string> merge_states(std::string_view a, std::string_view b) {
  Result<GroupState> first = GroupState::decode(a);
  if (!first) return std::unexpected(first.error());
  Result<GroupState> second = GroupState::decode(b);
  if (!second) return std::unexpected(second.error());
  if (!first->parts().merge(std::move(second->parts()))) return std::unexpected(damaged());
  std::string merged;
  first->encode(merged);
  return merged;
}

void encode_row(const Row& row, std::string& out) {
  BlobWriter writer(out);
  for (const Row::Entry& entry : row.entries()) {
    if (entry.value.is_null() || entry.value.kind() == Value::Kind::boolean) continue;
    writer.text(entry.name);
    write_value(entry.value, writer);
  }
}

bool decode_row(std::string_view blob, Row& row, Arena& arena) {
  BlobReader reader(blob);
  while (!reader.at_end() && !reader.damaged()) {
    std::string_view name = reader.text();
    row.entries().push_back({name, read_value(reader, arena, false)});
  }
  return !reader.damaged();
}

}  // namespace hecate::spl
