#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace hecate::testing {

// One keep-alive connection to a HEC port on 127.0.0.1, which tells what became of a request. One thread.
class HecConnection {
 public:
  enum class Outcome {
    answered,   // a whole answer
    not_sent,   // nobody listens: nothing of it went out
    no_answer,  // it went out, as a whole or in part, and the connection ended
    torn,       // the connection ended within the answer
  };
  struct Answer {
    Outcome outcome;
    int status = 0;
    std::string body = {};
  };

  HecConnection() = default;
  ~HecConnection() { close(); }
  HecConnection(const HecConnection&) = delete;
  HecConnection& operator=(const HecConnection&) = delete;

  [[nodiscard]] Answer post(int port, const std::string& token, const std::string& body);
  void close();

 private:
  [[nodiscard]] bool open(int port);
  [[nodiscard]] Answer read_answer();

  int socket_ = -1;
};

// How often an event was sent: with the answer 200, and without any answer. It must count at least as often
// as the first says, and at most as often as both together.
struct TimesSent {
  int answered = 0;
  int unanswered = 0;
};

// Log shippers: threads, each with a connection, that send events without a pause. What was not answered with
// 200 is sent again, to the port that is told next.
class Shippers {
 public:
  // Gives the HEC envelope of the event of that number; called from all threads.
  using MakeEvent = std::function<std::string(std::size_t number)>;

  Shippers(int connections, std::string token, MakeEvent make_event);
  ~Shippers();

  void send_to(int port);
  // Waits until that many more requests were answered 200; false when it takes too long.
  [[nodiscard]] bool wait_for_answers(std::size_t requests);
  // Sends no new events, and waits until all that were sent are answered; false when it takes too long.
  [[nodiscard]] bool settle();

  // By number of the event; after `settle`.
  [[nodiscard]] std::vector<TimesSent> times_sent() const;
  // How many answers there were with another status than 200, by status and body; connections that ended
  // within an answer are among them.
  [[nodiscard]] std::map<std::string, int> refusals() const;

 private:
  struct Request {
    std::vector<std::size_t> events;
    std::string body;
  };

  void ship(unsigned seed);
  [[nodiscard]] Request next_request(std::mt19937& random);
  // The port to send to, newer than `generation`, which is brought up to date; 0 to end.
  [[nodiscard]] int wait_for_port(std::size_t& generation);
  // True when it needs not be sent again.
  [[nodiscard]] bool record(const Request& request, const HecConnection::Answer& answer);

  const std::string token_;
  const MakeEvent make_event_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  int port_ = 0;
  std::size_t generation_ = 0;  // of the port
  bool settling_ = false;
  bool stopping_ = false;
  std::size_t at_work_;  // threads that may still send
  std::size_t answers_ = 0;
  std::vector<TimesSent> times_sent_;
  std::map<std::string, int> refusals_;

  std::vector<std::thread> threads_;
};

}  // namespace hecate::testing
