#include "daemon/comparison.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace hecate::daemon {
namespace {

namespace dom = simdjson::dom;

std::string text_of(dom::object object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

void read_values(dom::element value, std::vector<std::string>& values) {
  std::string_view text;
  dom::array items;
  if (value.get(text) == simdjson::SUCCESS) {
    if (!text.empty()) values.emplace_back(text);
  } else if (value.get(items) == simdjson::SUCCESS) {
    for (dom::element each : items) read_values(each, values);
  }
}

// The findings by id, each as its newest revision has it.
class Findings {
 public:
  Result<void> add(dom::element document) {
    if (dom::array items; document.get(items) == simdjson::SUCCESS) {
      for (dom::element each : items)
        if (auto added = add(each); !added) return added;
      return {};
    }
    dom::object object;
    if (document.get(object) != simdjson::SUCCESS) return fail("a finding is no JSON object");
    std::string id = text_of(object, "id");
    auto created = parse_timestamp(text_of(object, "created"));
    auto earliest = parse_timestamp(text_of(object, "earliest"));
    auto latest = parse_timestamp(text_of(object, "latest"));
    std::int64_t revision = 0;
    if (id.empty() || !created || !earliest || !latest ||
        object["revision"].get(revision) != simdjson::SUCCESS)
      return fail(
          "these are no findings of hecate's: each needs id, revision, created, earliest and latest, as "
          "`hecate "
          "state export` prints them");
    auto [place, added] = by_id_.try_emplace(id);
    Entry& entry = place->second;
    Time first = added ? *created : std::min(entry.told.when, *created);
    if (added || revision > entry.revision) {
      entry.revision = revision;
      entry.told = {.search = text_of(object, "detection"),
                    .earliest = *earliest,
                    .latest = *latest,
                    .withdrawn = text_of(object, "status") == "withdrawn"};
      if (dom::object row; object["row"].get(row) == simdjson::SUCCESS)
        for (auto [name, value] : row) read_values(value, entry.told.fields[std::string(name)]);
      if (dom::array objects; object["risk_objects"].get(objects) == simdjson::SUCCESS)
        for (dom::object each : objects) entry.told.objects.push_back(text_of(each, "field"));
      std::erase_if(entry.told.fields, [](const auto& field) { return field.second.empty(); });
    }
    entry.told.when = first;
    return {};
  }

  [[nodiscard]] std::vector<Told> take() {
    std::vector<Told> all;
    for (auto& [id, entry] : by_id_) all.push_back(std::move(entry.told));
    return all;
  }

 private:
  struct Entry {
    std::int64_t revision = 0;
    Told told;
  };
  std::map<std::string, Entry> by_id_;
};

}  // namespace

Result<std::vector<Told>> told_by_hecate(std::string_view json) {
  simdjson::padded_string padded(json);
  dom::parser parser;
  dom::document_stream documents;
  Findings findings;
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) return findings.take();
  if (auto error = parser.parse_many(padded, std::max<std::size_t>(padded.size(), 1'000'000)).get(documents))
    return fail(simdjson::error_message(error));
  for (auto it = documents.begin(); it != documents.end(); ++it) {
    dom::element document;
    if (auto error = (*it).get(document))
      return fail(fmt::format("no JSON at byte {}: {}", it.current_index(), simdjson::error_message(error)));
    if (auto added = findings.add(document); !added) return std::unexpected(added.error());
  }
  if (documents.truncated_bytes() > 0) return fail("the last finding is cut off");
  return findings.take();
}

}  // namespace hecate::daemon
