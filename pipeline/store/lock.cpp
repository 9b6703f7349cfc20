#include "pipeline/store/lock.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace hecate::store {
namespace {

std::string owner(int descriptor) {
  std::array<char, 32> text{};
  auto size = ::pread(descriptor, text.data(), text.size(), 0);
  std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return pid.substr(0, pid.find('\n'));
}

}  // namespace

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  std::string file = directory + "/lock";
  DirectoryLock lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.descriptor_ < 0) {
    return fail(fmt::format(
        "state folder {}: cannot make the file lock in it: {}; check that hecate's user may write "
        "to it",
        directory, std::strerror(errno)));
  }
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return fail(fmt::format(
          "state folder {} is in use by another hecate, process {}; stop that one, or give this one "
          "its own state.path",
          directory, owner(lock.descriptor_)));
    }
    return fail(fmt::format(
        "state folder {}: cannot lock it: {}; a file system without locks is the likely cause, put "
        "state.path on a local disk",
        directory, std::strerror(errno)));
  }
  auto pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock.descriptor_, 0) != 0 || ::pwrite(lock.descriptor_, pid.data(), pid.size(), 0) < 0) {
    return fail(fmt::format("state folder {}: cannot write to it: {}; the disk may be full", directory,
                            std::strerror(errno)));
  }
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace hecate::store
