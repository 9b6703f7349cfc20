#include "daemon/content.h"

#include "pipeline/base/clock.h"

#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

namespace hecate::daemon {

catalogue::LoadResult read_content(const ContentOptions& options) {
  catalogue::Sources sources;
  sources.include_disabled = true;
  sources.macros = options.macros;
  sources.lookups = options.lookups;
  sources.keep_places = options.keep_places;
  if (options.first_match) sources.defaults.emit = catalogue::Emit::first_match;
  if (options.spl) return catalogue::load_search("search", *options.spl, sources);
  sources.detections = options.detections;
  if (sources.detections.empty()) sources.detections.emplace_back(catalogue::kBuiltin);
  return catalogue::load(sources);
}

LoadedContent load_content(const ContentOptions& options) {
  catalogue::LoadResult loaded = read_content(options);
  tell_warnings(loaded);
  for (const catalogue::Refused& each : loaded.refused) fmt::print(stderr, "{}\n", to_line(each));
  bool whole = loaded.refused.empty();
  if (!loaded.catalogue->detections.empty()) return {loaded.catalogue, whole};
  if (whole)
    fmt::print(
        stderr,
        "hecate: no detections found; name a file or folder with --detections, or a search with --spl\n");
  return {nullptr, whole};
}

std::string to_line(const catalogue::Refused& refused) {
  if (refused.file.empty())  // a search given as text
    return fmt::format("--spl:{}:{}: {}", refused.line, refused.column, refused.reason);
  std::string name = refused.name.empty() ? "" : refused.name + ": ";
  return fmt::format("{}:{}:{}: {}{}", refused.file, refused.line, refused.column, name, refused.reason);
}

void tell_warnings(const catalogue::LoadResult& loaded) {
  for (const catalogue::Refused& each : loaded.warnings) fmt::print(stderr, "warning: {}\n", to_line(each));
}

decode::InputFormat input_format(const std::string& name) {
  if (name == "json") return decode::InputFormat::json;
  if (name == "text") return decode::InputFormat::text;
  if (name == "xml") return decode::InputFormat::xml;
  if (name == "hec") return decode::InputFormat::hec;
  return decode::InputFormat::automatic;
}

decode::FileDefaults file_defaults(const InputOptions& input) {
  return {.host = input.host, .source = input.source, .sourcetype = input.sourcetype, .index = input.index};
}

bool tell_read(const std::string& file, const Result<decode::FileStats>& read) {
  if (!read) {
    fmt::print(stderr, "hecate: {}\n", read.error().message);
  } else if (read->malformed > 0) {
    fmt::print(stderr, "hecate: {}: {} pieces were no events and were passed over\n", file, read->malformed);
  }
  return read.has_value();
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

decode::ProgressSink ProgressLine::sink(const std::string& file) {
  if (!terminal_) return {};
  return [this, file](const decode::FileStats& stats) {
    tell([&] { return fmt::format("{}: {} events, {} MiB", file, stats.events, stats.bytes >> 20); });
  };
}

void ProgressLine::tell(const std::function<std::string()>& text) {
  constexpr std::chrono::milliseconds kPause(100);
  auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - told_ < kPause) return;
  told_ = now;
  shown_ = true;
  fmt::print(stderr, "\r\033[K{}", text());
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!std::exchange(shown_, false)) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

namespace {

// What the parts of a file give, while they are read in threads and in the end.
class PartsRead {
 public:
  PartsRead(std::size_t parts, decode::ProgressSink progress)
      : parts_(parts), progress_(std::move(progress)) {}

  // Takes how far part `i` has come, and shows how far all have.
  decode::ProgressSink sink_of(std::size_t i) {
    if (!progress_) return {};
    return [this, i](const decode::FileStats& stats) {
      std::lock_guard guard(mutex_);
      parts_[i] = stats;
      if (auto all = sum()) progress_(*all);
    };
  }
  void finish(std::size_t i, Result<decode::FileStats> read) {
    std::lock_guard guard(mutex_);
    parts_[i] = std::move(read);
  }
  // Once no thread reads any more: the error of the first part that has one.
  [[nodiscard]] Result<decode::FileStats> sum() const {
    decode::FileStats all;
    for (const auto& each : parts_) {
      if (!each) return std::unexpected(each.error());
      all.events += each->events;
      all.malformed += each->malformed;
      all.bytes += each->bytes;
    }
    return all;
  }

 private:
  std::mutex mutex_;
  std::vector<Result<decode::FileStats>> parts_;
  decode::ProgressSink progress_;
};

}  // namespace

bool read_files(const InputOptions& input, const TakeEvent& take) {
  return read_files(input, std::span(&take, 1));
}

bool read_files(const InputOptions& input, std::span<const TakeEvent> takers) {
  Time now = SystemClock().now();
  ProgressLine progress;
  std::uint64_t first = 0;  // number of the file's first event
  bool complete = true;
  for (const std::string& file : input.files) {
    auto split = decode::split_file(file, input_format(input.format), takers.size());
    if (!split) {
      complete &= tell_read(file, std::unexpected(split.error()));
      continue;
    }
    std::size_t parts = split->parts.size();
    PartsRead read(parts, progress.sink(file));
    auto read_part = [&](std::size_t i) {
      const decode::FilePart& part = split->parts[i];
      auto take = [&](EventView& event) {
        event.arrival += first + part.begin;
        takers[i](event, now);
      };
      read.finish(
          i, decode::read_events(file, split->format, file_defaults(input), take, read.sink_of(i), part));
    };
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 1; i < parts; ++i) threads.emplace_back(read_part, i);
      read_part(0);
    }
    auto all = read.sum();
    if (all) first += parts > 1 ? all->bytes : all->events;
    complete &= tell_read(file, all);
  }
  return complete;
}

}  // namespace hecate::daemon
