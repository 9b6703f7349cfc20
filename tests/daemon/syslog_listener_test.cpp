// Syslog by TCP and UDP, as senders meet it; TLS has a file of its own.
#include "tests/daemon/syslog_fixture.h"
#include "tests/support/testing.h"

#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using namespace std::chrono_literals;
using Protocol = daemon::SyslogInput::Protocol;

constexpr std::string_view kHead = "<14>Apr 27 11:59:58 lnx-1 sysmon: ";

std::string message(std::string_view text) {
  return std::string(kHead) + std::string(text);
}

TEST(SyslogTcp, TakesBothFramingsFromOneStream) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send(counted(message("<Event>\n<System/>\n</Event>")) + message("line") + "\r\n" +
                          counted("<14>1 2026-04-27T11:59:58Z h p - - - {\"EventID\":1}")));
  EXPECT_EQ(server.wait_for_texts(3),
            (std::vector<std::string>{"<Event>\n<System/>\n</Event>", "line", "{\"EventID\":1}"}));
  EXPECT_EQ(server.metric("hecate_syslog_frames_total", {"in", "octets"}), 2);
  EXPECT_EQ(server.metric("hecate_syslog_frames_total", {"in", "line"}), 1);
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_messages_total", {"in"}) == 3; }));
  EXPECT_EQ(server.metric("hecate_syslog_messages_total", {"in", "rfc5424"}), 1);
  EXPECT_EQ(server.metric("hecate_syslog_connections", {"in"}), 1);
}

TEST(SyslogTcp, EventsHaveWhatHeadRulesAndInputSay) {
  daemon::SyslogInput input = syslog_input(Protocol::tcp);
  input.events.index = "main";
  SyslogServer server({input});
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send(message("<Event/>") + "\nno head\n"));
  auto events = server.wait_for_events(2);
  EXPECT_EQ(events[0].host, "lnx-1");
  EXPECT_EQ(events[0].source, "Syslog:Linux-Sysmon/Operational");
  EXPECT_EQ(events[0].index, "main");
  EXPECT_EQ(events[1].host, "");
  EXPECT_EQ(events[1].fallback_host, "127.0.0.1");
  EXPECT_EQ(events[1].fallback_source, fmt::format("tcp:{}", server.port()));
}

// The slow twin: whatever the network does to a stream, the same messages come out.
TEST(SyslogTcp, AStreamCutAtEveryByteGivesTheSameMessages) {
  std::string stream = counted(message("<Event>\n</Event>")) + message("a") + "\n" + counted("<1>{}") +
                       message("b") + "\r\n" + message("c") + '\0' + counted("<1>@cee: {}") + "last\n";
  std::vector<std::string> expected{"<Event>\n</Event>", "a", "{}", "b", "c", "{}", "last"};
  SyslogServer server({syslog_input(Protocol::tcp)});
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    TcpSender sender(server.port());
    ASSERT_TRUE(sender.send(stream.substr(0, cut)));
    // What is in hand has been read before the rest is sent.
    ASSERT_TRUE(eventually([&] {
      return server.metric("hecate_bytes_received_total") == static_cast<double>(cut * stream.size() + cut);
    }));
    ASSERT_TRUE(sender.send(stream.substr(cut)));
    ASSERT_EQ(server.wait_for_texts(expected.size()), expected) << "cut at " << cut;
  }
}

TEST(SyslogTcp, ByteByByte) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  TcpSender sender(server.port());
  std::string stream = counted(message("<Event>\n</Event>")) + message("a") + "\n";
  for (char byte : stream) ASSERT_TRUE(sender.send({&byte, 1}));
  EXPECT_EQ(server.wait_for_texts(2), (std::vector<std::string>{"<Event>\n</Event>", "a"}));
}

TEST(SyslogTcp, AMessageLargerThanABatchArrivesWhole) {
  daemon::SyslogInput input = syslog_input(Protocol::tcp);
  input.max_message = 4 * 1024 * 1024;
  SyslogServer server({input});
  TcpSender sender(server.port());
  std::string large(3 * 1024 * 1024, 'x');
  ASSERT_TRUE(sender.send(counted(message("a")) + counted(message(large)) + message(large) + "\n" +
                          counted(message("b"))));
  EXPECT_EQ(server.wait_for_texts(4), (std::vector<std::string>{"a", large, large, "b"}));
  EXPECT_EQ(server.metric("hecate_syslog_truncated_total"), 0);
}

