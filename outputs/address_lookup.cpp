#include "outputs/address_lookup.h"

#include <condition_variable>
#include <optional>
#include <thread>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <netdb.h>

namespace hecate::outputs {

// One lookup, shared with the thread that makes it.
struct AddressLookup::Search {
  std::string host;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<Addresses>> found;
  bool cancelled = false;
};

Result<Addresses> look_up_by_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  if (int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0)
    return fail(::gai_strerror(error));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.emplace_back(text);
  }
  if (addresses.empty()) return fail("the name has no address");
  return addresses;
}

Result<Addresses> AddressLookup::find(const std::string& host, std::chrono::milliseconds limit) {
  boost::system::error_code no_address;
  boost::asio::ip::make_address(host, no_address);
  if (!no_address) return Addresses{host};
  auto running = search(host);
  if (!running) return fail("cancelled");
  std::unique_lock lock(running->mutex);
  bool ended = running->changed.wait_for(lock, limit, [&] { return running->found || running->cancelled; });
  if (!ended) return fail(fmt::format("the resolver did not answer within {} ms", limit.count()));
  if (!running->found) return fail("cancelled");
  Result<Addresses> found = *running->found;
  lock.unlock();
  std::lock_guard done(mutex_);
  running_.reset();
  return found;
}

// The lookup that is still on its way, if it is for that host, else a new one; null when cancelled.
std::shared_ptr<AddressLookup::Search> AddressLookup::search(const std::string& host) {
  std::lock_guard lock(mutex_);
  if (cancelled_) return nullptr;
  if (running_ && running_->host == host) return running_;
  running_ = std::make_shared<Search>();
  running_->host = host;
  std::thread([search = running_, lookup = lookup_] {
    Result<Addresses> found = fail("");
    try {
      found = lookup(search->host);
    } catch (const std::exception& e) {
      found = fail(e.what());
    }
    std::lock_guard done(search->mutex);
    search->found = std::move(found);
    search->changed.notify_all();
  }).detach();
  return running_;
}

void AddressLookup::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (!running_) return;
  std::lock_guard ending(running_->mutex);
  running_->cancelled = true;
  running_->changed.notify_all();
}

}  // namespace hecate::outputs
