#pragma once

#include "daemon/config.h"
#include "pipeline/decode/envelope.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The words of the HTTP Event Collector protocol: routes, tokens, codes and answers. No sockets here, and no
// state.
namespace hecate::daemon {

// HEC's own codes; those from 400 on are plain HTTP answers that carry their status as code.
enum class HecCode : int {
  success = 0,
  token_disabled = 1,
  token_required = 2,
  invalid_authorization = 3,
  invalid_token = 4,
  no_data = 5,
  invalid_format = 6,
  incorrect_index = 7,
  internal_error = 8,
  busy = 9,
  channel_missing = 10,
  invalid_channel = 11,
  event_required = 12,
  event_blank = 13,
  ack_disabled = 14,
  bad_fields = 15,
  query_token_disabled = 16,
  healthy = 17,
  unhealthy_queues = 18,
  unhealthy_ack = 19,
  unhealthy_queues_ack = 20,
  shutting_down = 23,
  bad_request = 400,
  not_found = 404,
  wrong_method = 405,
  too_large = 413,
  unsupported_encoding = 415,
  header_too_large = 431,
};

struct HecStatus {
  HecCode code;
  int http;
  std::string_view text;  // of the answer's body
};
[[nodiscard]] std::span<const HecStatus> hec_statuses();
[[nodiscard]] const HecStatus& hec_status(HecCode code);

// How a request ended: the code, and for codes about one event its number as the answer tells it.
struct HecVerdict {
  HecCode code = HecCode::success;
  std::optional<std::uint64_t> event_number;
  std::optional<std::uint64_t> ack_id;  // by which a sender asks later whether its request is stored
};
// What a walk over the body comes to. Numbers are zero-based, but for an incorrect index, which counts
// from 1.
[[nodiscard]] HecVerdict hec_verdict(const decode::EnvelopeResult& result);

// How an answer is framed.
struct HecFraming {
  bool keep_alive = true;
  bool http_1_0 = false;                     // keep-alive must be said
  bool head = false;                         // a HEAD request: no body
  std::string_view allow = "POST, OPTIONS";  // what the route takes
};
// The whole HTTP answer.
[[nodiscard]] std::string hec_answer(const HecVerdict& verdict, const HecFraming& framing);
// Likewise with a body of its own and 200.
[[nodiscard]] std::string hec_answer(std::string_view body, const HecFraming& framing);
// The body of an answer about acknowledgements: `{"acks":{"0":true,"1":false}}`.
[[nodiscard]] std::string hec_ack_body(std::span<const std::uint64_t> ids, const std::vector<bool>& stored);
// The answer to OPTIONS, which asks what a route takes.
[[nodiscard]] std::string hec_options_answer(const HecFraming& framing);

enum class HecRoute { none, event, raw, ack, health };
struct HecTarget {
  HecRoute route = HecRoute::none;
  std::string_view query;  // undecoded, without `?`; a slice of what was given
};
[[nodiscard]] HecTarget hec_target(std::string_view target);

// The tokens that may send. Compared in constant time; never logged, never in a message.
class HecTokens {
 public:
  explicit HecTokens(std::vector<HecToken> tokens) : tokens_(std::move(tokens)) {}

  // Who sends: `authorization` is the header's value, nullopt where there is none. With a header the query's
  // token is not looked at; without one it counts where it may stand there.
  struct Outcome {
    const HecToken* token = nullptr;  // set when code is success
    HecCode code = HecCode::success;
  };
  [[nodiscard]] Outcome check(std::optional<std::string_view> authorization, std::string_view query) const;

 private:
  [[nodiscard]] const HecToken* find(std::string_view text) const;
  std::vector<HecToken> tokens_;
};

// Whether two secrets are the same, in a time that does not tell where they differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

// The encodings of a body that are understood; nullopt: any other.
enum class HecEncoding { identity, gzip };
[[nodiscard]] std::optional<HecEncoding> hec_encoding(std::string_view header);

// Nothing but JSON's white space.
[[nodiscard]] bool blank(std::string_view body);

}  // namespace hecate::daemon
