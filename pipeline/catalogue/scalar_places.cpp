#include "pipeline/catalogue/scalar_places.h"

#include <algorithm>

namespace hecate::catalogue {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Reads a file's characters one by one and knows the place of each.
struct Cursor {
  std::string_view file;
  std::size_t offset = 0;
  spl::Position place;

  [[nodiscard]] bool at_end() const { return offset >= file.size(); }
  [[nodiscard]] char here() const { return at_end() ? '\0' : file[offset]; }
  void next() {
    if (here() == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
    ++offset;
  }
  void skip(std::size_t count) {
    while (count-- > 0 && !at_end()) next();
  }
};

// How many characters an escape of a double-quoted YAML text takes, its backslash included.
std::size_t escape_length(char kind) {
  switch (kind) {
    case 'x':
      return 4;
    case 'u':
      return 6;
    case 'U':
      return 10;
    default:
      return 2;
  }
}

// How many bytes the UTF-8 character at value[at] takes.
std::size_t character_length(std::string_view value, std::size_t at) {
  std::size_t length = 1;
  while (at + length < value.size() && (static_cast<unsigned char>(value[at + length]) & 0xC0) == 0x80)
    ++length;
  return length;
}

std::size_t offset_of(std::string_view file, int line, int column) {
  std::size_t at = 0;
  for (int i = 0; i < line; ++i) {
    std::size_t end = file.find('\n', at);
    if (end == std::string_view::npos) return file.size();
    at = end + 1;
  }
  return std::min(file.size(), at + static_cast<std::size_t>(column));
}

}  // namespace

ScalarPlaces::ScalarPlaces(spl::Position start, std::vector<spl::Position> places, std::string_view value)
    : start_(start), places_(std::move(places)), line_starts_{0} {
  for (std::size_t i = 0; i < value.size(); ++i)
    if (value[i] == '\n') line_starts_.push_back(i + 1);
}

ScalarPlaces::ScalarPlaces(std::string_view file, int line, int column, std::string_view value)
    : ScalarPlaces({line + 1, column + 1}, {}, value) {
  walk(file, offset_of(file, line, column), value);
}

void ScalarPlaces::walk(std::string_view file, std::size_t at, std::string_view value) {
  Cursor cursor{file, at, start_};
  char style = cursor.here();
  if (style == '|' || style == '>')
    while (!cursor.at_end() && cursor.here() != '\n') cursor.next();
  else if (style == '\'' || style == '"')
    cursor.next();

  places_.reserve(value.size());
  while (places_.size() < value.size() && !cursor.at_end()) {
    char wanted = value[places_.size()];
    char here = cursor.here();
    if (style == '"' && here == '\\' && cursor.offset + 1 < file.size()) {
      char kind = file[cursor.offset + 1];
      if (kind != '\n') places_.insert(places_.end(), character_length(value, places_.size()), cursor.place);
      cursor.skip(escape_length(kind));
    } else if (wanted == here || (is_blank(wanted) && is_blank(here))) {
      places_.push_back(cursor.place);
      cursor.skip(style == '\'' && here == '\'' ? 2 : 1);
    } else if (is_blank(here)) {
      cursor.next();  // indentation, and blanks that folding takes away
    } else if (is_blank(wanted)) {
      places_.push_back(cursor.place);
    } else {
      places_.clear();
      return;
    }
  }
}

spl::Position ScalarPlaces::in_file(spl::Position in_value) const {
  if (places_.empty() || in_value.line < 1) return start_;
  auto line = std::min(static_cast<std::size_t>(in_value.line), line_starts_.size()) - 1;
  std::size_t offset = line_starts_[line] + static_cast<std::size_t>(std::max(in_value.column, 1) - 1);
  return places_[std::min(offset, places_.size() - 1)];
}

}  // namespace hecate::catalogue
