#pragma once

#include "outputs/address_lookup.h"
#include "outputs/hec_answer.h"
#include "outputs/proxy.h"
#include "pipeline/base/error.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

// Where to post: an http or https URL of a HEC endpoint (`https://splunk:8088`; a path other than `/` is used
// as it stands, else /services/collector/event) and its token.
struct HecEndpoint {
  std::string url;
  std::string token;
  std::string ca_file = "";  // PEM; the system's own when empty
  std::string cert_file =
      "";  // PEM: the client's certificate and those between it and the CA; none when empty
  std::string key_file = "";                  // PEM, without a password; in cert_file when empty
  bool verify = true;                         // of the server's certificate and name
  std::chrono::milliseconds timeout{30'000};  // for each answer
  // For each step until there is a connection: address, TCP, proxy, TLS.
  std::chrono::milliseconds connect_timeout{10'000};
};

// What a client asks of the machine that it runs on.
struct HecNetwork {
  Lookup lookup = look_up_by_system;
  Environment environment = process_environment;  // for the proxy
};

// One keep-alive connection to a HEC endpoint, opened when needed and again after an error; through the proxy
// that the environment names (proxy.h). Certificates that changed on disk are taken with the next connection.
// An endpoint that asks for a channel (400, code 10) gets one, a GUID of this client. Blocking; one thread.
class HecClient {
 public:
  // Refuses a URL, certificates or a proxy that cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<HecClient>> make(HecEndpoint endpoint, HecNetwork network = {});
  virtual ~HecClient() = default;
  // Posts one body (HEC envelopes one after another). An Error means that no answer came: the body may or may
  // not have been taken. Then the next one goes out on a channel of its own, so that an ackId that was lost
  // is never taken for another.
  [[nodiscard]] virtual Result<HecAnswer> post(std::string_view body) = 0;
  // Asks which of these are indexed: the answer, and those that are, in `acknowledged`. An endpoint tells
  // that once; what it does not know, or no longer, it leaves out.
  [[nodiscard]] virtual Result<HecAnswer> query_acks(const std::string& channel,
                                                     const std::vector<std::uint64_t>& ids,
                                                     std::vector<std::uint64_t>& acknowledged) = 0;
  // What is posted from now on goes out on a channel of its own.
  virtual void renew_channel() = 0;
  // Makes a running or future call return at once with an error; thread-safe.
  virtual void cancel() = 0;
};

}  // namespace hecate::outputs
