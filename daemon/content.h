#pragma once

#include "daemon/commands.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/decode/file_reader.h"

#include <chrono>
#include <functional>
#include <span>

namespace hecate::daemon {

// Loads what the options name, for commands that run all that loads. What was refused is told on standard
// error; null when nothing is left.
struct LoadedContent {
  std::shared_ptr<const catalogue::Catalogue> catalogue;
  bool whole;  // nothing was refused
};
[[nodiscard]] LoadedContent load_content(const ContentOptions& options);

// The same without a verdict, for commands that list what was refused.
[[nodiscard]] catalogue::LoadResult read_content(const ContentOptions& options);

// `file:line:column: name: reason`, as compilers print it.
[[nodiscard]] std::string to_line(const catalogue::Refused& refused);

// Tells on standard error what loads and is likely not what was meant.
void tell_warnings(const catalogue::LoadResult& loaded);

[[nodiscard]] decode::InputFormat input_format(const std::string& name);
[[nodiscard]] decode::FileDefaults file_defaults(const InputOptions& input);

// Tells on standard error what of `file` could not be read or was no event; false when reading ended early.
[[nodiscard]] bool tell_read(const std::string& file, const Result<decode::FileStats>& read);

// Takes an event, and the time at which reading began.
using TakeEvent = std::function<void(EventView& event, Time now)>;

// Hands out the events of all files, numbered as they arrive. False when a file could not be read to its end;
// what is wrong is told on standard error.
[[nodiscard]] bool read_files(const InputOptions& input, const TakeEvent& take);
// The same in as many threads as there are takers, each with a part of the file where it can be cut
// (decode::split_file). The numbers have gaps then.
[[nodiscard]] bool read_files(const InputOptions& input, std::span<const TakeEvent> takers);

// A line on the terminal that says how far a command has come; nothing where standard error is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  [[nodiscard]] decode::ProgressSink sink(const std::string& file);
  // Shows what `text` gives, unless the line has just been shown.
  void tell(const std::function<std::string()>& text);
  // Takes the line away, for other lines to be printed.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point told_{};
};

}  // namespace hecate::daemon
