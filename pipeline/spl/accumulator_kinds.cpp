// All kinds of partial results as one, and those that are made of others.
#include "pipeline/spl/accumulator.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

namespace hecate::spl {
namespace {

template <std::size_t... kinds>
Accumulator decode_of(std::size_t kind, BlobReader& in, std::index_sequence<kinds...>) {
  Accumulator result;
  ((kind == kinds ? void(result = std::variant_alternative_t<kinds, Accumulator>::decode(in)) : void()), ...);
  return result;
}

constexpr std::make_index_sequence<std::variant_size_v<Accumulator>> kKinds;
// PartsOf comes last. There are no parts within parts: a damaged blob must not nest without end.
constexpr std::make_index_sequence<std::variant_size_v<Accumulator> - 1> kPlainKinds;

Accumulator decode_plain(BlobReader& in) {
  std::size_t kind = in.byte();
  if (kind >= kPlainKinds.size()) in.reject();
  return decode_of(kind, in, kPlainKinds);
}

}  // namespace

Accumulator* NamedPart::find_or_make(PartsOf& parts, std::string_view name, std::size_t kind) {
  if (parts.cut && name >= *parts.cut) return nullptr;
  auto place = std::ranges::lower_bound(parts.parts, name, {},
                                        [](const NamedPart& part) { return std::string_view(part.name); });
  if (place == parts.parts.end() || place->name != name) {
    place = parts.parts.insert(place, NamedPart{std::string(name), make_accumulator(kind)});
    if (parts.parts.size() > PartsOf::kMost) {
      parts.enforce_bound();
      return find_or_make(parts, name, kind);
    }
  }
  return place->accumulator.index() == kind ? &place->accumulator : nullptr;
}

void PartsOf::enforce_bound() {
  while (parts.size() > kMost) {
    cut = std::move(parts.back().name);
    parts.pop_back();
  }
}

void PartsOf::merge(PartsOf&& other) {
  std::vector<NamedPart> both;
  both.reserve(parts.size() + other.parts.size());
  std::ranges::merge(std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()),
                     std::make_move_iterator(other.parts.begin()), std::make_move_iterator(other.parts.end()),
                     std::back_inserter(both),
                     [](const NamedPart& a, const NamedPart& b) { return a.name < b.name; });
  parts.clear();
  for (NamedPart& part : both) {
    if (!parts.empty() && parts.back().name == part.name) {
      hecate::spl::merge(parts.back().accumulator, std::move(part.accumulator));
    } else {
      parts.push_back(std::move(part));
    }
  }
  if (other.cut && (!cut || *other.cut < *cut)) cut = std::move(other.cut);
  while (cut && !parts.empty() && parts.back().name >= *cut) parts.pop_back();
  enforce_bound();
}

void PartsOf::encode(BlobWriter& out) const {
  out.byte(cut ? 1 : 0);
  if (cut) out.text(*cut);
  out.number(parts.size());
  for (const NamedPart& part : parts) {
    out.text(part.name);
    hecate::spl::encode(part.accumulator, out);
  }
}

PartsOf PartsOf::decode(BlobReader& in) {
  PartsOf result;
  if (in.byte() != 0) result.cut = in.text();
  for (std::size_t left = in.count(); left > 0; --left) {
    std::string name(in.text());
    result.parts.push_back({std::move(name), decode_plain(in)});
  }
  if (!std::ranges::is_sorted(result.parts, {},
                              [](const NamedPart& part) { return std::string_view(part.name); }))
    in.reject();
  return result;
}

namespace {

template <std::size_t... kinds>
Accumulator make_of(std::size_t kind, std::index_sequence<kinds...>) {
  Accumulator result;
  ((kind == kinds ? void(result.emplace<kinds>()) : void()), ...);
  return result;
}

}  // namespace

Accumulator make_accumulator(std::size_t kind) {
  return make_of(kind, kKinds);
}

bool merge(Accumulator& into, Accumulator&& from) {
  if (into.index() != from.index()) return false;
  std::visit(
      [&](auto& state) { state.merge(std::get<std::remove_reference_t<decltype(state)>>(std::move(from))); },
      into);
  return true;
}

void encode(const Accumulator& accumulator, BlobWriter& out) {
  out.byte(static_cast<std::uint8_t>(accumulator.index()));
  std::visit([&](const auto& state) { state.encode(out); }, accumulator);
}

Accumulator decode_accumulator(BlobReader& in) {
  std::size_t kind = in.byte();
  if (kind >= std::variant_size_v<Accumulator>) in.reject();
  return decode_of(kind, in, kKinds);
}

bool is_bounded(const Accumulator& accumulator) {
  if (const auto* distinct = std::get_if<DistinctOf>(&accumulator)) return distinct->bounded;
  if (const auto* values = std::get_if<ValuesOf>(&accumulator)) return values->cut.has_value();
  if (const auto* list = std::get_if<ListOf>(&accumulator)) return list->bounded;
  if (const auto* quantiles = std::get_if<QuantilesOf>(&accumulator)) return quantiles->dropped_bits > 0;
  if (const auto* parts = std::get_if<PartsOf>(&accumulator)) return parts->cut.has_value();
  return false;
}

}  // namespace hecate::spl
