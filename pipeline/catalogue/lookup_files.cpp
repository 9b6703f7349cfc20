#include "pipeline/catalogue/lookup_files.h"

#include "pipeline/base/nearest.h"
#include "pipeline/catalogue/csv.h"
#include "pipeline/catalogue/yaml_reader.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace hecate::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostCsvBytes = std::size_t{1} << 30;

// Names with commas or blanks between.
std::vector<std::string> names_in(std::string_view text) {
  constexpr std::string_view kBetween = ", \t\r\n";
  std::vector<std::string> names;
  while (true) {
    std::size_t begin = text.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return names;
    std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    names.emplace_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

// `WILDCARD(a), CIDR(b)`, `EXACT(c)`.
std::vector<std::pair<std::string, spl::LookupMatch>> read_match_type(const MapReader& yaml) {
  std::vector<std::pair<std::string, spl::LookupMatch>> types;
  for (const std::string& one : names_in(yaml.text_or("match_type", ""))) {
    std::size_t open = one.find('(');
    std::string kind = one.substr(0, open);
    std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return std::toupper(c); });
    bool known = kind == "WILDCARD" || kind == "CIDR" || kind == "EXACT";
    if (!known || open == std::string::npos || one.back() != ')' || one.size() - open < 3)
      yaml.wrong("match_type",
                 fmt::format("expected WILDCARD(field), CIDR(field) or EXACT(field), not `{}`", one));
    std::string field = one.substr(open + 1, one.size() - open - 2);
    types.emplace_back(field, kind == "WILDCARD" ? spl::LookupMatch::wildcard
                              : kind == "CIDR"   ? spl::LookupMatch::cidr
                                                 : spl::LookupMatch::exact);
  }
  return types;
}

std::size_t read_count(const MapReader& yaml, const char* key, std::size_t least, std::size_t otherwise) {
  auto number = yaml.number(key);
  if (!number) return otherwise;
  if (*number < static_cast<double>(least) || *number > 1000 ||
      *number != static_cast<double>(static_cast<int>(*number)))
    yaml.wrong(key, fmt::format("expected a whole number from {} to 1000", least));
  return static_cast<std::size_t>(*number);
}

}  // namespace

void LookupFiles::add(const MapReader& yaml, const std::string& file) {
  std::string name = yaml.required("name");
  Definition definition;
  definition.place = fmt::format("{}:{}", file, yaml.position("name").line);
  definition.rules.match_type = read_match_type(yaml);
  definition.rules.case_sensitive_match = yaml.boolean("case_sensitive_match").value_or(true);
  definition.rules.default_match = yaml.text_or("default_match", "");
  definition.rules.min_matches = read_count(yaml, "min_matches", 0, definition.rules.min_matches);
  definition.rules.max_matches = read_count(yaml, "max_matches", 1, definition.rules.max_matches);
  if (auto csv = yaml.text("filename")) {
    definition.csv = (fs::path(file).parent_path() / *csv).string();
  } else if (yaml.boolean("empty").value_or(false)) {
    definition.fields = names_in(yaml.text_or("fields_list", ""));
    if (definition.fields.empty())
      yaml.wrong("fields_list", "is missing: an empty table has fields all the same");
  } else if (yaml.has("collection")) {
    definition.cannot =
        "it is a collection of Splunk's KV store, which is not read here; a CSV file of what it holds, "
        "or `empty: true` with `fields_list`, in a definition of this name stands for it";
  } else {
    yaml.wrong("filename", "is missing: a lookup names its CSV file, or says `empty: true`");
  }
  definitions_.insert_or_assign(std::move(name), std::move(definition));
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
  std::shared_ptr<spl::LookupTable> table;
  std::string wrong;
  int last_line = 1;
  std::vector<std::string_view> row;
  bool closed = read_csv(*text, [&](const std::vector<std::string_view>& cells, int line) {
    last_line = line;
    if (!table) {
      std::vector<std::string> fields(cells.begin(), cells.end());
      std::set<std::string> different(fields.begin(), fields.end());
      if (different.size() < fields.size()) wrong = "two columns have one name";
      table = std::make_shared<spl::LookupTable>(std::move(fields));
      return;
    }
    // As in Splunk, a row may have fewer cells than there are names; those over are of no field.
    row.assign(cells.begin(), cells.end());
    row.resize(table->fields().size());
    table->add(row);
  });
  if (!closed) return fail(fmt::format("{}:{}: a quote is never closed", definition.csv, last_line));
  if (!table) return fail(fmt::format("{} is empty; its first line names the fields", definition.csv));
  if (!wrong.empty()) return fail(fmt::format("{}:1: {}", definition.csv, wrong));
  known->second = std::move(table);
  return known->second;
}

Result<std::shared_ptr<const spl::Lookup>> LookupFiles::find(std::string_view name) {
  auto found = definitions_.find(name);
  if (found == definitions_.end()) {
    std::vector<std::string_view> known;
    for (const auto& [other, definition] : definitions_) known.push_back(other);
    std::string_view near = nearest(name, known);
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
  for (const auto& [field, match] : definition.rules.match_type) {
    if (!(*table)->column(field))
      return fail(fmt::format(
          "the lookup `{}` ({}) cannot be used: `match_type` names `{}`, which is none of its fields", name,
          definition.place, field));
  }
  definition.lookup = std::make_shared<const spl::Lookup>(std::string(name), definition.rules, *table);
  return definition.lookup;
}

}  // namespace hecate::catalogue
