#include "daemon/admin_access.h"

#include "daemon/hec_protocol.h"
#include "outputs/guid.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

namespace hecate::daemon {
namespace {

namespace ip = boost::asio::ip;

constexpr std::string_view kScheme = "Bearer ";

// Whose failures are counted together: an IPv4 address, a network of 64 bits of IPv6, which is what one
// customer has.
std::string source_of(std::string_view address) {
  boost::system::error_code error;
  ip::address parsed = ip::make_address(std::string(address), error);
  if (error || parsed.is_v4()) return std::string(address);
  if (parsed.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, parsed.to_v6()).to_string();
  ip::address_v6::bytes_type bytes = parsed.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return ip::address_v6(bytes).to_string();
}

}  // namespace

std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view pair = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return pair.substr(name.size() + 1);
  }
  return std::nullopt;
}

bool is_own_host(std::string_view host) {
  if (host.empty()) return true;
  if (host.starts_with('[')) return host.find(']') != std::string_view::npos;
  std::string name(host.substr(0, host.rfind(':')));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  boost::system::error_code error;
  ip::make_address_v4(name, error);
  return name == "localhost" || !error;
}

AdminAccess::AdminAccess(std::string token, bool open, std::string cookie)
    : token_(std::move(token)), open_(open), cookie_(std::move(cookie)) {}

bool AdminAccess::is_open_to(std::string_view host) const {
  return open_ && is_own_host(host);
}

AdminAccess::Verdict AdminAccess::may_ask(const Asked& asked, Monotonic::time_point now) {
  if (is_open_to(asked.host)) return Verdict::allowed;
  if (is_logged_in(asked.cookies, now)) {
    sessions_[static_cast<std::size_t>(find(asked.cookies) - sessions_.begin())].used = now;
    return Verdict::allowed;
  }
  if (token_.empty()) return Verdict::not_configured;
  // Nothing was tried: a page whose login is over asks like this until somebody logs in.
  if (!asked.authorization.starts_with(kScheme)) return Verdict::wrong;
  return check(asked.authorization.substr(kScheme.size()), asked.address, now);
}

AdminAccess::Login AdminAccess::log_in(std::string_view token, const Asked& asked,
                                       Monotonic::time_point now) {
  if (token_.empty()) return {Verdict::not_configured, {}};
  if (Verdict verdict = check(token, asked.address, now); verdict != Verdict::allowed) return {verdict, {}};
  auto secret = outputs::make_guid();
  if (!secret) return {Verdict::wrong, {}};
  std::erase_if(sessions_, [&](const Session& each) { return now - each.used > kIdle; });
  if (sessions_.size() >= kMostLogins)
    sessions_.erase(std::ranges::min_element(sessions_, {}, &Session::used));
  sessions_.push_back({*secret, now});
  return {Verdict::allowed, *secret};
}

void AdminAccess::log_out(std::string_view cookies) {
  if (auto found = find(cookies); found != sessions_.end()) sessions_.erase(found);
}

bool AdminAccess::is_logged_in(std::string_view cookies, Monotonic::time_point now) const {
  auto found = find(cookies);
  return found != sessions_.end() && now - found->used <= kIdle;
}

AdminAccess::Sessions::const_iterator AdminAccess::find(std::string_view cookies) const {
  auto secret = cookie_value(cookies, cookie_);
  if (!secret) return sessions_.end();
  return std::ranges::find_if(sessions_,
                              [&](const Session& each) { return same_secret(each.secret, *secret); });
}

AdminAccess::Verdict AdminAccess::check(std::string_view token, std::string_view address,
                                        Monotonic::time_point now) {
  std::string source = source_of(address);
  auto known = failures_.find(source);
  if (known != failures_.end() && now - known->second.since > kPause) known = failures_.end();
  if (known != failures_.end() && known->second.count >= kMostWrong) return Verdict::too_many;
  if (same_secret(token, token_)) return Verdict::allowed;
  count_wrong(source, now);
  return Verdict::wrong;
}

void AdminAccess::count_wrong(const std::string& source, Monotonic::time_point now) {
  if (failures_.size() >= kMostAddresses && !failures_.contains(source)) {
    std::erase_if(failures_, [&](const auto& each) { return now - each.second.since > kPause; });
    if (failures_.size() >= kMostAddresses)
      failures_.erase(
          std::ranges::min_element(failures_, {}, [](const auto& each) { return each.second.since; }));
  }
  auto& failures = failures_.try_emplace(source, Failures{0, now}).first->second;
  if (now - failures.since > kPause) failures = {0, now};
  ++failures.count;
}

}  // namespace hecate::daemon
