// Syslog by TCP and UDP, as senders meet it; TLS has a file of its own.
#include "tests/daemon/syslog_fixture.h"
#include "tests/support/testing.h"

#include <future>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

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

constexpr std::size_t kMoreThanSocketsHold = 256 * 1024 * 1024;

// A sender of many lines that is held up by TCP itself.
class Burst {
 public:
  explicit Burst(int port) : sender_(port) {
    for (int i = 0; i < 100; ++i) lines_ += kLine;
  }
  // Until nothing goes any more, or far more than sockets hold went; how much that was.
  std::size_t send() {
    while (sent_ < kMoreThanSocketsHold && sender_.takes_more(std::chrono::milliseconds(100))) {
      std::size_t went = sender_.send_what_goes(std::string_view(lines_).substr(sent_ % lines_.size()));
      sent_ += went;
    }
    return sent_;
  }
  // Up to the end of a line; how many lines were sent in all.
  std::size_t send_rest() {
    std::string_view rest = std::string_view(lines_).substr(sent_ % lines_.size());
    return sender_.send(rest) ? (sent_ + rest.size()) / kLine.size() : 0;
  }

 private:
  static inline const std::string kLine = "<14>" + std::string(10'000, 'x') + "\n";
  std::string lines_;
  TcpSender sender_;
  std::size_t sent_ = 0;
};

// A full queue stops the reading; nothing is lost, and the sender is held up by TCP itself.
TEST(SyslogTcp, AFullQueueStopsTheReading) {
  SyslogServer server({syslog_input(Protocol::tcp)});
  server.ingest.full = true;
  Burst burst(server.port());
  std::size_t sent = burst.send();
  ASSERT_LT(sent, kMoreThanSocketsHold);
  ASSERT_TRUE(server.ingest.take_events().empty());
  EXPECT_LT(server.metric("hecate_bytes_received_total"), static_cast<double>(sent));
  server.ingest.full = false;
  std::size_t lines = burst.send_rest();
  EXPECT_EQ(server.wait_for_events(lines).size(), lines);
}

// So does much that is under way: HEC's senders have room.
TEST(SyslogTcp, HalfOfTheQueueUnderWayStopsTheReading) {
  constexpr std::size_t kQueue = 2 * 1024 * 1024;
  SyslogServer server({syslog_input(Protocol::tcp)}, {}, kQueue);
  server.ingest.hold(true);
  Burst burst(server.port());
  ASSERT_LT(burst.send(), kMoreThanSocketsHold);
  constexpr std::size_t kBatches = 2 * 256 * 1024;  // the one that fills it, and the one in hand
  EXPECT_LT(server.metric("hecate_bytes_received_total"), kQueue / 2 + kBatches);
  server.ingest.hold(false);
  std::size_t lines = burst.send_rest();
  EXPECT_EQ(server.wait_for_events(lines).size(), lines);
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
  daemon::SyslogInput udp = syslog_input(Protocol::udp);
  udp.name = "udp";
  SyslogServer server({syslog_input(Protocol::tcp), udp});
  server.trouble = true;
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>a\n"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total", {"in"}) == 6; }));
  ASSERT_TRUE(sender.send("<14>b\n"));
  // The listener looks at its sockets: what comes by UDP meanwhile is dropped, datagram for datagram.
  UdpSender other(server.port(1));
  for (int i = 1; i <= 10; ++i) {
    ASSERT_TRUE(other.send("<14>dropped"));
    ASSERT_TRUE(eventually([&] { return server.metric("hecate_syslog_dropped_total", {"udp"}) == i; }));
  }
  EXPECT_EQ(server.metric("hecate_bytes_received_total", {"in"}), 6);
  EXPECT_TRUE(server.ingest.take_events().empty());
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

// The stop comes before the listener could take some connections in: their senders are gone already, and
// think that all is well.
TEST(SyslogTcp, AStopTakesTheConnectionsThatWaitAtThePort) {
  constexpr int kSenders = 50;
  SyslogServer server({syslog_input(Protocol::tcp)});
  std::promise<void> go_on;
  std::promise<void> busy;
  server.ingest.at_next_submit([&] {
    busy.set_value();
    go_on.get_future().wait();
  });
  TcpSender first(server.port());
  ASSERT_TRUE(first.send("<14>first\n"));
  busy.get_future().wait();
  for (int i = 0; i < kSenders; ++i) {
    TcpSender sender(server.port());
    ASSERT_TRUE(sender.send("<14>a\n<14>without an end"));
  }
  std::promise<void> stopping;
  std::thread stop([&] {
    stopping.set_value();
    server.listener->drain();
  });
  stopping.get_future().wait();
  go_on.set_value();
  stop.join();
  EXPECT_EQ(server.ingest.take_events().size(), 1u + 2 * kSenders);
  EXPECT_EQ(server.metric("hecate_syslog_dropped_total"), 0);
}

// Half of what the process may open is HEC's, and some is left for the database and the admin port.
TEST(SyslogTcp, TakesNoMoreConnectionsThanItsShareOfOpenFiles) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  daemon::SyslogInput second = syslog_input(Protocol::tcp);
  second.name = "second";
  SyslogServer server({syslog_input(Protocol::tcp), second});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  constexpr std::size_t kShare = 16;
  std::vector<std::unique_ptr<TcpSender>> senders;
  for (std::size_t i = 0; i < kShare; ++i) senders.push_back(std::make_unique<TcpSender>(server.port(i % 2)));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_syslog_connections") == kShare; }));
  for (std::size_t input : {0, 1}) EXPECT_TRUE(TcpSender(server.port(input)).closed());
  for (const char* input : {"in", "second"})
    EXPECT_EQ(server.metric("hecate_syslog_connections_closed_total", {input, "files"}), 1) << input;
  senders.pop_back();
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_syslog_connections") == kShare - 1; }));
  TcpSender next(server.port());
  ASSERT_TRUE(next.send("<14>a\n"));
  EXPECT_EQ(server.wait_for_texts(1), std::vector<std::string>{"a"});
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
  EXPECT_TRUE(eventually([&] { return !TcpSender(server.port()).send("\n"); }));
  EXPECT_EQ(server.metric("hecate_bytes_received_total"), 6);
  server.ingest.full = false;
  stop.join();
  EXPECT_EQ(server.ingest.take_events().size(), 1001u);
}

// It waits on as long as anything is stored, and not beyond that.
TEST(SyslogTcp, AStopEndsWhenNothingIsStoredAnyMore) {
  SyslogServer server({syslog_input(Protocol::tcp)}, {.closing = 500ms});
  server.ingest.full = true;
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>a\n"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == 6; }));
  ASSERT_TRUE(sender.send("<14>b\n"));
  // On the listener's thread, so that it comes before the stop's end however slow this machine is: the first
  // batch that is tried with the port closed goes, and no other.
  std::function<void()> let_one_through = [&] {
    if (TcpSender(server.port()).send("\n")) return server.ingest.at_next_submit(let_one_through);
    server.ingest.full = false;
    server.ingest.at_next_submit([&] {
      EXPECT_TRUE(eventually([&] { return server.ingest.finished() == 1; }));
      server.ingest.disk_bad = true;
    });
  };
  server.ingest.at_next_submit(let_one_through);
  server.listener->drain();
  EXPECT_EQ(server.wait_for_texts(1), std::vector<std::string>{"a"});
  EXPECT_EQ(server.metric("hecate_syslog_dropped_total", {"not_stored"}), 1);
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
