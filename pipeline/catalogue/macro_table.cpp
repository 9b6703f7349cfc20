#include "pipeline/catalogue/macro_table.h"

#include "pipeline/base/nearest.h"
#include "pipeline/catalogue/conf_layers.h"
#include "pipeline/catalogue/names.h"
#include "pipeline/catalogue/yaml_reader.h"

#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace hecate::catalogue {
namespace {

// Takes Splunk's `(2)` off the end of `name`; the number, or npos when there is none.
std::size_t take_argument_count(std::string& name) {
  std::size_t open = name.rfind('(');
  if (open == std::string::npos || name.back() != ')') return std::string::npos;
  std::size_t count = 0;
  const char* end = name.data() + name.size() - 1;
  auto [rest, error] = std::from_chars(name.data() + open + 1, end, count);
  if (error != std::errc() || rest != end) return std::string::npos;
  name.resize(open);
  return count;
}

}  // namespace

void MacroTable::add(const MapReader& yaml, const std::string& file) {
  spl::Macro macro;
  macro.name = yaml.required("name");
  macro.arguments = yaml.texts("arguments");
  if (!yaml.has("definition")) yaml.wrong("definition", "is missing");
  macro.definition = yaml.text_or("definition", "");
  macro.place = fmt::format("{}:{}", file, yaml.position("definition").line);
  std::size_t stated = take_argument_count(macro.name);
  if (stated != std::string::npos && stated != macro.arguments.size()) {
    yaml.wrong("name",
               fmt::format("says {} arguments, but `arguments` lists {}", stated, macro.arguments.size()));
  }
  std::pair key(macro.name, macro.arguments.size());
  macros_.insert_or_assign(std::move(key), std::move(macro));
}

void MacroTable::add(const ConfStanza& stanza) {
  spl::Macro macro;
  macro.name = stanza.name;
  macro.arguments = names_in(stanza.text_or("args", ""));
  macro.definition = stanza.text_or("definition", "");
  macro.place = stanza.place_of("definition");
  if (!stanza.settings.contains("definition")) stanza.wrong("definition", "is missing");
  if (stanza.boolean("iseval").value_or(false))
    macro.cannot = "is an eval expression (`iseval`), which is not supported: write out what it gives";
  std::size_t stated = take_argument_count(macro.name);
  if (stated == std::string::npos) stated = 0;
  if (stated != macro.arguments.size()) {
    stanza.wrong("args",
                 fmt::format("lists {} names, but the stanza [{}] is that of a macro with {} arguments",
                             macro.arguments.size(), stanza.name, stated));
  }
  std::pair key(macro.name, macro.arguments.size());
  macros_.insert_or_assign(std::move(key), std::move(macro));
}

const spl::Macro* MacroTable::find(std::string_view name, std::size_t arguments) const {
  static const spl::Macro pass_all{"", {}, "search *", ""};
  auto found = macros_.find(std::pair(std::string(name), arguments));
  if (found != macros_.end()) return &found->second;
  return arguments == 0 && name.ends_with("_filter") ? &pass_all : nullptr;
}

spl::MacroLookup MacroTable::lookup() const {
  return [this](std::string_view name, std::size_t arguments) {
    const spl::Macro* found = find(name, arguments);
    return found != nullptr ? found : misspelt(name);
  };
}

const spl::Macro* MacroTable::misspelt(std::string_view name) const {
  if (auto known = misspelt_.find(name); known != misspelt_.end()) return &known->second;
  std::vector<std::string_view> names;
  for (const auto& [key, macro] : macros_) {
    if (key.first == name) return nullptr;  // with another number of arguments, which is said elsewhere
    names.push_back(key.first);
  }
  std::string_view near = nearest(name, names);
  if (near.empty()) return nullptr;
  spl::Macro macro;
  macro.cannot = fmt::format("is unknown: did you mean `{}`?", near);
  return &misspelt_.emplace(name, std::move(macro)).first->second;
}

}  // namespace hecate::catalogue
