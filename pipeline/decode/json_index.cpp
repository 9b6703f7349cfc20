#include "pipeline/decode/json_index.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

namespace hecate::decode {

namespace {

constexpr std::size_t kMaxDepth = 1024;
constexpr std::size_t kFirstCapacity = 64 * 1024;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_number(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  auto digits = [&] {
    const char* first = at;
    while (at != end && is_digit(*at)) ++at;
    return at != first;
  };
  if (at != end && *at == '-') ++at;
  bool zero = at != end && *at == '0';
  const char* first = at;
  if (!digits() || (zero && at - first > 1)) return false;
  if (at != end && *at == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return false;
  }
  return at == end;
}

// The brackets that are open, innermost last.
class OpenBrackets {
 public:
  [[nodiscard]] bool push(char bracket) {
    if (depth_ == kMaxDepth) return false;
    closing_[depth_++] = bracket == '{' ? '}' : ']';
    return true;
  }
  void pop() { --depth_; }
  [[nodiscard]] bool empty() const { return depth_ == 0; }
  [[nodiscard]] char closing() const { return closing_[depth_ - 1]; }

 private:
  std::array<char, kMaxDepth> closing_;
  std::size_t depth_ = 0;
};

JsonWalk missing(const JsonCursor& in) {
  return in.done() ? JsonWalk::incomplete : JsonWalk::bad;
}

bool skip_key(JsonCursor& in) {
  if (in.peek() != '"') return false;
  in.advance();
  if (in.peek() != ':') return false;
  in.advance();
  return true;
}

// Goes over members of an object whose values are strings or atoms, as nearly all of an event's are, four
// tokens at a time: key, colon, value, comma. True when it ended behind a value that no comma follows; else
// it is at a key, or what should be one.
bool skip_plain_members(JsonCursor& in) {
  while (in.end - in.next >= 4) {
    const std::uint32_t* token = in.next;
    if (in.text[token[0]] != '"' || in.text[token[1]] != ':') return false;
    char value = in.text[token[2]];
    if (value != '"') {
      if (value == '{' || value == '[') return false;
      if (!is_atom(JsonCursor{in.text, token + 2, in.end}.token())) return false;
    }
    if (in.text[token[3]] != ',') return in.next += 3, true;
    in.next += 4;
  }
  return false;
}

// From a key to the next value that is no plain one, or (`value_ended`) behind the last plain one.
bool skip_members(JsonCursor& in, bool& value_ended) {
  value_ended = skip_plain_members(in);
  return value_ended || skip_key(in);
}

JsonWalk skip_container(JsonCursor& in) {
  OpenBrackets open;
  bool value_ended = false;
  for (;;) {
    char first = in.peek();
    if (value_ended) {
      if (first == ',') {
        in.advance();
        value_ended = false;
        if (open.closing() == '}' && !skip_members(in, value_ended)) return missing(in);
      } else {
        if (first != open.closing()) return missing(in);
        in.advance();
        open.pop();
        if (open.empty()) return JsonWalk::ok;
      }
    } else if (first == '{' || first == '[') {
      if (!open.push(first)) return JsonWalk::bad;
      in.advance();
      if (in.peek() == open.closing()) {
        value_ended = true;
      } else if (first == '{' && !skip_members(in, value_ended)) {
        return missing(in);
      }
    } else {
      if (in.done()) return JsonWalk::incomplete;
      if (first != '"' && !is_atom(in.token())) return JsonWalk::bad;
      in.advance();
      value_ended = true;
    }
  }
}

}  // namespace

std::string_view JsonCursor::token() const {
  const char* first = text + next[0];
  const char* last = text + next[1];
  while (is_space(last[-1])) --last;
  return {first, static_cast<std::size_t>(last - first)};
}

std::string_view JsonCursor::string() const {
  std::string_view quoted = token();
  return quoted.substr(1, quoted.size() - 2);
}

bool is_atom(std::string_view text) {
  switch (text[0]) {
    case 't':
      return text == "true";
    case 'f':
      return text == "false";
    case 'n':
      return text == "null";
    default:
      return is_number(text);
  }
}

JsonWalk skip_value(JsonCursor& in, std::string_view& value) {
  if (in.done()) return JsonWalk::incomplete;
  char first = in.peek();
  if (first == '{' || first == '[') {
    const char* begin = in.text + in.offset();
    JsonWalk walk = skip_container(in);
    if (walk != JsonWalk::ok) return walk;
    value = {begin, static_cast<std::size_t>(in.text + in.next[-1] + 1 - begin)};
    return JsonWalk::ok;
  }
  value = in.token();
  if (first != '"' && !is_atom(value)) return JsonWalk::bad;
  in.advance();
  return JsonWalk::ok;
}

// The implementation class and its list of positions are how simdjson's own readers get at the first stage;
// they are public, though not advertised.
struct JsonIndex::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

JsonIndex::JsonIndex() : impl_(std::make_unique<Impl>()) {}
JsonIndex::~JsonIndex() = default;

bool JsonIndex::build(std::string_view text, JsonCursor& first) {
  static const std::uint32_t nothing = 0;
  first = {text.data(), &nothing, &nothing};
  if (text.empty()) return true;
  auto& parser = impl_->parser;
  if (!parser || parser->capacity() < text.size()) {
    std::size_t capacity = std::max({text.size(), kFirstCapacity, parser ? parser->capacity() * 2 : 0});
    if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES) capacity = text.size();
    auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, parser);
    if (error) return parser = nullptr, false;
  }
  auto error = parser->stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                              simdjson::stage1_mode::regular);
  if (error == simdjson::EMPTY) return true;
  if (error) return false;
  first.next = parser->structural_indexes.get();
  first.end = first.next + parser->n_structural_indexes;
  return true;
}

}  // namespace hecate::decode
