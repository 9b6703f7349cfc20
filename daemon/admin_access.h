#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::daemon {

// Who may ask for what the admin port keeps from others: the holder of the token, by `Authorization` or by a
// cookie that a login with it gave, and, on a port that only this machine reaches, everybody. Time is passed
// in. One thread.
class AdminAccess {
 public:
  using Monotonic = std::chrono::steady_clock;
  // Of a request. `address`: of the other end, as text.
  struct Asked {
    std::string_view host, authorization, cookies, address;
  };
  enum class Verdict {
    allowed,
    wrong,           // no token or cookie, or not the right one
    not_configured,  // there is no token, so nobody can have it
    too_many,        // this address was wrong too often; what it says now is not looked at
  };

  static constexpr int kMostWrong = 10;  // of one address, within kPause
  static constexpr std::chrono::seconds kPause{60};
  static constexpr std::chrono::hours kIdle{12};  // a login ends so long after it was used last
  static constexpr std::size_t kMostLogins = 64;  // the one that was not used for longest goes
  static constexpr std::size_t kMostAddresses = 4096;

  // `open`: the port listens on loopback only and trusts who reaches it. `cookie`: the name of the cookie.
  AdminAccess(std::string token, bool open, std::string cookie);

  [[nodiscard]] Verdict may_ask(const Asked& asked, Monotonic::time_point now);
  // A cookie's value for who sends the token. It is told at once and only once.
  struct Login {
    Verdict verdict;
    std::string secret;  // empty where it was not allowed
  };
  [[nodiscard]] Login log_in(std::string_view token, const Asked& asked, Monotonic::time_point now);
  // The login of these cookies is none any more.
  void log_out(std::string_view cookies);

  // Everybody may ask. The name that is asked for counts: another site's name that was made to lead here (DNS
  // rebinding) opens nothing.
  [[nodiscard]] bool is_open_to(std::string_view host) const;
  [[nodiscard]] bool has_token() const { return !token_.empty(); }
  // Whether the cookies are those of a login; does not count as its use.
  [[nodiscard]] bool is_logged_in(std::string_view cookies, Monotonic::time_point now) const;
  [[nodiscard]] const std::string& cookie() const { return cookie_; }

 private:
  struct Session {
    std::string secret;
    Monotonic::time_point used;
  };
  struct Failures {
    int count = 0;
    Monotonic::time_point since;
  };
  using Sessions = std::vector<Session>;
  [[nodiscard]] Sessions::const_iterator find(std::string_view cookies) const;
  [[nodiscard]] Verdict check(std::string_view token, std::string_view address, Monotonic::time_point now);
  void count_wrong(const std::string& source, Monotonic::time_point now);

  std::string token_;
  bool open_;
  std::string cookie_;
  Sessions sessions_;
  std::map<std::string, Failures> failures_;  // by address
};

// The value of a cookie in a `Cookie` header.
[[nodiscard]] std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name);

// Whether a `Host` names this machine by an address or as localhost; an empty one does: no browser sends it.
[[nodiscard]] bool is_own_host(std::string_view host);

}  // namespace hecate::daemon
