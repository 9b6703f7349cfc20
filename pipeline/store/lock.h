#pragma once

#include "pipeline/base/error.h"

#include <string>
#include <utility>

namespace hecate::store {

// That a folder is this process's alone: an advisory lock on a file in it, held as long as the object lives
// and let go by the system when the process ends, however it ends. The file holds the owner's process id, and
// whether the folder must hold a write-ahead log: an owner that did not stop by itself has left one.
class DirectoryLock {
 public:
  [[nodiscard]] static Result<DirectoryLock> take(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

  // As the file says; needs no lock.
  [[nodiscard]] static bool expects_log(const std::string& directory);
  // To be told before a log may go, and after one is on disk. False is on disk when it returns.
  [[nodiscard]] Result<void> expect_log(bool expected);

 private:
  DirectoryLock(std::string file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}
  std::string file_;
  int descriptor_;
};

}  // namespace hecate::store
