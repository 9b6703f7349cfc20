#pragma once

#include "pipeline/base/error.h"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace hecate::outputs {

// The addresses of a host, as texts.
using Addresses = std::vector<std::string>;
// Finds them; may block for as long as it likes, and must be callable from any thread.
using Lookup = std::function<Result<Addresses>(const std::string& host)>;

// The system's resolver (getaddrinfo).
[[nodiscard]] Result<Addresses> look_up_by_system(const std::string& host);

// A lookup with a time limit. The system's resolver cannot be interrupted: the lookup runs on a thread of its
// own, which is left behind when the limit is over, at most one at a time; it may outlive this object.
class AddressLookup {
 public:
  explicit AddressLookup(Lookup lookup) : lookup_(std::move(lookup)) {}

  // Addresses stay as they are. One thread.
  [[nodiscard]] Result<Addresses> find(const std::string& host, std::chrono::milliseconds limit);
  // Makes a running or future `find` return at once with an error; thread-safe.
  void cancel();

 private:
  struct Search;
  std::shared_ptr<Search> search(const std::string& host);

  Lookup lookup_;
  std::mutex mutex_;  // guards the two below
  std::shared_ptr<Search> running_;
  bool cancelled_ = false;
};

}  // namespace hecate::outputs
