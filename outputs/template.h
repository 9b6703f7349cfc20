#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace hecate::outputs {

// The text that a template shows for a field; what `unknown` fields read is the lookup's business.
using FieldText = std::function<std::string(std::string_view field)>;

// Puts `$field$` in. A `$` that begins no field name (`C$`, `$100`) stays as it is.
[[nodiscard]] std::string fill(std::string_view text, const FieldText& field);

// The same for a text that will be run as SPL: a value cannot leave the quotes that the template has around
// it, and gets quotes where it has none. Values come from whoever attacks, and an analyst clicks on the
// search.
[[nodiscard]] std::string fill_search(std::string_view spl, const FieldText& field);

// Every `word` of `text` becomes `with` as it is; what stands between goes through `between`.
[[nodiscard]] std::string replace_all(std::string_view text, std::string_view word, std::string_view with,
                                      const std::function<std::string(std::string_view)>& between);

}  // namespace hecate::outputs
