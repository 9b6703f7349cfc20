#pragma once

#include "pipeline/base/error.h"

#include <string>

namespace hecate::store {

// That a folder is this process's alone: an advisory lock on a file in it, held as long as the object lives
// and let go by the system when the process ends, however it ends. The file holds the owner's process id.
class DirectoryLock {
 public:
  [[nodiscard]] static Result<DirectoryLock> take(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace hecate::store
