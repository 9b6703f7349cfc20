#include "outputs/template.h"

namespace hecate::outputs {
namespace {

bool begins_name(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool continues_name(char c) {
  return begins_name(c) || (c >= '0' && c <= '9') || c == '.' || c == '{' || c == '}' || c == ':' ||
         c == '-' || c == '@';
}

// The name in the `$name$` (or `$name|s$`, Splunk's quoted form) at the front of `text`, empty where there is
// none; `length` is how much of the text it takes.
std::string_view field_at(std::string_view text, std::size_t& length) {
  if (text.size() < 3 || text[0] != '$' || !begins_name(text[1])) return {};
  std::size_t end = 2;
  while (end < text.size() && continues_name(text[end])) ++end;
  std::string_view name = text.substr(1, end - 1);
  if (text.substr(end).starts_with("|s")) end += 2;
  if (end >= text.size() || text[end] != '$') return {};
  length = end + 1;
  return name;
}

void append_escaped(std::string& out, std::string_view value) {
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

}  // namespace

std::string fill(std::string_view text, const FieldText& field) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = 1;
    std::string_view name = field_at(text, length);
    if (name.empty())
      out += text[0];
    else
      out += field(name);
    text.remove_prefix(length);
  }
  return out;
}

std::string fill_search(std::string_view spl, const FieldText& field) {
  std::string out;
  bool quoted = false;
  while (!spl.empty()) {
    std::size_t length = 1;
    std::string_view name = field_at(spl, length);
    if (!name.empty()) {
      if (!quoted) out += '"';
      append_escaped(out, field(name));
      if (!quoted) out += '"';
    } else if (quoted && spl[0] == '\\' && spl.size() > 1) {
      length = 2;
      out += spl.substr(0, 2);
    } else {
      if (spl[0] == '"') quoted = !quoted;
      out += spl[0];
    }
    spl.remove_prefix(length);
  }
  return out;
}

std::string replace_all(std::string_view text, std::string_view word, std::string_view with,
                        const std::function<std::string(std::string_view)>& between) {
  std::string out;
  for (;;) {
    std::size_t at = text.find(word);
    out += between(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    out += with;
    text.remove_prefix(at + word.size());
  }
}

}  // namespace hecate::outputs
