#pragma once

#include <string>

namespace hecate::daemon {

// How many CPUs this process may keep busy, at least 1: those it may run on (sched_getaffinity), or fewer
// where the container's quota says so. `cpu_max`: the file of a cgroup v2 with quota and period, "max 100000"
// or "150000 100000"; one that is missing or says something else sets no quota.
[[nodiscard]] int available_cpus(const std::string& cpu_max = "/sys/fs/cgroup/cpu.max");

// Threads for evaluating events that go well with so many CPUs: one is the network's, and evaluates by itself
// where it is alone, since what it has just read is still in its cache then.
[[nodiscard]] int default_workers(int cpus);

}  // namespace hecate::daemon
