#include "pipeline/catalogue/lookup_files.h"

#include "pipeline/base/nearest.h"
#include "pipeline/catalogue/conf_layers.h"
#include "pipeline/catalogue/csv.h"
#include "pipeline/catalogue/names.h"
#include "pipeline/catalogue/yaml_reader.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace hecate::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCsv = ".csv";
constexpr std::size_t kMostCsvBytes = std::size_t{1} << 30;

using MatchTypes = std::vector<std::pair<std::string, spl::LookupMatch>>;

// `WILDCARD(a), CIDR(b)`, `EXACT(c)`; the error says what is none of these.
Result<MatchTypes> parse_match_type(std::string_view text) {
  MatchTypes types;
  for (const std::string& one : names_in(text)) {
    std::size_t open = one.find('(');
    std::string kind = one.substr(0, open);
    std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return std::toupper(c); });
    bool known = kind == "WILDCARD" || kind == "CIDR" || kind == "EXACT";
    if (!known || open == std::string::npos || one.back() != ')' || one.size() - open < 3)
      return fail(fmt::format("expected WILDCARD(field), CIDR(field) or EXACT(field), not `{}`", one));
    std::string field = one.substr(open + 1, one.size() - open - 2);
    types.emplace_back(field, kind == "WILDCARD" ? spl::LookupMatch::wildcard
                              : kind == "CIDR"   ? spl::LookupMatch::cidr
                                                 : spl::LookupMatch::exact);
  }
  return types;
}

// Of YAML and of transforms.conf alike.
template <typename Settings>
std::size_t read_count(const Settings& settings, const char* key, std::size_t least, std::size_t otherwise) {
  auto number = settings.number(key);
  if (!number) return otherwise;
  if (*number < static_cast<double>(least) || *number > 1000 ||
      *number != static_cast<double>(static_cast<int>(*number)))
    settings.wrong(key, fmt::format("expected a whole number from {} to 1000", least));
  return static_cast<std::size_t>(*number);
}

template <typename Settings>
spl::LookupRules read_rules(const Settings& settings) {
  spl::LookupRules rules;
  auto types = parse_match_type(settings.text_or("match_type", ""));
  if (!types) settings.wrong("match_type", types.error().message);
  rules.match_type = std::move(*types);
  rules.case_sensitive_match = settings.boolean("case_sensitive_match").value_or(true);
  rules.default_match = settings.text_or("default_match", "");
  rules.min_matches = read_count(settings, "min_matches", 0, rules.min_matches);
  rules.max_matches = read_count(settings, "max_matches", 1, rules.max_matches);
  return rules;
}

constexpr std::string_view kNoCollection =
    "it is a collection of Splunk's KV store, which is not read here; a CSV file of what it holds, "
    "`empty: true` with `fields_list`, or `local: true` (a table that outputlookup writes) in a definition "
    "of "
    "this name stands for it";

// The file that a stanza names: in the app's lookups folder, else beside the .conf file.
std::string csv_of(const ConfSetting& filename) {
  fs::path folder = fs::path(filename.file).parent_path();
  std::error_code error;
  for (const fs::path& place : {folder.parent_path() / "lookups", folder / "lookups"})
    if (fs::exists(place / filename.value, error)) return (place / filename.value).string();
  return (folder / filename.value).string();
}

}  // namespace

void LookupFiles::add(const MapReader& yaml, const std::string& file) {
  std::string name = yaml.required("name");
  Definition definition;
  definition.place = fmt::format("{}:{}", file, yaml.position("name").line);
  definition.rules = read_rules(yaml);
  if (auto csv = yaml.text("filename")) {
    definition.csv = (fs::path(file).parent_path() / *csv).string();
  } else if (yaml.boolean("local").value_or(false)) {
    definition.written = std::make_shared<spl::WrittenTable>(name);
    definition.fields = names_in(yaml.text_or("fields_list", ""));
  } else if (yaml.boolean("empty").value_or(false)) {
    definition.fields = names_in(yaml.text_or("fields_list", ""));
    if (definition.fields.empty())
      yaml.wrong("fields_list", "is missing: an empty table has fields all the same");
  } else if (yaml.has("collection")) {
    definition.cannot = kNoCollection;
  } else {
    yaml.wrong("filename", "is missing: a lookup names its CSV file, or says `empty: true` or `local: true`");
  }
  definitions_.insert_or_assign(std::move(name), std::move(definition));
}

