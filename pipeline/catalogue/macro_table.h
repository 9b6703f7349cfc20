#pragma once

#include "pipeline/spl/source.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace hecate::catalogue {

class MapReader;
struct ConfStanza;

// All macros of a catalogue, by name and number of arguments; a later one replaces an earlier one of the
// same.
class MacroTable {
 public:
  // Takes one document of the macro file `file`: `name` (`f` or `f(1)`), `arguments`, `definition`. Throws
  // Wrong.
  void add(const MapReader& yaml, const std::string& file);

  // Takes a stanza of macros.conf: `[f]` or `[f(1)]` with `definition` and `args`. Throws ConfWrong.
  void add(const ConfStanza& stanza);

  // A macro that is missing and whose name ends in `_filter` reads `search *`: that is what a site has until
  // it defines its own. Any other missing one is nullptr. Valid while the table is.
  [[nodiscard]] const spl::Macro* find(std::string_view name, std::size_t arguments) const;

  // The same; instead of one that is missing, where another is called nearly so, a macro that says that it
  // cannot be put in.
  [[nodiscard]] spl::MacroLookup lookup() const;

 private:
  [[nodiscard]] const spl::Macro* misspelt(std::string_view name) const;

  std::map<std::pair<std::string, std::size_t>, spl::Macro> macros_;
  mutable std::map<std::string, spl::Macro, std::less<>> misspelt_;  // by the name that was asked for
};

}  // namespace hecate::catalogue
