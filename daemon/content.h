#pragma once

#include "daemon/commands.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/decode/file_reader.h"

namespace hecate::daemon {

// Loads what the options name. Everything refused is told on standard error; null when anything was.
[[nodiscard]] std::shared_ptr<const catalogue::Catalogue> load_content(const ContentOptions& options);

// The same without a verdict, for commands that list what was refused.
[[nodiscard]] catalogue::LoadResult read_content(const ContentOptions& options);

// `file:line:column: name: reason`, as compilers print it.
[[nodiscard]] std::string to_line(const catalogue::Refused& refused);

[[nodiscard]] decode::InputFormat input_format(const std::string& name);
[[nodiscard]] decode::FileDefaults file_defaults(const InputOptions& input);

// Tells on standard error what of `file` could not be read or was no event; false when reading ended early.
[[nodiscard]] bool tell_read(const std::string& file, const Result<decode::FileStats>& read);

// A line on the terminal that says how far reading has come; nothing where standard error is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  [[nodiscard]] decode::ProgressSink sink(const std::string& file);

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace hecate::daemon