TEST(SyslogTcp, TooLongMessagesAreCutAndCounted) {
  daemon::SyslogInput input = syslog_input(Protocol::tcp);
  input.max_message = 2048;
  SyslogServer server({input});
  TcpSender sender(server.port());
  std::string large = message(std::string(100'000, 'x'));
  ASSERT_TRUE(sender.send(counted(large) + large + "\n" + message("b") + "\n"));
  std::string cut(2048 - kHead.size(), 'x');
  EXPECT_EQ(server.wait_for_texts(3), (std::vector<std::string>{cut, cut, "b"}));
  EXPECT_EQ(server.metric("hecate_syslog_truncated_total", {"in"}), 2);
}

TEST(SyslogTcp, ALastLineNeedsNoEndAndACutOffMessageIsCounted) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  TcpSender line(server.port());
  ASSERT_TRUE(line.send("<14>one\n<14>two"));
  line.close();
  EXPECT_EQ(server.wait_for_texts(2), (std::vector<std::string>{"one", "two"}));
  TcpSender octets(server.port());
  ASSERT_TRUE(octets.send("100 <14>half of"));
  octets.close();
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_dropped_total", {"cut_off"}) == 1; }));
  TcpSender reset(server.port());
  ASSERT_TRUE(reset.send("<14>half a line"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == 15 + 15 + 15; }));
  reset.reset();
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_dropped_total", {"cut_off"}) == 2; }));
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_connections") == 0; }));
  EXPECT_TRUE(server.ingest.take_events().empty());
}

TEST(SyslogTcp, ManyConnectionsAtATime) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  std::vector<std::unique_ptr<TcpSender>> senders;
  for (int i = 0; i < 200; ++i) senders.push_back(std::make_unique<TcpSender>(server.port()));
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < senders.size(); ++i)
      ASSERT_TRUE(senders[i]->send(fmt::format("<14>{} {}\n", round, i)));
  }
  auto texts = server.wait_for_texts(1000);
  std::ranges::sort(texts);
  EXPECT_EQ(std::ranges::unique(texts).size(), 0u);
  EXPECT_EQ(server.metric("hecate_syslog_connections"), 200);
}

TEST(SyslogTcp, MoreConnectionsThanAllowedAreTurnedAway) {
  daemon::SyslogInput input = syslog_input(Protocol::tcp);
  input.max_connections = 1;
  SyslogServer server({input});
  TcpSender first(server.port());
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_syslog_connections") == 1; }));
  TcpSender second(server.port());
  EXPECT_TRUE(second.closed());
  EXPECT_EQ(server.metric("hecate_syslog_connections_closed_total", {"limit"}), 1);
  ASSERT_TRUE(first.send("<14>a\n"));
  EXPECT_EQ(server.wait_for_texts(1), std::vector<std::string>{"a"});
}

TEST(SyslogTcp, SilentConnectionsAreClosed) {
  daemon::SyslogInput input = syslog_input(Protocol::tcp);
  input.idle = 20 * kMillisecond;
  SyslogServer idle({input});
  TcpSender silent(idle.port());
  EXPECT_TRUE(silent.closed());
  EXPECT_EQ(idle.metric("hecate_syslog_connections_closed_total", {"idle"}), 1);
  SyslogServer server({syslog_input(Protocol::tcp)}, {.progress = 20ms});
  TcpSender half(server.port());
  ASSERT_TRUE(half.send("<14>half"));
  EXPECT_TRUE(half.closed());
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_dropped_total", {"cut_off"}) == 1; }));
}

