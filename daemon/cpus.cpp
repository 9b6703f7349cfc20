#include "daemon/cpus.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <sched.h>

namespace hecate::daemon {
namespace {

// One thread reads what the network brings; more workers than this wait for it.
constexpr int kMostDefaultWorkers = 4;

}  // namespace

int available_cpus(const std::string& cpu_max) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  std::ifstream file(cpu_max);
  double quota = 0, period = 0;
  if (file >> quota >> period && quota > 0 && period > 0)
    cpus = std::min(cpus, static_cast<int>(std::ceil(quota / period)));
  return std::max(cpus, 1);
}

int default_workers(int cpus) {
  return std::clamp(cpus - 1, 0, kMostDefaultWorkers);
}

}  // namespace hecate::daemon
