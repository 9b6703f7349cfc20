#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

// What a HEC endpoint answered.
struct HecAnswer {
  int status = 0;    // of HTTP
  int code = -1;     // of HEC's body; -1 when there is none
  std::string text;  // of HEC's body, or the body's first 200 bytes
  // Where the token has acknowledgement: what to ask for, and the channel that it was given on.
  std::optional<std::uint64_t> ack_id;
  std::string channel = "";
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
  [[nodiscard]] bool accepted() const { return status == 200 && code == 0; }
};

// Reads an answer to events; what is no HEC body leaves code and ackId out.
[[nodiscard]] HecAnswer read_hec_answer(int status, std::string_view body);
// The ids that an answer of /services/collector/ack has as true: `{"acks":{"0":true,"1":false}}`.
[[nodiscard]] std::vector<std::uint64_t> read_acknowledged(std::string_view body);
// `Retry-After`: seconds, or a date, which is taken from the answer's own `Date`. Nothing for anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> read_retry_after(std::string_view value,
                                                                        std::string_view date);

}  // namespace hecate::outputs