// Halves of messages are what a hostile sender can fill memory with.
TEST(SyslogTcp, UnfinishedMessagesHaveABoundOnAllConnectionsTogether) {
  daemon::SyslogInput input = syslog_input(Protocol::tcp);
  input.max_message = 1024 * 1024;
  SyslogServer server({input}, {}, 4 * 1024 * 1024);
  std::vector<std::unique_ptr<TcpSender>> senders;
  for (int i = 0; i < 4; ++i) {
    senders.push_back(std::make_unique<TcpSender>(server.port()));
    (void)senders.back()->send("1000000 <" + std::string(600'000, 'x'));
  }
  EXPECT_TRUE(
      eventually([&] { return server.metric("hecate_syslog_connections_closed_total", {"memory"}) == 1; }));
  EXPECT_EQ(server.metric("hecate_syslog_connections"), 3);
}

// A full queue stops the reading; nothing is lost, and the sender is held up by TCP itself.
TEST(SyslogTcp, AFullQueueStopsTheReading) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  server.ingest.full = true;
  TcpSender sender(server.port());
  std::string line = "<14>" + std::string(10'000, 'x') + "\n";
  std::string burst;
  for (int i = 0; i < 100; ++i) burst += line;
  // Until nothing goes any more: far more than the queue's refusal alone would have let in.
  std::size_t sent = 0;
  std::size_t at = 0;
  constexpr std::size_t kMoreThanSocketsHold = 256 * 1024 * 1024;
  while (sent < kMoreThanSocketsHold && sender.takes_more(std::chrono::milliseconds(100))) {
    std::size_t went = sender.send_what_goes(std::string_view(burst).substr(at));
    sent += went;
    at = (at + went) % burst.size();
  }
  ASSERT_LT(sent, kMoreThanSocketsHold);
  ASSERT_TRUE(server.ingest.take_events().empty());
  double read = server.metric("hecate_bytes_received_total");
  EXPECT_LT(read, static_cast<double>(sent));
  server.ingest.full = false;
  std::thread rest([&] { (void)sender.send(std::string_view(burst).substr(at)); });
  std::size_t lines = (sent - at + burst.size()) / line.size();
  EXPECT_EQ(server.wait_for_events(lines).size(), lines);
  rest.join();
}

// What the journal refused is kept and comes once it can be stored, once.
TEST(SyslogTcp, WhatCannotBeStoredIsKept) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  server.ingest.disk_bad = true;
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>a\n"));
  ASSERT_TRUE(eventually([&] { return server.ingest.finished() > 0; }));
  ASSERT_TRUE(sender.send("<14>b\n"));
  server.ingest.disk_bad = false;
  EXPECT_EQ(server.wait_for_texts(2), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_messages_total") == 2; }));
  EXPECT_EQ(server.metric("hecate_syslog_dropped_total"), 0);
}

TEST(SyslogTcp, TroubleStopsTheReading) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  server.trouble = true;
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>a\n"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == 6; }));
  ASSERT_TRUE(sender.send("<14>b\n"));
  EXPECT_EQ(server.ingest.waiting(), 0u);
  EXPECT_TRUE(server.ingest.take_events().empty());
  EXPECT_EQ(server.metric("hecate_bytes_received_total"), 6);
  server.trouble = false;
  EXPECT_EQ(server.wait_for_texts(2), (std::vector<std::string>{"a", "b"}));
}

// What has arrived by the stop is evaluated before `drain` returns; the connection is closed then.
TEST(SyslogTcp, AStopTakesWhatHasArrived) {
  SyslogServer server({syslog_input(Protocol::tcp), [] {
                         auto udp = syslog_input(Protocol::udp);
                         udp.name = "udp";
                         return udp;
                       }()});
  std::vector<std::unique_ptr<TcpSender>> senders;
  for (int i = 0; i < 20; ++i) {
    senders.push_back(std::make_unique<TcpSender>(server.port()));
    for (int j = 0; j < 50; ++j) ASSERT_TRUE(senders.back()->send("<14>a\n"));
  }
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_syslog_connections") == 20; }));
  UdpSender udp(server.port(1));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(udp.send("<14>a"));
  server.listener->drain();
  EXPECT_EQ(server.ingest.take_events().size(), 1050u);
  EXPECT_TRUE(senders[0]->closed());
  TcpSender late(server.port());
  EXPECT_FALSE(late.send("x"));
}

// The stop comes while nothing is read: what stands in the sockets is still taken once there is room.
TEST(SyslogTcp, AStopReadsWhatIsStillInTheSockets) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  server.ingest.full = true;
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>a\n"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == 6; }));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(sender.send("<14>a\n"));
  std::thread stop([&] { server.listener->drain(); });
  EXPECT_TRUE(eventually([&] { return !TcpSender(server.port()).send("x"); }));
  EXPECT_EQ(server.metric("hecate_bytes_received_total"), 6);
  server.ingest.full = false;
  stop.join();
  EXPECT_EQ(server.ingest.take_events().size(), 1001u);
}

TEST(SyslogTcp, AStopDoesNotWaitForEverOnABadDisk) {
  SyslogServer server({syslog_input(Protocol::tcp)}, {.closing = 50ms});
  server.trouble = true;
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>a\n<14>b\n"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == 12; }));
  server.listener->drain();
  EXPECT_EQ(server.metric("hecate_syslog_dropped_total", {"not_stored"}), 2);
}

// What was evaluated and not stored, again and again, counts as dropped and as nothing else.
TEST(SyslogTcp, WhatIsGivenUpCountsAsDroppedOnly) {
  SyslogServer server({syslog_input(Protocol::tcp)}, {.closing = 50ms});
  server.ingest.disk_bad = true;
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>a\n<14>b\n"));
  ASSERT_TRUE(eventually([&] { return server.ingest.finished() > 1; }));
  server.listener->drain();
  EXPECT_EQ(server.metric("hecate_syslog_frames_total"), 2);
  EXPECT_EQ(server.metric("hecate_syslog_dropped_total", {"not_stored"}), 2);
  EXPECT_EQ(server.metric("hecate_syslog_messages_total"), 0);
}

