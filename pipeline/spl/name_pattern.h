#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// A pattern of field names as rename, fields, table, replace and stats have them: each `*` stands for any run
// of characters; with case.
class NamePattern {
 public:
  explicit NamePattern(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] bool has_wildcard() const { return text_.contains('*'); }
  [[nodiscard]] const std::string& text() const { return text_; }
  // What the wildcards stood for; false when `name` does not match.
  bool match(std::string_view name, std::vector<std::string_view>& parts) const;
  [[nodiscard]] bool matches(std::string_view name) const;
  // The pattern with its wildcards replaced, from the left, by `parts`; what is left over is left out.
  [[nodiscard]] std::string fill(std::span<const std::string_view> parts) const;

 private:
  std::string text_;
};

}  // namespace hecate::spl
