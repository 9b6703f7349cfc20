#include "pipeline/decode/file_reader.h"

#include "pipeline/decode/byte_source.h"
#include "pipeline/decode/envelope.h"
#include "pipeline/decode/json_index.h"
#include "pipeline/decode/json_text.h"
#include "pipeline/decode/raw.h"
#include "pipeline/decode/shape.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

namespace hecate::decode {

namespace {

constexpr std::size_t kBlock = 256 * 1024;  // which a core's cache holds
constexpr std::size_t kPadding = 64;
constexpr std::uint64_t kSmallestPart = 4 * 1024 * 1024;
// What has not become an event by then is none; memory stays bounded.
constexpr std::size_t kLargestEvent = 64 * 1024 * 1024;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::uint64_t kProgressEvery = 4 * 1024 * 1024;

// The bytes read and not yet used up, with padding behind.
class Window {
 public:
  explicit Window(std::unique_ptr<ByteSource> source)
      : source_(std::move(source)), bytes_(kBlock + kPadding) {}

  [[nodiscard]] std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] bool at_end() const { return ended_; }
  void drop(std::size_t count) { begin_ += count; }

  // Reads on behind what is there, as much as one block. Views become invalid.
  // An error that comes behind some bytes is told by the next call: what was read before it is good.
  Result<std::size_t> more() {
    if (failed_) return std::unexpected(*failed_);
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (bytes_.size() < end_ + kBlock + kPadding)
      bytes_.resize(std::max(bytes_.size() * 2, end_ + kBlock + kPadding));
    std::size_t before = end_;
    while (end_ - before < kBlock && !ended_) {
      auto count = source_->read(bytes_.data() + end_, before + kBlock - end_);
      if (!count) {
        if (end_ == before) return std::unexpected(count.error());
        failed_ = count.error();
        break;
      }
      ended_ = *count == 0;
      end_ += *count;
    }
    std::memset(bytes_.data() + end_, 0, kPadding);
    return end_ - before;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  std::optional<Error> failed_;
};

// Takes the events out of pieces of text. One for each format.
class Splitter {
 public:
  Splitter(const FileDefaults& defaults, const std::function<void(EventView&)>& event, FileStats& stats)
      : defaults_(defaults), event_(event), stats_(stats) {}
  virtual ~Splitter() = default;
  // Hands out the events of `text` and says how much was used up; the rest comes again with more behind it,
  // unless it is the `last`.
  virtual std::size_t split(std::string_view text, bool last) = 0;

 protected:
  void give(std::string_view raw, Shape shape) {
    EventView view;
    view.host = defaults_.host;
    view.source = defaults_.source;
    view.sourcetype = defaults_.sourcetype;
    view.index = defaults_.index;
    view.raw = raw;
    view.shape = shape;
    give(view);
  }
  void give(EventView& view) {
    view.arrival = stats_.events++;
    event_(view);
  }
  void malformed() { ++stats_.malformed; }

  const FileDefaults& defaults_;

 private:
  const std::function<void(EventView&)>& event_;
  FileStats& stats_;
};

// JSON values one after another: objects, or strings that hold events. Brackets and commas of a list around
// them are passed over. HEC envelopes are objects like others here.
class JsonSplitter : public Splitter {
 public:
  using Splitter::Splitter;

  std::size_t split(std::string_view text, bool last) override {
    // A string cannot hold a line break, so no token is cut at one.
    std::size_t line_end = text.rfind('\n');
    if (!last && line_end != std::string_view::npos) text = text.substr(0, line_end + 1);
    JsonCursor in;
    if (index_.build(text, in)) return walk(text, in, last);
    if (!last && line_end == std::string_view::npos) return without_line_breaks(text);
    return by_lines(text, last);
  }

 protected:
  virtual void object(std::string_view value) { give(value, Shape::json); }
  void string(std::string_view inside) {
    text_.resize(inside.size() + kUnescapeRoom + kPadding);
    char* end = unescape(inside, text_.data());
    if (end == nullptr) return malformed();
    std::string_view text{text_.data(), static_cast<std::size_t>(end - text_.data())};
    give(text, shape_of(text));
  }

