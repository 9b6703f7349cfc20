#pragma once

#include "daemon/buffer_pool.h"
#include "daemon/network.h"
#include "daemon/syslog_config.h"
#include "daemon/syslog_metrics.h"
#include "pipeline/ingest/ingest.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The way of messages from the syslog listener's sockets into Ingest, and what holds them up. For the
// listener's own sources only; all of it is the network thread's alone.
namespace hecate::daemon {

// Takes batches to Ingest and keeps those that are not stored, until they are: a syslog sender cannot send
// again. While something waits, or too much is under way, it is closed: streams are not read, datagrams are
// dropped.
class SyslogFlow {
 public:
  // `most_bytes`: of batches that are under way. `retry`: how often what waits is tried again.
  SyslogFlow(boost::asio::io_context& io, ingest::Ingest& ingest, std::function<bool()> can_store,
             std::size_t most_bytes, std::chrono::milliseconds retry);

  // Messages of one input; they are counted by its metrics, which must outlive the flow's last batch.
  struct Load {
    ingest::Buffer body;
    syslog::Frames frames;
    std::size_t input = 0;  // Ingest's number of it
    SyslogMetrics* metrics = nullptr;
  };
  void send(Load load);

  [[nodiscard]] bool is_open() const { return waiting_.empty() && in_flight_ < most_bytes_; }
  // Why it is closed.
  [[nodiscard]] SyslogDrop reason() const;
  // Waits until it is open; false when it will not be any more.
  Awaitable<bool> wait_open();

  [[nodiscard]] bool at_rest() const { return waiting_.empty() && in_flight_ == 0; }
  // Whether anything was stored since the last call.
  [[nodiscard]] bool take_stored() { return std::exchange(stored_, false); }
  // Drops what waits, with a counter, and takes nothing in any more.
  void give_up();
  // Called whenever it may have come to rest.
  void set_rest_listener(std::function<void()> at_rest) { at_rest_ = std::move(at_rest); }

  // What was used before, where there is some, so that steady traffic does not allocate.
  [[nodiscard]] ingest::Buffer take_buffer() { return pool_.take(); }
  [[nodiscard]] syslog::Frames take_frames();
  [[nodiscard]] std::size_t most_bytes() const { return most_bytes_; }

 private:
  [[nodiscard]] bool try_submit(Load& load);
  void answered(Load load, const ingest::BatchResult& result);
  void go_on();
  void try_again_later();
  void drop(const Load& load);
  void keep(Load load);

  boost::asio::io_context& io_;
  ingest::Ingest& ingest_;
  std::function<bool()> can_store_;
  std::size_t most_bytes_;
  std::chrono::milliseconds retry_;
  BufferPool pool_;
  std::vector<syslog::Frames> spare_frames_;
  std::size_t in_flight_ = 0;
  std::deque<Load> waiting_;
  bool stuck_ = false;  // what waits does so because nothing can be stored
  bool given_up_ = false;
  bool stored_ = false;
  std::size_t lost_ = 0;  // messages that were dropped, not told yet
  bool retrying_ = false;
  NetworkTimer opened_;  // never expires; cancelled to wake those who wait
  NetworkTimer again_;
  std::function<void()> at_rest_;
};

// Gathers the messages of one input into batches, whichever connections they come by, and sends a batch off
// when it is large or when the network thread has nothing more to read at present.
class SyslogBatcher {
 public:
  SyslogBatcher(boost::asio::io_context& io, SyslogFlow& flow, std::size_t input, SyslogMetrics& metrics,
                std::shared_ptr<const syslog::EventDefaults> defaults);

  // The batch in hand, with room for `bytes` more behind what it holds; what it held may have been sent off.
  [[nodiscard]] ingest::Buffer& body(std::size_t bytes);
  [[nodiscard]] std::vector<syslog::Frame>& frames() { return frames_.list; }
  // Frames from `first` on came from `address`.
  void name_sender(std::size_t first, std::string_view address);
  // One message that stands elsewhere.
  void add(std::string_view message, std::string_view address);
  // To be called after frames were added.
  void send_soon();
  void send_now();

  static constexpr std::size_t kBatchBytes = 256 * 1024;

 private:
  boost::asio::io_context& io_;
  SyslogFlow& flow_;
  std::size_t input_;
  SyslogMetrics& metrics_;
  std::shared_ptr<const syslog::EventDefaults> defaults_;
  ingest::Buffer body_;
  syslog::Frames frames_;
  bool posted_ = false;
};

}  // namespace hecate::daemon
