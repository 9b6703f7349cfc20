#include "daemon/commands.h"
#include "outputs/guid.h"

#include <fmt/format.h>

namespace hecate::daemon {

int token(const TokenOptions& options) {
  auto made = outputs::make_guid();
  if (!made) {
    fmt::print(stderr, "hecate: {}\n", made.error().message);
    return 1;
  }
  if (options.plain)
    fmt::print("{}\n", *made);
  else
    fmt::print("- {{name: \"{}\", token: \"{}\"}}\n", options.name, *made);
  return 0;
}

}  // namespace hecate::daemon
