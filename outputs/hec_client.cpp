#include "outputs/hec_client.h"

#include "outputs/guid.h"
#include "outputs/hec_tls.h"
#include "outputs/hec_url.h"
#include "outputs/http_connection.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::outputs {
namespace {

constexpr int kDataChannelMissing = 10;

class PostingHecClient final : public HecClient {
 public:
  PostingHecClient(std::string token, HecUrl url, std::unique_ptr<HttpConnection> connection)
      : token_(std::move(token)), url_(std::move(url)), connection_(std::move(connection)) {}

  Result<HecAnswer> post(std::string_view body) override {
    auto answer = post_events(body);
    if (answer && answer->status == 400 && answer->code == kDataChannelMissing && channel_.empty()) {
      if (auto made = take_channel(); !made) return std::unexpected(made.error());
      answer = post_events(body);
    }
    if (!answer && !channel_.empty()) renew_channel();
    return answer;
  }

  Result<HecAnswer> query_acks(const std::string& channel, const std::vector<std::uint64_t>& ids,
                               std::vector<std::uint64_t>& acknowledged) override {
    std::string body = fmt::format(R"({{"acks":[{}]}})", fmt::join(ids, ","));
    auto response = exchange(fmt::format("{}?channel={}", url_.ack_target(), channel), channel, body);
    if (!response) return std::unexpected(response.error());
    if (response->status == 200) acknowledged = read_acknowledged(response->body);
    return to_answer(*response);
  }

  // Without a new one, the endpoint's next answer (code 10) asks again.
  void renew_channel() override {
    channel_.clear();
    (void)take_channel();
  }
  void cancel() override { connection_->cancel(); }

 private:
  Result<void> take_channel() {
    auto made = make_guid();
    if (!made) return std::unexpected(made.error());
    channel_ = std::move(*made);
    return {};
  }

  Result<HecAnswer> post_events(std::string_view body) {
    auto response = exchange(url_.target, channel_, body);
    if (!response) return std::unexpected(response.error());
    HecAnswer answer = to_answer(*response);
    if (answer.ack_id) answer.channel = channel_;
    return answer;
  }

  static HecAnswer to_answer(const HttpResponse& response) {
    HecAnswer answer = read_hec_answer(response.status, response.body);
    answer.retry_after = read_retry_after(response.retry_after, response.date);
    return answer;
  }

  Result<HttpResponse> exchange(std::string target, const std::string& channel, std::string_view body) {
    HttpRequest request{
        .target = std::move(target),
        .headers = {{"Authorization", "Splunk " + token_}, {"Content-Type", "application/json"}},
        .body = body};
    if (!channel.empty()) request.headers.emplace_back("X-Splunk-Request-Channel", channel);
    if (!cookies_.empty()) request.headers.emplace_back("Cookie", cookie_header());
    auto response = connection_->post(request);
    if (response) remember_cookies(response->cookies);
    return response;
  }

  // A load balancer that keeps a client at one indexer by a cookie: only that one knows the ackIds it gave.
  void remember_cookies(const std::vector<std::string>& cookies) {
    for (const std::string& each : cookies) {
      std::size_t equals = each.find('=');
      if (equals != std::string::npos) cookies_[each.substr(0, equals)] = each.substr(equals + 1);
    }
  }
  [[nodiscard]] std::string cookie_header() const {
    std::string header;
    for (const auto& [name, value] : cookies_)
      header += fmt::format("{}{}={}", header.empty() ? "" : "; ", name, value);
    return header;
  }

  std::string token_;
  HecUrl url_;
  std::unique_ptr<HttpConnection> connection_;
  std::string channel_;  // empty: the endpoint has not asked for one
  std::map<std::string, std::string> cookies_;
};

}  // namespace

Result<std::unique_ptr<HecClient>> HecClient::make(HecEndpoint endpoint, HecNetwork network) {
  auto url = parse_hec_url(endpoint.url);
  if (!url) return std::unexpected(url.error());
  auto proxy = find_proxy(*url, network.environment);
  if (!proxy) return std::unexpected(proxy.error());
  HttpPeer peer{.url = *url,
                .tls = std::nullopt,
                .proxy = std::move(*proxy),
                .lookup = std::move(network.lookup),
                .timeout = endpoint.timeout,
                .connect_timeout = endpoint.connect_timeout};
  if (url->tls) {
    auto tls = HecTls::load(endpoint);
    if (!tls) return std::unexpected(tls.error());
    peer.tls = std::move(*tls);
  }
  return std::make_unique<PostingHecClient>(std::move(endpoint.token), std::move(*url),
                                            HttpConnection::make(std::move(peer)));
}

}  // namespace hecate::outputs
