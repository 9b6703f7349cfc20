#include "daemon/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <system_error>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

std::string output_trouble(const std::string& why) {
  return fmt::format(
      "standard output could not be written: {}; free some space there, or send it somewhere else", why);
}

}  // namespace

Result<void> flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return fail(output_trouble(errno != 0 ? std::strerror(errno) : "an earlier write failed"));
}

std::string explain(const std::exception& error) {
  if (const auto* of_files = dynamic_cast<const std::filesystem::filesystem_error*>(&error))
    return fmt::format(
        "{} cannot be looked at: {}; check the path, and that this user may read it and its folders",
        of_files->path1().string(), of_files->code().message());
  const auto* of_system = dynamic_cast<const std::system_error*>(&error);
  if (of_system && std::ferror(stdout) != 0) return output_trouble(of_system->code().message());
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return "out of memory; give it more, or less to do at a time";
  return fmt::format(
      "something went wrong that hecate does not know: {}; please report it with the command and its input",
      error.what());
}

}  // namespace hecate::daemon