 private:
  std::size_t walk(std::string_view text, JsonCursor in, bool last) {
    while (!in.done()) {
      if (std::string_view("[],").contains(in.peek())) {
        in.advance();
        continue;
      }
      std::size_t begin = in.offset();
      std::string_view value;
      JsonWalk ended = skip_value(in, value);
      if (ended == JsonWalk::incomplete && !last) return begin;
      if (ended == JsonWalk::ok && value.front() == '{') {
        object(value);
      } else if (ended == JsonWalk::ok && value.front() == '"') {
        string(value.substr(1, value.size() - 2));
      } else {
        malformed();
        skip_line(text, begin, in);
      }
    }
    return text.size();
  }

  // Goes on behind the line in which the bad value began: one bad line costs no others.
  static void skip_line(std::string_view text, std::size_t begin, JsonCursor& in) {
    std::size_t line_end = std::min(text.find('\n', begin), text.size());
    if (!in.done() && in.offset() > line_end) return;
    while (!in.done() && in.offset() < line_end) in.advance();
  }

  // One value behind another on one line, and the piece ends inside a string: cuts back to a bracket outside
  // one.
  std::size_t without_line_breaks(std::string_view text) {
    constexpr int attempts = 64;
    JsonCursor in;
    for (int i = 0; i < attempts; ++i) {
      std::size_t bracket = text.substr(0, text.size() - (i > 0)).rfind('}');
      if (bracket == std::string_view::npos) return 0;
      text = text.substr(0, bracket + 1);
      if (index_.build(text, in)) return walk(text, in, false);
    }
    return 0;
  }

  // Somewhere in `text` is what is not UTF-8 or a string without end: only that line is lost.
  std::size_t by_lines(std::string_view text, bool last) {
    std::size_t at = 0;
    while (at < text.size()) {
      std::size_t line_end = text.find('\n', at);
      if (line_end == std::string_view::npos && !last) return at;
      std::string_view line = text.substr(at, line_end == std::string_view::npos ? line_end : line_end - at);
      at += line.size() + (line_end != std::string_view::npos);
      JsonCursor in;
      if (index_.build(line, in))
        walk(line, in, true);
      else
        malformed();
    }
    return text.size();
  }

  JsonIndex index_;
  std::vector<char> text_;
};

class HecSplitter final : public JsonSplitter {
 public:
  using JsonSplitter::JsonSplitter;

 private:
  void object(std::string_view value) override {
    EnvelopeDefaults defaults{defaults_.host, defaults_.source, defaults_.sourcetype, defaults_.index};
    auto result = reader_.read(value, defaults, {}, [this](EventView& view) { give(view); });
    if (result.error != EnvelopeError::none) malformed();
  }

  EnvelopeReader reader_;
};

class XmlSplitter final : public Splitter {
 public:
  using Splitter::Splitter;

  std::size_t split(std::string_view text, bool last) override {
    std::size_t at = 0;
    for (;;) {
      std::size_t begin = find_element(text, at);
      std::size_t end = begin == std::string_view::npos ? begin : find_end(text, begin);
      if (end == std::string_view::npos) {
        if (last) {
          count_junk(text.substr(at));
          return text.size();
        }
        // Without an element, all but what may be the first letters of one is used up at the last whole line.
        if (begin != std::string_view::npos) return count_junk(text.substr(at, begin - at)), begin;
        std::size_t line_end = text.rfind('\n');
        if (line_end == std::string_view::npos || line_end < at) return at;
        return count_junk(text.substr(at, line_end - at)), line_end + 1;
      }
      count_junk(text.substr(at, begin - at));
      give(text.substr(begin, end - begin), Shape::xml);
      at = end;
    }
  }

