#include "tests/spl/lookup_cases.h"

#include "fmt/format.h"

namespace hecate::testing {
namespace {

using Texts = std::vector<std::string>;

std::shared_ptr<const spl::LookupTable> read_table(const YAML::Node& node) {
  auto table = std::make_shared<spl::LookupTable>(node["fields"].as<Texts>());
  for (const YAML::Node& row : node["rows"]) {
    auto cells = row.as<Texts>();
    table->add({cells.begin(), cells.end()});
  }
  return table;
}

spl::LookupMatch match_of(const std::string& word) {
  if (word == "wildcard") return spl::LookupMatch::wildcard;
  return word == "cidr" ? spl::LookupMatch::cidr : spl::LookupMatch::exact;
}

spl::LookupRules read_rules(const YAML::Node& node) {
  spl::LookupRules rules;
  for (const auto& field : node["match_type"])
    rules.match_type.emplace_back(field.first.as<std::string>(), match_of(field.second.as<std::string>()));
  rules.case_sensitive_match = node["case_sensitive_match"].as<bool>(true);
  rules.min_matches = node["min_matches"].as<std::size_t>(0);
  rules.max_matches = node["max_matches"].as<std::size_t>(rules.max_matches);
  rules.default_match = node["default_match"].as<std::string>("");
  return rules;
}

}  // namespace

LookupCases::LookupCases(const YAML::Node& node) {
  if (!node) return;
  for (const auto& entry : node) {
    auto name = entry.first.as<std::string>();
    const YAML::Node& lookup = entry.second;
    if (lookup["collection"]) {
      auto written = std::make_shared<spl::WrittenTable>(name);
      if (lookup["rows"]) written->set(read_table(lookup));
      lookups_[name] = std::make_shared<spl::Lookup>(name, read_rules(lookup), written,
                                                     lookup["fields"].as<Texts>(Texts()));
    } else {
      lookups_[name] = std::make_shared<spl::Lookup>(name, read_rules(lookup), read_table(lookup));
    }
  }
}

spl::LookupSource LookupCases::source() const {
  return [this](std::string_view name) -> Result<std::shared_ptr<const spl::Lookup>> {
    auto found = lookups_.find(name);
    if (found == lookups_.end()) return fail(fmt::format("there is no lookup \"{}\"", name));
    return found->second;
  };
}

std::vector<std::map<std::string, std::string>> LookupCases::rows(const std::string& name) const {
  std::vector<std::map<std::string, std::string>> rows;
  auto table = lookups_.at(name)->table();
  for (std::size_t row = 0; row < table->rows(); ++row) {
    auto& fields = rows.emplace_back();
    for (std::size_t column = 0; column < table->fields().size(); ++column)
      if (!table->cell(row, column).empty()) fields[table->fields()[column]] = table->cell(row, column);
  }
  return rows;
}

}  // namespace hecate::testing
