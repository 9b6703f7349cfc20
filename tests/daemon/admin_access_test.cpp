#include "daemon/admin_access.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using daemon::AdminAccess;
using Verdict = AdminAccess::Verdict;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class AdminAccessTest : public ::testing::Test {
 protected:
  // By `Authorization`, from `address`.
  Verdict ask(const std::string& token, const std::string& address = "192.0.2.1") {
    std::string authorization = "Bearer " + token;
    return access_.may_ask(
        {.host = "hecate.example", .authorization = authorization, .cookies = {}, .address = address}, now_);
  }
  Verdict ask_with(const std::string& cookies) {
    return access_.may_ask(
        {.host = "hecate.example", .authorization = {}, .cookies = cookies, .address = "192.0.2.1"}, now_);
  }
  AdminAccess::Login log_in(const std::string& token, const std::string& address = "192.0.2.1") {
    return access_.log_in(token, {.host = {}, .authorization = {}, .cookies = {}, .address = address}, now_);
  }
  std::string logged_in() { return "hecate_1=" + log_in("secret").secret; }
  void fail(int times, const std::string& address = "192.0.2.1") {
    for (int i = 0; i < times; ++i) EXPECT_EQ(ask("wrong", address), Verdict::wrong) << i;
  }

  AdminAccess access_{"secret", false, "hecate_1"};
  AdminAccess::Monotonic::time_point now_{};
};

TEST_F(AdminAccessTest, TheTokenOrALoginWithItOpens) {
  EXPECT_EQ(ask("secret"), Verdict::allowed);
  EXPECT_EQ(ask("secre"), Verdict::wrong);
  EXPECT_EQ(ask(""), Verdict::wrong);
  EXPECT_EQ(log_in("Secret").verdict, Verdict::wrong);
  EXPECT_EQ(log_in("Secret").secret, "");
  std::string cookie = logged_in();
  EXPECT_EQ(ask_with("a=b; " + cookie + "; c=d"), Verdict::allowed);
  EXPECT_EQ(ask_with(cookie + "0"), Verdict::wrong);
  EXPECT_EQ(ask_with("hecate_2" + cookie.substr(8)), Verdict::wrong);
  EXPECT_EQ(ask_with("hecate_1="), Verdict::wrong);
  EXPECT_NE(cookie, logged_in());
}

TEST_F(AdminAccessTest, WithoutATokenNobodyMayAsk) {
  AdminAccess access("", false, "hecate_1");
  AdminAccess::Asked asked{.host = {}, .authorization = "Bearer ", .cookies = {}, .address = "192.0.2.1"};
  EXPECT_EQ(access.may_ask(asked, now_), Verdict::not_configured);
  EXPECT_EQ(access.log_in("", asked, now_).verdict, Verdict::not_configured);
}

TEST_F(AdminAccessTest, AnOpenPortIsOpenByItsOwnNamesOnly) {
  AdminAccess access("secret", true, "hecate_1");
  for (const char* host : {"", "localhost", "LocalHost:9464", "127.0.0.1:9464", "[::1]:9464", "10.1.2.3"})
    EXPECT_TRUE(access.is_open_to(host)) << host;
  // What a page of another site asks for, once its name leads here.
  for (const char* host :
       {"evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.nip.io:80"})
    EXPECT_FALSE(access.is_open_to(host)) << host;
}

TEST_F(AdminAccessTest, ALoginEndsWhenItIsNotUsed) {
  std::string cookie = logged_in();
  for (int i = 0; i < 3; ++i) {
    now_ += hours(11);
    EXPECT_EQ(ask_with(cookie), Verdict::allowed);
  }
  now_ += hours(12) + seconds(1);
  EXPECT_EQ(ask_with(cookie), Verdict::wrong);
}

TEST_F(AdminAccessTest, LoggingOutEndsThatLoginOnly) {
  std::string first = logged_in(), second = logged_in();
  access_.log_out(first);
  access_.log_out("hecate_1=other");
  EXPECT_EQ(ask_with(first), Verdict::wrong);
  EXPECT_EQ(ask_with(second), Verdict::allowed);
}

TEST_F(AdminAccessTest, OfTooManyLoginsTheLeastUsedGoes) {
  std::string first = logged_in();
  now_ += seconds(1);
  std::string second = logged_in();
  now_ += seconds(1);
  EXPECT_EQ(ask_with(first), Verdict::allowed);
  for (std::size_t i = 2; i < AdminAccess::kMostLogins + 1; ++i) (void)logged_in();
  EXPECT_EQ(ask_with(first), Verdict::allowed);
  EXPECT_EQ(ask_with(second), Verdict::wrong);
}

TEST_F(AdminAccessTest, WhoIsWrongTooOftenWaitsEvenWithTheRightToken) {
  std::string cookie = logged_in();
  fail(AdminAccess::kMostWrong);
  EXPECT_EQ(ask("wrong"), Verdict::too_many);
  EXPECT_EQ(ask("secret"), Verdict::too_many);
  EXPECT_EQ(log_in("secret").verdict, Verdict::too_many);
  EXPECT_EQ(ask_with(cookie), Verdict::allowed);
  EXPECT_EQ(ask("secret", "192.0.2.2"), Verdict::allowed);
  now_ += AdminAccess::kPause;
  EXPECT_EQ(ask("secret"), Verdict::too_many);
  now_ += seconds(1);
  EXPECT_EQ(ask("secret"), Verdict::allowed);
  fail(AdminAccess::kMostWrong);
  EXPECT_EQ(ask("secret"), Verdict::too_many);
}

TEST_F(AdminAccessTest, APageWhoseLoginIsOverMayAskOnAndOn) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ask_with("hecate_1=old"), Verdict::wrong);
  EXPECT_EQ(log_in("secret").verdict, Verdict::allowed);
}

TEST_F(AdminAccessTest, ANetworkOfIpv6IsOneAddress) {
  for (int i = 0; i < AdminAccess::kMostWrong; ++i) fail(1, fmt::format("2001:db8:0:1::{:x}", i));
  EXPECT_EQ(ask("secret", "2001:db8:0:1:ffff::1"), Verdict::too_many);
  EXPECT_EQ(ask("secret", "2001:db8:0:2::1"), Verdict::allowed);
  for (int i = 0; i < AdminAccess::kMostWrong; ++i) fail(1, fmt::format("::ffff:192.0.2.{}", i));
  EXPECT_EQ(ask("secret", "::ffff:192.0.2.77"), Verdict::allowed);
}

TEST_F(AdminAccessTest, AFloodOfAddressesIsForgottenOldestFirst) {
  fail(AdminAccess::kMostWrong, "192.0.2.1");
  now_ += seconds(1);
  fail(AdminAccess::kMostWrong, "192.0.2.2");
  now_ += seconds(1);
  for (std::size_t i = 0; i + 1 < AdminAccess::kMostAddresses; ++i)
    fail(1, fmt::format("10.0.{}.{}", i / 256, i % 256));
  EXPECT_EQ(ask("secret", "192.0.2.1"), Verdict::allowed);
  EXPECT_EQ(ask("secret", "192.0.2.2"), Verdict::too_many);
}

}  // namespace
}  // namespace hecate::testing
