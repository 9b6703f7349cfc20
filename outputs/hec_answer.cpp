#include "outputs/hec_answer.h"

#include <charconv>
#include <ctime>

#include <simdjson.h>

namespace hecate::outputs {
namespace {

constexpr std::size_t kShownOfAnswer = 200;

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// `Tue, 24 Nov 2026 08:14:17 GMT`.
std::optional<std::time_t> http_date(std::string_view text) {
  std::tm parts{};
  std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace

HecAnswer read_hec_answer(int status, std::string_view body) {
  HecAnswer answer{.status = status, .text = std::string(body.substr(0, kShownOfAnswer)), .ack_id = {}};
  simdjson::dom::parser json;
  simdjson::dom::object object;
  if (json.parse(body.data(), body.size()).get(object) != simdjson::SUCCESS) return answer;
  std::int64_t code = 0;
  if (object["code"].get(code) == simdjson::SUCCESS) answer.code = static_cast<int>(code);
  std::string_view text;
  if (object["text"].get(text) == simdjson::SUCCESS) answer.text = text.substr(0, kShownOfAnswer);
  std::uint64_t ack_id = 0;
  if (object["ackId"].get(ack_id) == simdjson::SUCCESS) answer.ack_id = ack_id;
  return answer;
}

std::vector<std::uint64_t> read_acknowledged(std::string_view body) {
  std::vector<std::uint64_t> ids;
  simdjson::dom::parser json;
  simdjson::dom::object acks;
  if (json.parse(body.data(), body.size())["acks"].get(acks) != simdjson::SUCCESS) return ids;
  for (auto [key, value] : acks) {
    bool acknowledged = false;
    auto id = whole_number<std::uint64_t>(key);
    if (id && value.get(acknowledged) == simdjson::SUCCESS && acknowledged) ids.push_back(*id);
  }
  return ids;
}

std::optional<std::chrono::milliseconds> read_retry_after(std::string_view value, std::string_view date) {
  constexpr std::int64_t kDay = 86'400;
  std::optional<std::int64_t> seconds = whole_number<std::int64_t>(value);
  if (!seconds) {
    auto until = http_date(value);
    auto from = http_date(date);
    if (until && from) seconds = *until - *from;
  }
  if (!seconds || *seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min(*seconds, kDay));
}

}  // namespace hecate::outputs