void LookupFiles::add(const ConfStanza& stanza) {
  const ConfSetting* csv = stanza.find("filename");
  bool outside = stanza.find("external_cmd") != nullptr || stanza.find("external_type") != nullptr;
  if (csv == nullptr && !outside && stanza.find("collection") == nullptr) return;
  Definition definition;
  definition.place = stanza.place_of(csv != nullptr ? "filename" : "collection");
  definition.rules = read_rules(stanza);
  if (csv != nullptr)
    definition.csv = csv_of(*csv);
  else if (stanza.find("collection") != nullptr || stanza.text_or("external_type", "") == "kvstore")
    definition.cannot = kNoCollection;
  else
    definition.cannot =
        "a program of Splunk's answers it (`external_cmd`), which is not run here; a CSV file in a "
        "definition "
        "of this name stands for it";
  if (stanza.find("time_field") != nullptr)
    definition.cannot =
        "it goes by time (`time_field`), which is not supported; a definition of this name "
        "without it stands for it";
  definitions_.insert_or_assign(stanza.name, std::move(definition));
}

void LookupFiles::add_csv(const std::string& path) {
  Definition definition;
  definition.place = path;
  definition.csv = path;
  definitions_.insert_or_assign(fs::path(path).filename().string(), std::move(definition));
}

Result<LookupFiles::Table> LookupFiles::table_of(const Definition& definition) {
  if (!definition.cannot.empty()) return fail(definition.cannot);
  if (definition.csv.empty()) return std::make_shared<const spl::LookupTable>(definition.fields);
  auto [known, is_new] = tables_.try_emplace(definition.csv);
  if (!is_new && known->second) return known->second;
  auto text = read_text_(definition.csv);
  if (!text) return fail(fmt::format("{}: {}", definition.csv, text.error().message));
  if (text->size() > kMostCsvBytes) return fail(fmt::format("{} has more than 1 GiB", definition.csv));
  auto table = read_table(*text, definition.csv);
  if (!table) return table;
  known->second = *std::move(table);
  return known->second;
}

Result<std::shared_ptr<const spl::Lookup>> LookupFiles::find(std::string_view name) {
  auto found = definitions_.find(name);
  if (found == definitions_.end()) {
    std::vector<std::string_view> known;
    for (const auto& [other, definition] : definitions_) {
      known.push_back(other);
      if (other.ends_with(kCsv))
        known.push_back(std::string_view(other).substr(0, other.size() - kCsv.size()));
    }
    std::string near(nearest(name, known));
    if (!near.empty() && !definitions_.contains(near)) near += kCsv;
    return fail(fmt::format("there is no lookup `{}`; {}", name,
                            near.empty() ? "give its folder in `detections.lookups`, or --lookups"
                                         : fmt::format("did you mean `{}`?", near)));
  }
  Definition& definition = found->second;
  if (definition.lookup) return definition.lookup;
  auto table = table_of(definition);
  if (!table)
    return fail(fmt::format("the lookup `{}` ({}) cannot be used: {}", name, definition.place,
                            table.error().message));
  bool any_field = definition.written && definition.fields.empty();
  for (const auto& [field, match] : definition.rules.match_type) {
    if (!any_field && !(*table)->column(field))
      return fail(fmt::format(
          "the lookup `{}` ({}) cannot be used: `match_type` names `{}`, which is none of its fields", name,
          definition.place, field));
  }
  if (definition.written) {
    local_tables_.push_back(definition.written);
    definition.lookup = std::make_shared<const spl::Lookup>(std::string(name), definition.rules,
                                                            definition.written, definition.fields);
  } else {
    definition.lookup = std::make_shared<const spl::Lookup>(std::string(name), definition.rules, *table);
  }
  return definition.lookup;
}

}  // namespace hecate::catalogue
