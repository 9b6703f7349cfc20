#include "daemon/api.h"
#include "outputs/finding_list.h"

#include <charconv>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace hecate::daemon {
namespace {

constexpr int kMostFindings = 10'000;

// False where the text is there and no time.
bool read_time(const AdminRequest& request, std::string_view name, Time& time) {
  std::string text = request.parameter(name);
  if (text.empty()) return true;
  auto read = parse_epoch(text);
  if (!read) read = parse_timestamp(text);
  if (read) time = *read;
  return read.has_value();
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// `<created>-<seq>`, as `next_link` writes it.
bool read_place(std::string_view text, std::optional<outputs::FindingPlace>& place) {
  if (text.empty()) return true;
  std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  place.emplace();
  return read_number(text.substr(0, dash), place->created) && read_number(text.substr(dash + 1), place->seq);
}

// The same request from `place` on.
std::string next_link(const AdminRequest& request, const outputs::FindingPlace& place) {
  std::string query;
  for (std::size_t at = 0; at < request.query.size();) {
    std::size_t end = std::min(request.query.find('&', at), request.query.size());
    std::string pair = request.query.substr(at, end - at);
    if (!pair.empty() && !pair.starts_with("before=")) query += pair + '&';
    at = end + 1;
  }
  // What would end the link early is percent-encoded by whoever wrote the query.
  std::erase_if(query, [](unsigned char c) { return c <= ' ' || c == '<' || c == '>' || c >= 127; });
  return fmt::format("<{}?{}before={}-{}>; rel=\"next\"", request.path, query, place.created, place.seq);
}

AdminAnswer unreadable(const Error& error) {
  spdlog::error("the findings could not be listed: {}", error.message);
  return error_answer(500, "the findings could not be read; see the log");
}

}  // namespace

AdminAnswer findings_answer(store::Database& reader, const AdminRequest& request) {
  if (auto refused =
          refuse_unknown(request, {"since", "until", "before", "limit", "detection", "host", "brief"}))
    return std::move(*refused);
  outputs::FindingListQuery query;
  for (auto [name, time] : {std::pair{"since", &query.since}, {"until", &query.until}})
    if (!read_time(request, name, *time))
      return error_answer(400,
                          fmt::format("{}: seconds since 1970 or a time such as 2026-04-27T13:00:00Z", name));
  if (std::string text = request.parameter("limit"); !text.empty())
    if (!read_number(text, query.limit) || query.limit < 1 || query.limit > kMostFindings)
      return error_answer(400, "limit: a whole number from 1 to 10000");
  if (!read_place(request.parameter("before"), query.before))
    return error_answer(400, "before: take it from the Link header of the list before");
  query.detection = request.parameter("detection");
  query.host = request.parameter("host");
  query.brief = !request.parameter("brief").empty();
  auto list = outputs::list_findings(reader, query);
  if (!list) return unreadable(list.error());
  AdminAnswer answer{200, "application/json", std::move(list->json)};
  if (list->next) answer.headers.emplace_back("Link", next_link(request, *list->next));
  return answer;
}

AdminAnswer finding_answer(store::Database& reader, const AdminRequest& request) {
  if (auto refused = refuse_unknown(request, {"id"})) return std::move(*refused);
  auto shown = outputs::show_finding(reader, request.parameter("id"));
  if (!shown) return unreadable(shown.error());
  if (!*shown)
    return error_answer(404, "there is no finding of this id; it may have been removed (retention.findings)");
  return {200, "application/json", std::move(**shown)};
}

}  // namespace hecate::daemon
