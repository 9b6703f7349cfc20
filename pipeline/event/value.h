#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hecate {

// The value of a field, as SPL sees it: nothing, a text, a number, or several of those. Events bring texts
// only (a JSON number is the text as it was sent); eval and stats make numbers. 16 bytes, trivially copied.
// It never owns: texts and items live in an Arena, in the event's bytes, or in a literal of the plan; whoever
// keeps a value past the life of those copies it.
class Value {
 public:
  enum class Kind : std::uint8_t {
    null,     // no such field
    text,     // UTF-8 as it came; not checked
    number,   // a double; integers are exact up to 2^53
    boolean,  // the result of a comparison inside an expression; never the value of a field
    multi,    // two or more values, each text or number; a list of one is that one
  };

  constexpr Value() = default;
  constexpr Value(std::string_view text)  // NOLINT(google-explicit-constructor)
      : text_(text.data()), size_(static_cast<std::uint32_t>(text.size())), kind_(Kind::text) {}
  constexpr Value(double number) : number_(number), kind_(Kind::number) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] static constexpr Value boolean(bool value) {
    Value v;
    v.kind_ = Kind::boolean;
    v.size_ = value;
    return v;
  }
  // `items` must outlive the value; none gives null, one gives that one.
  [[nodiscard]] static constexpr Value multi(std::span<const Value> items) {
    if (items.empty()) return {};
    if (items.size() == 1) return items[0];
    Value v;
    v.kind_ = Kind::multi;
    v.items_ = items.data();
    v.size_ = static_cast<std::uint32_t>(items.size());
    return v;
  }

  [[nodiscard]] constexpr Kind kind() const { return kind_; }
  [[nodiscard]] constexpr bool is_null() const { return kind_ == Kind::null; }
  [[nodiscard]] constexpr bool is_text() const { return kind_ == Kind::text; }
  [[nodiscard]] constexpr bool is_number() const { return kind_ == Kind::number; }
  [[nodiscard]] constexpr bool is_multi() const { return kind_ == Kind::multi; }
  [[nodiscard]] constexpr bool is_true() const { return kind_ == Kind::boolean && size_ != 0; }

  // Each is valid for its own kind only.
  [[nodiscard]] constexpr std::string_view text() const { return {text_, size_}; }
  [[nodiscard]] constexpr double number() const { return number_; }
  [[nodiscard]] constexpr std::span<const Value> items() const { return {items_, size_}; }

  // The values one by one, whatever the kind: none of null, the items of multi, else itself.
  [[nodiscard]] constexpr std::span<const Value> each() const {
    if (kind_ == Kind::null) return {};
    if (kind_ == Kind::multi) return items();
    return {this, 1};
  }

 private:
  union {
    const char* text_;
    double number_;
    const Value* items_ = nullptr;
  };
  std::uint32_t size_ = 0;
  Kind kind_ = Kind::null;
};
static_assert(sizeof(Value) == 16);

}  // namespace hecate