TEST(SyslogUdp, EachDatagramIsAMessage) {
  SyslogServer server({syslog_input(Protocol::udp)});
  UdpSender sender(server.port());
  ASSERT_TRUE(sender.send(message("<Event>\n<System/>\n</Event>\n")));
  ASSERT_TRUE(sender.send("7 <14>abc"));
  ASSERT_TRUE(sender.send("<14>" + std::string(60'000, 'x')));
  auto events = server.wait_for_events(3);
  EXPECT_EQ(events[0].raw, "<Event>\n<System/>\n</Event>");
  EXPECT_EQ(events[0].host, "lnx-1");
  EXPECT_EQ(events[1].raw, "7 <14>abc");
  EXPECT_EQ(events[1].fallback_host, "127.0.0.1");
  EXPECT_EQ(events[2].raw.size(), 60'000u);
  EXPECT_EQ(server.metric("hecate_syslog_frames_total", {"datagram"}), 3);
}

TEST(SyslogUdp, TooLongDatagramsAreCutAndCounted) {
  daemon::SyslogInput input = syslog_input(Protocol::udp);
  input.max_message = 1024;
  SyslogServer server({input});
  UdpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>" + std::string(2000, 'x')));
  EXPECT_EQ(server.wait_for_texts(1)[0].size(), 1020u);
  EXPECT_EQ(server.metric("hecate_syslog_truncated_total"), 1);
}

// Whatever the machine can do: each message is an event, or counted where it was dropped.
TEST(SyslogUdp, InABurstSentIsReceivedAndCountedDrops) {
  constexpr int kMessages = 50'000;
  for (std::size_t buffer : {std::size_t{64} * 1024, std::size_t{32} * 1024 * 1024}) {
    daemon::SyslogInput input = syslog_input(Protocol::udp);
    input.receive_buffer = buffer;
    SyslogServer server({input});
    UdpSender sender(server.port());
    std::string body(700, 'x');
    for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(sender.send(fmt::format("<14>{} {}", i, body)));
    std::size_t events = 0;
    auto dropped = [&](const char* reason) { return server.metric("hecate_syslog_dropped_total", {reason}); };
    EXPECT_TRUE(eventually([&] {
      events += server.ingest.take_events().size();
      return static_cast<double>(events) + dropped("kernel") + dropped("queue_full") == kMessages;
    })) << events
        << " events, " << dropped("kernel") << " and " << dropped("queue_full") << " dropped";
    EXPECT_EQ(server.metric("hecate_syslog_frames_total"),
              static_cast<double>(events) + dropped("queue_full"));
    EXPECT_EQ(dropped("not_stored"), 0);
  }
}

TEST(SyslogUdp, WhatComesWhileTheQueueIsFullIsDroppedAndCounted) {
  SyslogServer server({syslog_input(Protocol::udp)});
  server.ingest.full = true;
  UdpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>kept"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_syslog_frames_total") == 1; }));
  double dropped = 0;
  ASSERT_TRUE(eventually([&] {
    (void)sender.send("<14>dropped");
    dropped = server.metric("hecate_syslog_dropped_total", {"queue_full"});
    return dropped >= 10;
  }));
  server.ingest.full = false;
  auto texts = server.wait_for_texts(1);
  EXPECT_EQ(texts[0], "kept");
}

TEST(SyslogUdp, WhatComesWhileNothingCanBeStoredIsDroppedAndCounted) {
  SyslogServer server({syslog_input(Protocol::udp)});
  server.trouble = true;
  UdpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>kept"));
  ASSERT_TRUE(eventually([&] {
    (void)sender.send("<14>dropped");
    return server.metric("hecate_syslog_dropped_total", {"not_stored"}) >= 10;
  }));
  server.trouble = false;
  EXPECT_EQ(server.wait_for_texts(1)[0], "kept");
}

TEST(SyslogListener, APortThatIsTakenIsNamed) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  daemon::SyslogInput same = syslog_input(Protocol::tcp);
  same.listen = fmt::format("127.0.0.1:{}", server.port());
  try {
    SyslogServer second({syslog_input(Protocol::udp), same});
    FAIL() << "was taken";
  } catch (const std::runtime_error& refused) {
    EXPECT_NE(std::string(refused.what()).find("inputs.syslog[1].listen"), std::string::npos)
        << refused.what();
  }
}

}  // namespace
}  // namespace hecate::testing
