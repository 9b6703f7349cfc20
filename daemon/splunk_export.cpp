#include "daemon/splunk_export.h"

#include "pipeline/catalogue/csv.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace hecate::daemon {
namespace {

namespace dom = simdjson::dom;

void add_lines(std::vector<std::string>& values, std::string_view text) {
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) values.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void add(ExportedRow& row, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  auto& values = row[std::string(name)];
  if (name == "_raw") {
    values.emplace_back(text);
  } else {
    add_lines(values, text);
  }
}

void add(ExportedRow& row, std::string_view name, dom::element value) {
  std::string_view text;
  if (dom::array items; value.get(items) == simdjson::SUCCESS) {
    for (dom::element each : items) add(row, name, each);
  } else if (value.get(text) == simdjson::SUCCESS) {
    add(row, name, text);
  } else if (!value.is_null()) {
    add(row, name, std::string_view(simdjson::minify(value)));
  }
}

ExportedRow to_row(dom::object object) {
  ExportedRow row;
  for (auto [name, value] : object) add(row, name, value);
  return row;
}

bool is_preview(dom::object object) {
  bool preview = false;
  return object["preview"].get(preview) == simdjson::SUCCESS && preview;
}

void add_document(dom::element document, std::vector<ExportedRow>& rows) {
  dom::array items, names;
  dom::object object, result;
  if (document.get(items) == simdjson::SUCCESS) {
    for (dom::element each : items) add_document(each, rows);
    return;
  }
  if (document.get(object) != simdjson::SUCCESS) return;
  bool wrapped = object["preview"].error() == simdjson::SUCCESS;
  if (wrapped && is_preview(object)) return;
  if (object["results"].get(items) == simdjson::SUCCESS) {
    for (dom::element each : items) add_document(each, rows);
  } else if (object["rows"].get(items) == simdjson::SUCCESS &&
             object["fields"].get(names) == simdjson::SUCCESS) {
    for (dom::element each : items) {
      ExportedRow& row = rows.emplace_back();
      dom::array cells;
      if (each.get(cells) != simdjson::SUCCESS) continue;
      for (std::size_t i = 0; i < std::min(names.size(), cells.size()); ++i) {
        std::string_view name;
        if (names.at(i).get(name) == simdjson::SUCCESS) add(row, name, cells.at(i).value());
      }
    }
  } else if (object["result"].get(result) == simdjson::SUCCESS) {
    rows.push_back(to_row(result));
  } else if (!wrapped) {
    rows.push_back(to_row(object));
  }
}

Result<std::vector<ExportedRow>> read_json(std::string_view text) {
  simdjson::padded_string padded(text);
  dom::parser parser;
  dom::document_stream documents;
  std::vector<ExportedRow> rows;
  auto wrong = [&](std::size_t at, simdjson::error_code error) {
    return fail(fmt::format("no JSON at byte {}: {}", at, simdjson::error_message(error)));
  };
  if (auto error = parser.parse_many(padded, std::max<std::size_t>(padded.size(), 1'000'000)).get(documents))
    return wrong(0, error);
  for (auto it = documents.begin(); it != documents.end(); ++it) {
    dom::element document;
    if (auto error = (*it).get(document)) return wrong(it.current_index(), error);
    add_document(document, rows);
  }
  if (documents.truncated_bytes() > 0) return fail("the last JSON document is cut off");
  return rows;
}

// `$a$;$b$`, where `$$` is a `$` of the value.
std::vector<std::string> split_multivalue(std::string_view text) {
  std::vector<std::string> values;
  for (std::size_t at = 0; at < text.size() && text[at] == '$';) {
    std::string& value = values.emplace_back();
    for (++at; at < text.size(); ++at) {
      if (text[at] == '$' && (at + 1 >= text.size() || text[at + 1] != '$')) break;
      if (text[at] == '$') ++at;
      value += text[at];
    }
    at += 2;  // `$;`
  }
  return values;
}

Result<std::vector<ExportedRow>> read_csv(std::string_view text) {
  std::vector<std::string> names;
  std::vector<ExportedRow> rows;
  int last_line = 1;
  bool closed = catalogue::read_csv(text, [&](const std::vector<std::string_view>& cells, int line) {
    last_line = line;
    if (names.empty()) {
      names.assign(cells.begin(), cells.end());
      return;
    }
    ExportedRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < std::min(names.size(), cells.size()); ++i)
      if (!names[i].starts_with("__mv_")) add(row, names[i], cells[i]);
    for (std::size_t i = 0; i < std::min(names.size(), cells.size()); ++i)
      if (names[i].starts_with("__mv_") && cells[i].starts_with('$'))
        row[names[i].substr(5)] = split_multivalue(cells[i]);
  });
  if (!closed) return fail(fmt::format("line {}: a quote is never closed; is the file cut off?", last_line));
  return rows;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

// `"a \"b\""`, or a bare value up to a comma or the end of the line; taken off the front of `text`.
std::optional<std::string> take_stash_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    value = text.substr(0, text.find_first_of(",\r\n"));
    text.remove_prefix(value.size());
    return value;
  }
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return value;
    }
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    value += text[at];
  }
  return std::nullopt;
}

// The text of a notable as it lies in its index, `1777294800.25, search_name="…", dest="…"`, taken off the
// front of `text`. False where none stands there.
bool take_stash(std::string_view& text, ExportedRow& row) {
  skip_blanks(text);
  std::string_view time = text.substr(0, text.find_first_not_of("0123456789."));
  if (time.empty() || !text.substr(time.size()).starts_with(',')) return false;
  add(row, "_time", time);
  text.remove_prefix(time.size());
  while (text.starts_with(',')) {
    text.remove_prefix(1);
    skip_blanks(text);
    std::size_t equals = text.find_first_of("=,\r\n");
    if (equals == std::string_view::npos || text[equals] != '=') return false;
    std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    auto value = take_stash_value(text);
    if (!value) return false;
    if (!value->empty()) row[name].push_back(*std::move(value));
  }
  return true;
}

Result<std::vector<ExportedRow>> read_stash(std::string_view text) {
  std::vector<ExportedRow> rows;
  for (std::string_view rest = text; skip_blanks(rest), !rest.empty();) {
    std::size_t begin = text.size() - rest.size();
    if (!take_stash(rest, rows.emplace_back()))
      return fail(fmt::format("no notable at byte {}; is the file cut off?", begin));
  }
  return rows;
}

// Of an export that shows little but `_raw`, the fields that stand in it.
void add_fields_of_raw(ExportedRow& row) {
  auto raw = row.find("_raw");
  if (raw == row.end() || raw->second.empty()) return;
  ExportedRow fields;
  std::string_view text = raw->second.front();
  if (take_stash(text, fields)) row.merge(fields);
}

}  // namespace

Result<std::vector<ExportedRow>> read_splunk_export(std::string_view text) {
  std::size_t begin = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (begin == std::string_view::npos) return std::vector<ExportedRow>{};
  text.remove_prefix(begin);
  bool json = text[0] == '{' || text[0] == '[';
  bool stash = text[0] >= '0' && text[0] <= '9';
  auto rows = json ? read_json(text) : stash ? read_stash(text) : read_csv(text);
  if (!rows) return rows;
  for (ExportedRow& row : *rows) add_fields_of_raw(row);
  return rows;
}

std::string first_value(const ExportedRow& row, const std::string& field) {
  auto found = row.find(field);
  return found == row.end() || found->second.empty() ? "" : found->second.front();
}

std::optional<Time> read_exported_time(std::string_view text) {
  if (auto time = parse_epoch(text)) return time;
  return parse_timestamp(text);
}

}  // namespace hecate::daemon
