#include "daemon/hec_protocol.h"

#include "daemon/url.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace hecate::daemon {

namespace {

constexpr std::array kStatuses = {
    HecStatus{HecCode::success, 200, "Success"},
    HecStatus{HecCode::token_disabled, 403, "Token disabled"},
    HecStatus{HecCode::token_required, 401, "Token is required"},
    HecStatus{HecCode::invalid_authorization, 401, "Invalid authorization"},
    HecStatus{HecCode::invalid_token, 403, "Invalid token"},
    HecStatus{HecCode::no_data, 400, "No data"},
    HecStatus{HecCode::invalid_format, 400, "Invalid data format"},
    HecStatus{HecCode::incorrect_index, 400, "Incorrect index"},
    HecStatus{HecCode::internal_error, 500, "Internal server error"},
    HecStatus{HecCode::busy, 503, "Server is busy"},
    HecStatus{HecCode::channel_missing, 400, "Data channel is missing"},
    HecStatus{HecCode::invalid_channel, 400, "Invalid data channel"},
    HecStatus{HecCode::event_required, 400, "Event field is required"},
    HecStatus{HecCode::event_blank, 400, "Event field cannot be blank"},
    HecStatus{HecCode::ack_disabled, 400, "ACK is disabled"},
    HecStatus{HecCode::bad_fields, 400, "Error in handling indexed fields"},
    HecStatus{HecCode::query_token_disabled, 400, "Query string authorization is not enabled"},
    HecStatus{HecCode::healthy, 200, "HEC is healthy"},
    HecStatus{HecCode::unhealthy_queues, 503, "HEC is unhealthy, queues are full"},
    HecStatus{HecCode::unhealthy_ack, 503, "HEC is unhealthy, ack service unavailable"},
    HecStatus{HecCode::unhealthy_queues_ack, 503,
              "HEC is unhealthy, queues are full, ack service unavailable"},
    HecStatus{HecCode::shutting_down, 503, "Server is shutting down"},
    HecStatus{HecCode::bad_request, 400, "Bad request"},
    HecStatus{HecCode::not_found, 404, "The requested URL was not found on this server."},
    HecStatus{HecCode::wrong_method, 405, "The method is not allowed for this URL."},
    HecStatus{HecCode::too_large, 413, "The request is larger than this server takes."},
    HecStatus{HecCode::unsupported_encoding, 415,
              "The content encoding is not supported; use gzip or identity."},
    HecStatus{HecCode::header_too_large, 431, "The request header is larger than this server takes."},
};

struct RouteEntry {
  std::string_view path;
  HecRoute route;
};
constexpr std::array kRoutes = {
    RouteEntry{"/services/collector", HecRoute::event},
    RouteEntry{"/services/collector/1.0", HecRoute::event},
    RouteEntry{"/services/collector/event", HecRoute::event},
    RouteEntry{"/services/collector/event/1.0", HecRoute::event},
    RouteEntry{"/services/collector/raw", HecRoute::raw},
    RouteEntry{"/services/collector/raw/1.0", HecRoute::raw},
    RouteEntry{"/services/collector/ack", HecRoute::ack},
    RouteEntry{"/services/collector/ack/1.0", HecRoute::ack},
    RouteEntry{"/services/collector/health", HecRoute::health},
    RouteEntry{"/services/collector/health/1.0", HecRoute::health},
};

constexpr std::string_view kSuccess =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n"
    R"({"text":"Success","code":0})";

std::string_view reason_phrase(int http) {
  switch (http) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

std::string_view connection_header(const HecFraming& framing) {
  if (!framing.keep_alive) return "Connection: close\r\n";
  return framing.http_1_0 ? "Connection: keep-alive\r\n" : "";
}

std::string answer(int http, std::string_view extra, std::string_view body, const HecFraming& framing) {
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}{}\r\n{}",
                     http, reason_phrase(http), body.size(), extra, connection_header(framing),
                     framing.head ? std::string_view() : body);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string decoded(text.size() / 4 * 3, '\0');
  int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  // OpenSSL counts the padding as bytes.
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  decoded.resize(static_cast<std::size_t>(size) - padding);
  return decoded;
}

// The token in an Authorization header: `Splunk T`, or Basic with the token as password, which is put into
// `decoded`; nullopt: malformed.
std::optional<std::string_view> token_of(std::string_view authorization, std::string& decoded) {
  std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::string_view scheme = authorization.substr(0, space);
  std::string_view value = trim(authorization.substr(space));
  if (value.empty() || value.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
  if (same_word(scheme, "splunk")) return value;
  if (!same_word(scheme, "basic")) return std::nullopt;
  std::optional<std::string> pair = decode_base64(value);
  if (!pair) return std::nullopt;
  std::size_t colon = pair->find(':');
  if (colon == std::string::npos || colon + 1 == pair->size()) return std::nullopt;
  decoded = std::move(*pair);
  return std::string_view(decoded).substr(colon + 1);
}

}  // namespace