 private:
  static std::size_t find_element(std::string_view text, std::size_t from) {
    for (;;) {
      std::size_t at = find(text, "<Event", from);
      if (at == std::string_view::npos || at + 6 >= text.size()) return std::string_view::npos;
      if (std::string_view(" >\t\r\n").contains(text[at + 6])) return at;
      from = at + 6;
    }
  }
  static std::size_t find_end(std::string_view text, std::size_t begin) {
    constexpr std::string_view closing = "</Event>";
    std::size_t at = find(text, closing, begin);
    return at == std::string_view::npos ? at : at + closing.size();
  }
  static std::size_t find(std::string_view text, std::string_view what, std::size_t from) {
    const void* found = ::memmem(text.data() + from, text.size() - from, what.data(), what.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
  }

  // Between elements stand line breaks, declarations, an outer element, heads of syslog lines; whole lines of
  // anything else are pieces that were no event, and so is an element that is cut off.
  void count_junk(std::string_view junk) {
    for (std::size_t at = 0; at < junk.size();) {
      std::size_t line_end = junk.find('\n', at);
      bool whole = line_end != std::string_view::npos;
      std::string_view line = trim(junk.substr(at, whole ? line_end - at : line_end));
      bool markup = line.starts_with('<') && !line.starts_with("<Event ") && !line.starts_with("<Event>");
      if (whole && !line.empty() && !markup) malformed();
      if (!whole && find_event_element(line) != std::string_view::npos) malformed();
      at = whole ? line_end + 1 : junk.size();
    }
  }
};

// What classic text has in the second line of each block, behind the date.
constexpr std::string_view kLogName = "\nLogName=";

// Blocks of classic text, or lines.
class TextSplitter final : public Splitter {
 public:
  using Splitter::Splitter;

  std::size_t split(std::string_view text, bool last) override {
    if (!last) text = text.substr(0, whole_events(text));
    EnvelopeDefaults defaults{defaults_.host, defaults_.source, defaults_.sourcetype, defaults_.index};
    EnvelopeResult result = read_raw(text, defaults, [this](EventView& view) { give(view); });
    if (result.error != EnvelopeError::none && !text.empty()) malformed();
    return text.size();
  }

