#include "daemon/version.h"

#include "revision.h"  // made by cmake/revision.cmake

#include <fmt/format.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace hecate::daemon {
namespace {

constexpr const char* kVersion = HECATE_VERSION;
constexpr const char* kRevision = HECATE_REVISION;

}  // namespace

std::string version_line() {
  std::string revision = kRevision;
  return revision.empty() ? kVersion : fmt::format("{} ({})", kVersion, revision);
}

void show_build(prometheus::Registry& registry) {
  prometheus::BuildGauge()
      .Name("hecate_build_info")
      .Help("Version and git revision of the program; always 1")
      .Register(registry)
      .Add({{"version", kVersion}, {"revision", kRevision}})
      .Set(1);
}

}  // namespace hecate::daemon