std::span<const HecStatus> hec_statuses() {
  return kStatuses;
}

const HecStatus& hec_status(HecCode code) {
  const auto* found = std::ranges::find(kStatuses, code, &HecStatus::code);
  return found != kStatuses.end() ? *found : hec_status(HecCode::internal_error);
}

HecVerdict hec_verdict(const decode::EnvelopeResult& result) {
  using decode::EnvelopeError;
  switch (result.error) {
    case EnvelopeError::none:
      // An empty array holds no event at all.
      return {result.events > 0 ? HecCode::success : HecCode::no_data, {}, {}};
    case EnvelopeError::invalid_format:
      return {HecCode::invalid_format, result.bad_event, {}};
    case EnvelopeError::event_required:
      return {HecCode::event_required, result.bad_event, {}};
    case EnvelopeError::event_blank:
      return {HecCode::event_blank, result.bad_event, {}};
    case EnvelopeError::bad_fields:
      return {HecCode::bad_fields, result.bad_event, {}};
    case EnvelopeError::incorrect_index:
      return {HecCode::incorrect_index, result.bad_event + 1, {}};
  }
  return {HecCode::internal_error, {}, {}};
}

std::string hec_answer(const HecVerdict& verdict, const HecFraming& framing) {
  if (verdict.code == HecCode::success && !verdict.ack_id && framing.keep_alive && !framing.http_1_0 &&
      !framing.head) {
    return std::string(kSuccess);
  }
  const HecStatus& status = hec_status(verdict.code);
  std::string number;
  if (verdict.event_number) number = fmt::format(R"(,"invalid-event-number":{})", *verdict.event_number);
  if (verdict.ack_id) number = fmt::format(R"(,"ackId":{})", *verdict.ack_id);
  std::string extra;
  if (verdict.code == HecCode::busy) extra = "Retry-After: 1\r\n";
  if (verdict.code == HecCode::wrong_method) extra = fmt::format("Allow: {}\r\n", framing.allow);
  return answer(
      status.http, extra,
      fmt::format(R"({{"text":"{}","code":{}{}}})", status.text, static_cast<int>(status.code), number),
      framing);
}

std::string hec_answer(std::string_view body, const HecFraming& framing) {
  return answer(200, "", body, framing);
}

std::string hec_ack_body(std::span<const std::uint64_t> ids, const std::vector<bool>& stored) {
  std::string body = R"({"acks":{)";
  for (std::size_t i = 0; i < ids.size(); ++i)
    fmt::format_to(std::back_inserter(body), R"({}"{}":{})", i == 0 ? "" : ",", ids[i], bool{stored[i]});
  return body + "}}";
}

std::string hec_options_answer(const HecFraming& framing) {
  return fmt::format("HTTP/1.1 200 OK\r\nAllow: {}\r\nContent-Length: 0\r\n{}\r\n", framing.allow,
                     connection_header(framing));
}

HecTarget hec_target(std::string_view target) {
  // A request sent by way of a proxy may name the whole URL (RFC 9112, 3.2.2); the path begins behind the
  // host.
  if (std::size_t scheme = target.find("://"); scheme != std::string_view::npos && !target.starts_with('/')) {
    std::size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  std::size_t question = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(0, question);
  HecTarget result;
  result.query = target.substr(std::min(question + 1, target.size()));
  const auto* found = std::ranges::find(kRoutes, path, &RouteEntry::path);
  if (found != kRoutes.end()) result.route = found->route;
  return result;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

const HecToken* HecTokens::find(std::string_view text) const {
  // All are compared, so that the time does not tell which one was near.
  const HecToken* found = nullptr;
  for (const HecToken& token : tokens_) {
    if (same_secret(token.token, text)) found = &token;
  }
  return found;
}

HecTokens::Outcome HecTokens::check(std::optional<std::string_view> authorization,
                                    std::string_view query) const {
  std::string decoded;
  std::optional<std::string_view> text;
  bool by_header = authorization && !trim(*authorization).empty();
  if (by_header) {
    text = token_of(trim(*authorization), decoded);
    if (!text) return {nullptr, HecCode::invalid_authorization};
  } else {
    std::optional<std::string> given = query_parameter(query, "token");
    if (!given) return {nullptr, HecCode::token_required};
    decoded = std::move(*given);
    text = decoded;
  }
  const HecToken* token = find(*text);
  if (token == nullptr) return {nullptr, HecCode::invalid_token};
  if (token->disabled) return {nullptr, HecCode::token_disabled};
  if (!by_header && !token->query_string) return {nullptr, HecCode::query_token_disabled};
  return {token, HecCode::success};
}

std::optional<HecEncoding> hec_encoding(std::string_view header) {
  header = trim(header);
  if (header.empty() || same_word(header, "identity")) return HecEncoding::identity;
  if (same_word(header, "gzip") || same_word(header, "x-gzip")) return HecEncoding::gzip;
  return std::nullopt;
}

bool blank(std::string_view body) {
  return body.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace hecate::daemon
