#pragma once

#include "pipeline/base/arena.h"
#include "pipeline/event/value.h"

#include <optional>
#include <string>
#include <string_view>

namespace hecate::spl {

// Rules of values that the whole of SPL shares.

// The number that `value` is or that its whole text spells (decimal, optional sign, fraction and exponent;
// surrounding blanks allowed); nullopt otherwise, and for hexadecimal, inf and nan.
[[nodiscard]] std::optional<double> to_number(const Value& value);
[[nodiscard]] std::optional<double> to_number(std::string_view text);

// As Splunk prints it: integers without `.0`, other numbers in the shortest form that reads back the same,
// without exponent between 1e-6 and 1e17; booleans `true` and `false`; the items of a list joined by a line
// break; nothing for null.
[[nodiscard]] std::string_view to_text(const Value& value, Arena& arena);
void append_text(const Value& value, std::string& out);
[[nodiscard]] std::string number_to_text(double number);

// Compares without case: A–Z with a–z, and beyond ASCII by Unicode simple case folding of UTF-8 (É with é).
[[nodiscard]] bool equals_without_case(std::string_view a, std::string_view b);
// `text` folded so that equals_without_case(a, b) is fold(a) == fold(b). Invalid UTF-8 stays as it is.
void fold_case(std::string_view text, std::string& out);

// The one pass that every double-quoted text of SPL goes through: `\\`→`\`, `\"`→`"`, `\|`→`|`; any other
// backslash stays.
[[nodiscard]] std::string unquote(std::string_view inside_of_quotes);

// `text` between quotes, with a backslash before each quote and backslash in it.
void append_quoted(char quote, std::string_view text, std::string& out);

// `value` with every text and list copied into `arena`.
[[nodiscard]] Value copy_value(const Value& value, Arena& arena);

}  // namespace hecate::spl
