#pragma once

#include "pipeline/base/time.h"
#include "pipeline/sources/tally.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace hecate::sources {

struct SourceOptions {
  // A source is steady that has sent for so long without a pause of more than four times `silent_after`.
  Time steady_after = 24 * kHour;
  // A steady source is silent when nothing has come for so long, and for three times its longest pause.
  Time silent_after = 15 * kMinute;
  Time forget_after = 7 * kDay;  // a source that sends nothing leaves the table then
  int most = 10'000;             // sources in the table; events of further ones are counted together
  int series = 100;              // sources that have metrics of their own: the first that came
};

// One host's events of one channel, in all that is known of them.
struct Source {
  std::string host, channel;
  Time first_seen = 0, last_seen = 0;      // arrivals
  Time newest_event = EventView::kNoTime;  // the greatest time of an event
  std::uint64_t events = 0;                // as they came: what is sent again counts again
  Time flowing_since = 0;                  // without a pause that is too long for a steady source
  // The longest pause in the current period of `steady_after`, and in the one before.
  Time pause = 0, pause_before = 0;
  Time period = 0;  // when the current period began
  Lag lag;          // since the start of the process
  Time stored = 0;  // `last_seen` as it was stored last

  enum class State : std::uint8_t {
    fresh,      // known for less than `steady_after`
    irregular,  // its pauses are too long to say anything of the next one
    steady,
    silent,  // was steady, and has stopped
  };
};
[[nodiscard]] std::string_view name_of(Source::State state);

// All sources, and who of them stopped. Not thread-safe. Time is passed in and may step back.
class SourceTable {
 public:
  // `started`: pauses are counted from then on at the earliest; while nobody listened nobody was silent.
  SourceTable(SourceOptions options, Time started) : options_(options), started_(started) {}

  // As it was stored by an earlier process; before all arrivals.
  void restore(Source source);
  // What arrived of one source. Null: there is no room for it.
  const Source* add(const Arrivals& arrivals);
  // Such a source is on disk as it is here.
  void stored(const Source& row);
  // Takes out what sent nothing for too long, and where the table is full what never was steady and sends
  // nothing now.
  std::vector<std::unique_ptr<Source>> forget(Time now);

  [[nodiscard]] Source::State state(const Source& source, Time now) const;
  // How long a steady source may send nothing before it is silent.
  [[nodiscard]] Time patience(const Source& source) const;
  // In the order in which they came first.
  [[nodiscard]] const std::vector<std::unique_ptr<Source>>& sources() const { return sources_; }
  [[nodiscard]] const SourceOptions& options() const { return options_; }

 private:
  using Name = std::pair<std::string_view, std::string_view>;
  void arrive(Source& source, const Arrivals& arrivals) const;
  [[nodiscard]] bool full() const { return sources_.size() >= static_cast<std::size_t>(options_.most); }
  [[nodiscard]] Time longest_pause() const { return 4 * options_.silent_after; }
  [[nodiscard]] Time quiet_since(const Source& source) const;

  SourceOptions options_;
  Time started_;
  std::vector<std::unique_ptr<Source>> sources_;
  absl::flat_hash_map<Name, Source*> by_name_;
};

}  // namespace hecate::sources
