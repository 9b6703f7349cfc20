#include "pipeline/decode/raw.h"

#include "pipeline/decode/shape.h"

#include <algorithm>
#include <cstring>

namespace hecate::decode {

namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kElement = "<Event";
constexpr std::string_view kAfterElement = " >/\t\r\n\v\f";  // as find_event_element has it
constexpr std::string_view kClosing = "</Event>";
constexpr std::string_view kLogName = "LogName=";

std::size_t find(std::string_view text, std::string_view what, std::size_t from) {
  if (from >= text.size()) return kNone;
  const void* found = ::memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return found == nullptr ? kNone : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// `04/27/2026 03:00:00 PM`: the first line of classic text.
bool is_date_line(std::string_view line) {
  constexpr std::string_view pattern = "00/00/0000 00:00:00";
  if (line.size() < pattern.size()) return false;
  return std::ranges::equal(line.substr(0, pattern.size()), pattern, [](char c, char expected) {
    return expected == '0' ? c >= '0' && c <= '9' : c == expected;
  });
}

bool is_wrapper(std::string_view line) {
  return line.starts_with("<?xml") || line.starts_with("<Events") || line.starts_with("</Events");
}

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

// Cuts one event after another from a body. Whatever the body, each byte is looked at a bounded number of
// times.
class Breaker {
 public:
  explicit Breaker(std::string_view body) : body_(body) {
    if (body_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  }

  // Empty at the end of the body.
  std::string_view next() {
    while (at_ < body_.size()) {
      std::size_t begin = at_;
      std::size_t size = take(begin);
      std::string_view event = without_line_end(body_.substr(begin, size));
      if (!trim(event).empty()) return event;
    }
    return {};
  }

 private:
  [[nodiscard]] std::string_view line_at(std::size_t begin) {
    if (newline_ < begin || begin == 0) newline_ = std::min(body_.find('\n', begin), body_.size());
    return body_.substr(begin, newline_ - begin);
  }

  // The size of the event at `begin`, 0 for what is none; goes on behind it. What stands before the event and
  // is not its own is passed over.
  std::size_t take(std::size_t& begin) {
    std::string_view line = line_at(begin);
    std::size_t line_end = std::min(begin + line.size() + 1, body_.size());
    bool dated = is_date_line(line) && body_.substr(line_end).starts_with(kLogName);
    if (dated || line.starts_with(kLogName)) return until(find_next_block(line_end, dated), begin);
    std::size_t element = find_event_element(line);
    if (element != kNone) {
      std::string_view before = line.substr(0, element);
      bool markup = trim(before).starts_with('<') && !is_log_head(before);
      std::size_t end = find_element_end(begin + element, line_end);
      if (markup || trim(before).empty()) begin += element;
      return until(end, begin);
    }
    until(line_end, begin);
    return is_wrapper(trim(line)) ? 0 : line.size();
  }

  std::size_t until(std::size_t end, std::size_t begin) {
    at_ = end;
    return end - begin;
  }

  // Where the next block of classic text begins; inside a dated one, `LogName=` alone is text of its message.
  [[nodiscard]] std::size_t find_next_block(std::size_t from, bool dated) const {
    for (std::size_t at = find(body_, kLogName, from); at != kNone; at = find(body_, kLogName, at + 1)) {
      if (body_[at - 1] != '\n' || (dated && at == from)) continue;
      std::size_t line = at - 1 > from ? body_.rfind('\n', at - 2) + 1 : at;
      if (line >= from && is_date_line(body_.substr(line))) return line;
      if (!dated) return at;
    }
    return body_.size();
  }

  // Behind its closing tag; one that has none ends where the next begins, else with its line.
  std::size_t find_element_end(std::size_t element, std::size_t line_end) {
    std::size_t after = element + kElement.size();
    if (body_.substr(after).starts_with("/>")) return after + 2;
    if (closing_ != kNone && closing_ < after) closing_ = find(body_, kClosing, after);
    std::size_t next = find_element(after, std::min(closing_, body_.size()));
    if (next != kNone) return next;
    return closing_ == kNone ? line_end : closing_ + kClosing.size();
  }

  [[nodiscard]] std::size_t find_element(std::size_t from, std::size_t end) const {
    std::string_view text = body_.substr(0, end);
    for (std::size_t at = find(text, kElement, from); at != kNone; at = find(text, kElement, at + 1)) {
      std::size_t after = at + kElement.size();
      if (after < text.size() && kAfterElement.contains(text[after])) return at;
    }
    return kNone;
  }

  std::string_view body_;
  std::size_t at_ = 0;
  std::size_t newline_ = 0;  // the first line break at or behind the line last looked at
  std::size_t closing_ = 0;  // the first closing tag behind what was last looked at; kNone: there is no more
};

}  // namespace

EnvelopeResult read_raw(std::string_view padded_body, const EnvelopeDefaults& defaults,
                        const EnvelopeReader::EventSink& event) {
  EnvelopeResult result;
  Breaker breaker(padded_body);
  for (std::string_view text = breaker.next(); !text.empty(); text = breaker.next()) {
    if (text.size() > kMostEventBytes) {
      result.error = EnvelopeError::invalid_format;
      result.bad_event = result.events;
      break;
    }
    EventView view;
    view.envelope_time = defaults.time;
    view.host = defaults.host;
    view.source = defaults.source;
    view.sourcetype = defaults.sourcetype;
    view.index = defaults.index;
    view.raw = text;
    view.shape = shape_of(text);
    ++result.events;
    event(view);
  }
  return result;
}

}  // namespace hecate::decode
