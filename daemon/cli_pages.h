#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

// The man page and shell completions, made from the declared commands and options, so that they name what
// there is.
namespace hecate::daemon {

// hecate(1) in roff's man macros.
[[nodiscard]] std::string man_page(const CLI::App& app);

// A script for `shell` (bash, zsh, fish) to read; it asks for no program when it completes.
[[nodiscard]] std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace hecate::daemon
