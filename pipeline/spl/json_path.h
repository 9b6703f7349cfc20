#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// Reading JSON by Splunk's paths: `a.b`, `a{}.b` (every element), `a{0}` (from 0). Strings come out as they
// are, other values as JSON. Texts are copied into `found`. False when `text` is no JSON at all.
bool find_in_json(std::string_view text, std::string_view path, std::vector<std::string>& found);
[[nodiscard]] bool is_json(std::string_view text);
// The names of an object's members; false when `text` is no JSON object.
bool keys_of_json(std::string_view text, std::vector<std::string>& keys);
// `text` in quotes, with what JSON wants escaped.
void append_json_text(std::string_view text, std::string& out);

}  // namespace hecate::spl
