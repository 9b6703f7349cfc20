#include "pipeline/catalogue/csv.h"

#include <algorithm>
#include <deque>
#include <set>

#include <fmt/format.h>

namespace hecate::catalogue {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  // False at the end.
  bool next_row() {
    cells_.clear();
    if (text_.empty()) return false;
    first_line_ = line_;
    used_ = 0;
    while (next_cell()) {
    }
    return true;
  }
  [[nodiscard]] const std::vector<std::string_view>& cells() const { return cells_; }
  [[nodiscard]] int line() const { return first_line_; }
  [[nodiscard]] bool is_broken() const { return broken_; }

 private:
  // Reads a cell with the comma or line break behind it; false when the row ends there.
  bool next_cell() {
    std::size_t at = std::min(text_.find_first_not_of(" \t"), text_.size());
    std::string_view cell;
    if (at < text_.size() && text_[at] == '"') {
      text_.remove_prefix(at + 1);
      cell = quoted();
      text_.remove_prefix(std::min(text_.find_first_of(",\n"), text_.size()));
    } else {
      std::size_t end = std::min(text_.find_first_of(",\n"), text_.size());
      cell = trimmed(text_.substr(0, end));
      text_.remove_prefix(end);
    }
    cells_.push_back(cell);
    bool more = !text_.empty() && text_.front() == ',';
    if (!text_.empty() && text_.front() == '\n') ++line_;
    if (!text_.empty()) text_.remove_prefix(1);
    return more;
  }
  std::string_view quoted() {
    if (used_ == unquoted_.size()) unquoted_.emplace_back();
    std::string& out = unquoted_[used_++];
    out.clear();
    for (;;) {
      std::size_t quote = text_.find('"');
      broken_ = quote == std::string_view::npos;
      std::string_view piece = text_.substr(0, broken_ ? text_.size() : quote);
      line_ += static_cast<int>(std::ranges::count(piece, '\n'));
      out += piece;
      text_.remove_prefix(piece.size() + (broken_ ? 0 : 1));
      if (broken_ || !text_.starts_with('"')) return out;
      out += '"';
      text_.remove_prefix(1);
    }
  }

  std::string_view text_;
  std::vector<std::string_view> cells_;
  std::deque<std::string> unquoted_;  // of this row; their room is used again
  std::size_t used_ = 0;
  int line_ = 1;
  int first_line_ = 1;
  bool broken_ = false;
};

}  // namespace

bool read_csv(std::string_view text,
              const std::function<void(const std::vector<std::string_view>& cells, int line)>& row) {
  CsvReader reader(text);
  while (!reader.is_broken() && reader.next_row()) {
    const std::vector<std::string_view>& cells = reader.cells();
    bool blank = cells.size() == 1 && cells[0].empty();
    if (!blank) row(cells, reader.line());
  }
  return !reader.is_broken();
}

Result<std::shared_ptr<const spl::LookupTable>> read_table(std::string_view text, std::string_view name) {
  std::shared_ptr<spl::LookupTable> table;
  std::string wrong;
  int last_line = 1;
  std::vector<std::string_view> row;
  bool closed = read_csv(text, [&](const std::vector<std::string_view>& cells, int line) {
    last_line = line;
    if (!table) {
      std::vector<std::string> fields(cells.begin(), cells.end());
      std::set<std::string> different(fields.begin(), fields.end());
      if (different.size() < fields.size()) wrong = "two columns have one name";
      table = std::make_shared<spl::LookupTable>(std::move(fields));
      return;
    }
    row.assign(cells.begin(), cells.end());
    row.resize(table->fields().size());
    table->add(row);
  });
  if (!closed) return fail(fmt::format("{}:{}: a quote is never closed", name, last_line));
  if (!table) return fail(fmt::format("{} is empty; its first line names the fields", name));
  if (!wrong.empty()) return fail(fmt::format("{}:1: {}", name, wrong));
  return table;
}

std::string to_csv(const spl::LookupTable& table) {
  std::string text;
  auto put = [&](std::size_t column, std::string_view cell) {
    if (column > 0) text += ',';
    text += '"';
    for (char c : cell) text.append(c == '"' ? 2 : 1, c);
    text += '"';
  };
  std::size_t columns = table.fields().size();
  for (std::size_t i = 0; i < columns; ++i) put(i, table.fields()[i]);
  if (columns > 0) text += '\n';
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t i = 0; i < columns; ++i) put(i, table.cell(row, i));
    text += '\n';
  }
  return text;
}

}  // namespace hecate::catalogue