 private:
  // Up to the begin of the last block, which may go on; without blocks, up to the last line.
  static std::size_t whole_events(std::string_view text) {
    std::size_t log_name = text.rfind(kLogName);
    if (log_name == std::string_view::npos) return text.rfind('\n') + 1;
    return log_name == 0 ? 0 : text.rfind('\n', log_name - 1) + 1;
  }
};

// Whether the first object has an `event` and no other keys than HEC's: Winlogbeat's events have an `event`
// too.
bool is_envelope(std::string_view text) {
  JsonIndex index;
  JsonCursor in;
  // The first line is enough where the piece ends inside a string.
  if (!index.build(text, in) && !index.build(text.substr(0, text.find('\n')), in)) return false;
  bool event = false;
  bool others = false;
  JsonWalk walk = walk_object(in, [&](std::string_view key) {
    event = event || key == "event";
    others = others || !(key == "event" || key == "time" || key == "host" || key == "source" ||
                         key == "sourcetype" || key == "index" || key == "fields");
    std::string_view value;
    return skip_value(in, value);
  });
  return walk == JsonWalk::ok && event && !others;
}

// What a file holds, by its first value.
Result<InputFormat> recognise(std::string_view head, const std::string& path) {
  std::string_view text = head.substr(std::min(head.find_first_not_of(" \t\r\n["), head.size()));
  if (text.empty()) return InputFormat::json;
  if (text.front() == '"') return InputFormat::json;
  if (text.front() != '{') {
    if (text.starts_with(kLogName.substr(1)) || text.substr(0, text.find("EventCode=")).contains(kLogName))
      return InputFormat::text;
    if (text.front() == '<' || find_event_element(text) != std::string_view::npos) return InputFormat::xml;
    return fail(fmt::format(
        "{}: the form of the events is not known: the file begins neither with JSON nor with <Event>; "
        "name it with --input",
        path));
  }
  return is_envelope(text) ? InputFormat::hec : InputFormat::json;
}

// Up to a block of a plain file.
Result<std::string> read_at(const std::string& path, std::uint64_t begin) {
  auto source = ByteSource::open_part(path, begin, begin + kBlock);
  if (!source) return std::unexpected(source.error());
  std::string bytes(kBlock, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    auto count = (*source)->read(bytes.data() + size, bytes.size() - size);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    size += *count;
  }
  bytes.resize(size);
  return bytes;
}

std::unique_ptr<Splitter> make_splitter(InputFormat format, const FileDefaults& defaults,
                                        const std::function<void(EventView&)>& event, FileStats& stats) {
  switch (format) {
    case InputFormat::xml:
      return std::make_unique<XmlSplitter>(defaults, event, stats);
    case InputFormat::text:
      return std::make_unique<TextSplitter>(defaults, event, stats);
    case InputFormat::hec:
      return std::make_unique<HecSplitter>(defaults, event, stats);
    default:
      return std::make_unique<JsonSplitter>(defaults, event, stats);
  }
}

}  // namespace

Result<FileParts> split_file(const std::string& path, InputFormat format, std::size_t most) {
  FileParts whole{format, {{}}};
  std::error_code unknown;
  if (path == "-" || !std::filesystem::is_regular_file(path, unknown)) return whole;
  std::uint64_t size = std::filesystem::file_size(path, unknown);
  most = std::min<std::size_t>(most, unknown ? 1 : size / kSmallestPart);
  if (most < 2) return whole;
  auto head = read_at(path, 0);
  if (!head) return std::unexpected(head.error());
  if (head->starts_with(kByteOrderMark)) head->erase(0, kByteOrderMark.size());
  // A packed file begins with neither.
  if (!head->starts_with('{')) return whole;
  auto known = format == InputFormat::automatic ? recognise(*head, path) : format;
  if (!known) return std::unexpected(known.error());
  if (*known != InputFormat::json && *known != InputFormat::hec) return whole;
  FileParts parts{*known, {{}}};
  for (std::size_t i = 1; i < most; ++i) {
    std::uint64_t from = size / most * i;
    auto there = read_at(path, from);
    if (!there) return std::unexpected(there.error());
    std::size_t cut = there->find("}\n{");
    if (cut == std::string::npos || from + cut < parts.parts.back().begin) continue;
    parts.parts.back().end = from + cut + 2;
    parts.parts.push_back({from + cut + 2, UINT64_MAX});
  }
  return parts;
}

Result<FileStats> read_events(const std::string& path, InputFormat format, const FileDefaults& defaults,
                              const std::function<void(EventView&)>& event, const ProgressSink& progress,
                              const FilePart& part) {
  bool whole = part.begin == 0 && part.end == UINT64_MAX;
  auto source = whole ? ByteSource::open(path) : ByteSource::open_part(path, part.begin, part.end);
  if (!source) return std::unexpected(source.error());
  Window window(std::move(*source));
  FileStats stats;
  std::unique_ptr<Splitter> splitter;
  std::uint64_t told = 0;
  while (!window.at_end()) {
    auto count = window.more();
    if (!count) return std::unexpected(count.error());
    stats.bytes += *count;
    if (!splitter) {
      if (window.view().starts_with(kByteOrderMark)) window.drop(kByteOrderMark.size());
      auto known = format == InputFormat::automatic ? recognise(window.view(), path) : format;
      if (!known) return std::unexpected(known.error());
      splitter = make_splitter(*known, defaults, event, stats);
    }
    window.drop(splitter->split(window.view(), window.at_end()));
    if (window.view().size() > kLargestEvent) {
      ++stats.malformed;
      window.drop(window.view().size());
    }
    if (progress && stats.bytes - told >= kProgressEvery) {
      told = stats.bytes;
      progress(stats);
    }
  }
  return stats;
}

}  // namespace hecate::decode
