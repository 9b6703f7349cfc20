#include "pipeline/decode/forms.h"
#include "pipeline/decode/shape.h"

#include <cstring>

namespace hecate::decode {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct Attribute {
  std::string_view name, value;
};

// One tag: `<a b='c'>`, `</a>`, `<a/>`.
struct Tag {
  std::string_view name;  // without its namespace
  std::string_view attributes;
  bool closes = false;
  bool empty = false;
};

// Goes through the tags of an element. No tree: Windows' events are two levels deep.
class XmlCursor {
 public:
  explicit XmlCursor(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  // The next tag; comments and declarations are passed over. False at the end.
  bool next(Tag& tag) {
    for (;;) {
      at_ = find('<');
      if (at_ == nullptr) return false;
      if (skip(kSection, kSectionEnd) || skip(kComment, kCommentEnd)) continue;
      const char* begin = ++at_;
      const char* close = tag_end();
      if (close == nullptr) return false;
      at_ = close + 1;
      if (*begin == '?' || *begin == '!') continue;
      read(tag, {begin, static_cast<std::size_t>(close - begin)});
      return true;
    }
  }

  // The text from here to the next tag, as it is written; where it is one CDATA section, what stands inside.
  std::string_view text() {
    const char* begin = at_;
    std::string_view section;
    int sections = 0;
    for (;;) {
      const char* next = find('<');
      at_ = next == nullptr ? end_ : next;
      const char* opened = at_;
      if (!skip(kSection, kSectionEnd)) break;
      ++sections;
      section = {opened, static_cast<std::size_t>(at_ - opened)};
    }
    std::string_view written(begin, static_cast<std::size_t>(at_ - begin));
    if (sections != 1 || trim(written) != section || !section.ends_with(kSectionEnd)) return written;
    section.remove_prefix(kSection.size());
    section.remove_suffix(kSectionEnd.size());
    return section;
  }

  [[nodiscard]] bool at_closing_tag() const { return end_ - at_ > 1 && at_[0] == '<' && at_[1] == '/'; }

 private:
  static constexpr std::string_view kSection = "<![CDATA[";
  static constexpr std::string_view kSectionEnd = "]]>";
  static constexpr std::string_view kComment = "<!--";
  static constexpr std::string_view kCommentEnd = "-->";

  // Goes behind what begins and ends so, or to the end of the text where it does not end; false: it does not
  // begin here.
  bool skip(std::string_view opening, std::string_view closing) {
    std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    if (!rest.starts_with(opening)) return false;
    std::size_t end = rest.find(closing, opening.size());
    at_ = end == std::string_view::npos ? end_ : at_ + end + closing.size();
    return true;
  }

  [[nodiscard]] const char* find(char c) const {
    if (at_ == nullptr || at_ == end_) return nullptr;
    return static_cast<const char*>(std::memchr(at_, c, static_cast<std::size_t>(end_ - at_)));
  }

  // The `>` of the tag that begins here: one inside quotes does not count.
  [[nodiscard]] const char* tag_end() const {
    char quote = 0;
    for (const char* c = at_; c != end_; ++c) {
      if (quote != 0) {
        if (*c == quote) quote = 0;
      } else if (*c == '\'' || *c == '"') {
        quote = *c;
      } else if (*c == '>') {
        return c;
      }
    }
    return nullptr;
  }

  static void read(Tag& tag, std::string_view inside) {
    tag.closes = inside.starts_with('/');
    tag.empty = !tag.closes && inside.ends_with('/');
    if (tag.closes) inside.remove_prefix(1);
    if (tag.empty) inside.remove_suffix(1);
    std::size_t size = 0;
    while (size < inside.size() && !is_space(inside[size])) ++size;
    tag.name = inside.substr(0, size);
    tag.attributes = inside.substr(size);
    if (std::size_t colon = tag.name.find(':'); colon != std::string_view::npos)
      tag.name.remove_prefix(colon + 1);
  }

  const char* at_;
  const char* end_;
};

bool next_attribute(std::string_view& rest, Attribute& attribute) {
  while (!rest.empty() && is_space(rest[0])) rest.remove_prefix(1);
  std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || equals + 1 == rest.size()) return false;
  attribute.name = trim(rest.substr(0, equals));
  rest = rest.substr(equals + 1);
  while (!rest.empty() && is_space(rest[0])) rest.remove_prefix(1);
  if (rest.empty()) return false;
  std::size_t close = rest.find(rest[0], 1);
  if (close == std::string_view::npos) return false;
  attribute.value = rest.substr(1, close - 1);
  rest.remove_prefix(close + 1);
  return true;
}

std::string_view find_attribute(std::string_view attributes, std::string_view name) {
  Attribute attribute;
  while (next_attribute(attributes, attribute)) {
    if (attribute.name == name) return attribute.value;
  }
  return {};
}

// An element of <System>: a part by its attributes (`Execution ProcessID`) or by its text (`EventID`).
void give_system_element(const Tag& tag, std::string_view text, FieldSink& sink) {
  char path[64] = "System.";
  auto give = [&](std::string_view attribute, std::string_view value) {
    std::size_t size = 7 + tag.name.size() + (attribute.empty() ? 0 : 1 + attribute.size());
    if (size > sizeof(path)) return false;
    std::memcpy(path + 7, tag.name.data(), tag.name.size());
    if (!attribute.empty()) {
      path[7 + tag.name.size()] = '.';
      std::memcpy(path + 8 + tag.name.size(), attribute.data(), attribute.size());
    }
    auto key = find_system_key({path, size});
    if (key) give_system(key->part, value, sink);
    return key.has_value();
  };
  if (!text.empty()) give({}, text);
  std::string_view rest = tag.attributes;
  Attribute attribute;
  while (next_attribute(rest, attribute)) {
    // An attribute that is no part: Provider's EventSourceName.
    if (!give(attribute.name, attribute.value)) give_field(attribute.name, attribute.value, sink);
  }
}

}  // namespace

bool read_xml(std::string_view text, FieldSink& sink) {
  std::size_t begin = find_event_element(text);
  if (begin == std::string_view::npos) return false;
  XmlCursor in(text.substr(begin));
  Tag tag;
  bool in_system = false;
  bool flat = true;  // NXLog's: the parts stand beside the data, as in its JSON
  while (in.next(tag)) {
    if (tag.closes) {
      if (tag.name == "Event") return true;
      if (tag.name == "System") in_system = false;
      continue;
    }
    if (tag.name == "System") {
      in_system = !tag.empty;
      flat = false;
    } else if (in_system) {
      give_system_element(tag, tag.empty ? std::string_view() : in.text(), sink);
    } else if (!tag.empty) {
      std::string_view value = in.text();
      if (!in.at_closing_tag()) continue;
      std::string_view name = tag.name == "Data" ? find_attribute(tag.attributes, "Name") : tag.name;
      if (name.empty()) continue;
      auto key = flat ? find_system_key(name) : std::nullopt;
      if (key) give_system(key->part, value, sink);
      give_field(name, value, sink);
    }
  }
  return false;
}

}  // namespace hecate::decode
