#pragma once

#include "pipeline/base/error.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace hecate::outputs {

// Where to post: an http or https URL of a HEC endpoint (`https://splunk:8088`; a path other than `/` is used
// as it stands, else /services/collector/event) and its token.
struct HecEndpoint {
  std::string url;
  std::string token;
  std::string ca_file = "";                   // PEM; the system's own when empty
  bool verify = true;                         // of the server's certificate and name
  std::chrono::milliseconds timeout{30'000};  // for connecting, and for each answer
};

struct HecAnswer {
  int status = 0;    // of HTTP
  int code = -1;     // of HEC's body; -1 when there is none
  std::string text;  // of HEC's body, or the body's first 200 bytes
  [[nodiscard]] bool accepted() const { return status == 200 && code == 0; }
};

// One keep-alive connection to a HEC endpoint, opened when needed and again after an error. Blocking; one
// thread.
class HecClient {
 public:
  [[nodiscard]] static Result<std::unique_ptr<HecClient>> make(HecEndpoint endpoint);
  virtual ~HecClient() = default;
  // Posts one body (HEC envelopes one after another). An Error means that no answer came: the body may or may
  // not have been taken.
  [[nodiscard]] virtual Result<HecAnswer> post(std::string_view body) = 0;
  // Makes a running or future `post` return at once with an error; thread-safe.
  virtual void cancel() = 0;
};

}  // namespace hecate::outputs
