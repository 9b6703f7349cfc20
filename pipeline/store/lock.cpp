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

constexpr std::string_view kLogLine = "\nwrite-ahead log\n";

std::string content(int descriptor) {
  std::array<char, 64> text{};
  auto size = ::pread(descriptor, text.data(), text.size(), 0);
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string owner(int descriptor) {
  std::string text = content(descriptor);
  return text.substr(0, text.find('\n'));
}

bool has_log_line(int descriptor) {
  return content(descriptor).find(kLogLine) != std::string::npos;
}

}  // namespace

bool DirectoryLock::expects_log(const std::string& directory) {
  int descriptor = ::open((directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  bool expected = has_log_line(descriptor);
  ::close(descriptor);
  return expected;
}

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  std::string file = directory + "/lock";
  DirectoryLock lock(file, ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
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
  auto written = lock.expect_log(has_log_line(lock.descriptor_));
  if (!written) return std::unexpected(written.error());
  return lock;
}

Result<void> DirectoryLock::expect_log(bool expected) {
  auto text = fmt::format("{}{}", ::getpid(), expected ? kLogLine : "\n");
  auto size = static_cast<ssize_t>(text.size());
  bool written = ::pwrite(descriptor_, text.data(), text.size(), 0) == size &&
                 ::ftruncate(descriptor_, size) == 0 && (expected || ::fdatasync(descriptor_) == 0);
  if (!written) {
    return fail(fmt::format("{}: cannot write to it: {}; the disk may be full", file_, std::strerror(errno)));
  }
  return {};
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace hecate::store
