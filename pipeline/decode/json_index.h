#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace hecate::decode {

// A place among the tokens of a JSON text: where each bracket, comma, colon, string and atom begins. Copied
// freely to come back to a place. Valid while the text and the index are.
struct JsonCursor {
  const char* text = nullptr;
  const std::uint32_t* next = nullptr;
  const std::uint32_t* end = nullptr;  // *end is the size of the text

  [[nodiscard]] bool done() const { return next == end; }
  // The first character of the token in hand; NUL behind the last one.
  [[nodiscard]] char peek() const { return done() ? '\0' : text[*next]; }
  [[nodiscard]] std::size_t offset() const { return *next; }
  void advance() { ++next; }
  // The token in hand with what follows it up to the next one, white space at its end cut off.
  [[nodiscard]] std::string_view token() const;
  // What stands between the quotes of the string token in hand, escapes as they are.
  [[nodiscard]] std::string_view string() const;
};

enum class JsonWalk : std::uint8_t {
  ok,
  bad,         // not JSON
  incomplete,  // the text ends inside the value
};

// Where the tokens of a text are, found by simdjson's first stage: one vectorised pass that also checks UTF-8
// and that strings are closed and hold no control characters. We walk the tokens ourselves rather than with
// simdjson's on-demand reader: it leaves what it skips unchecked, and a stream of documents ends without an
// error where the last one is cut off. Buffers grow and are kept. Not thread-safe.
class JsonIndex {
 public:
  JsonIndex();
  ~JsonIndex();

  // Finds the tokens of `text`; false when it is not UTF-8, ends inside a string, has a bare control
  // character in one, or is 4 GiB or more. White space alone gives a cursor that is done.
  [[nodiscard]] bool build(std::string_view text, JsonCursor& first);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Goes over the value in hand, whatever it is, and checks it: commas, colons, brackets, atoms and numbers at
// any depth up to 1024; escapes inside strings are checked where a string is read. `value`: its text.
[[nodiscard]] JsonWalk skip_value(JsonCursor& in, std::string_view& value);

// true, false, null or a JSON number.
[[nodiscard]] bool is_atom(std::string_view text);

// Calls `member(key, value)` for each member of the object in hand, the cursor at its value; `member` returns
// how its walk over the value ended.
template <typename Member>
[[nodiscard]] JsonWalk walk_object(JsonCursor& in, const Member& member) {
  in.advance();
  if (in.peek() == '}') return in.advance(), JsonWalk::ok;
  for (;;) {
    if (in.done()) return JsonWalk::incomplete;
    if (in.peek() != '"') return JsonWalk::bad;
    std::string_view key = in.string();
    in.advance();
    if (in.peek() != ':') return in.done() ? JsonWalk::incomplete : JsonWalk::bad;
    in.advance();
    if (JsonWalk walk = member(key); walk != JsonWalk::ok) return walk;
    char after = in.peek();
    if (in.done()) return JsonWalk::incomplete;
    in.advance();
    if (after == '}') return JsonWalk::ok;
    if (after != ',') return JsonWalk::bad;
  }
}

// Likewise for the elements of the array in hand.
template <typename Element>
[[nodiscard]] JsonWalk walk_array(JsonCursor& in, const Element& element) {
  in.advance();
  if (in.peek() == ']') return in.advance(), JsonWalk::ok;
  for (;;) {
    if (in.done()) return JsonWalk::incomplete;
    if (JsonWalk walk = element(); walk != JsonWalk::ok) return walk;
    char after = in.peek();
    if (in.done()) return JsonWalk::incomplete;
    in.advance();
    if (after == ']') return JsonWalk::ok;
    if (after != ',') return JsonWalk::bad;
  }
}

}  // namespace hecate::decode
