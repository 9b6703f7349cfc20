#pragma once

#include "pipeline/event/event_view.h"
#include "pipeline/syslog/message.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::syslog {

// What an event of syslog gets for source, sourcetype and index: the first rule that fits.
struct SourceRule {
  std::string program;           // of the head; `*` stands for any characters; empty: any
  std::optional<Shape> content;  // of the text; none: any
  // What an empty one leaves open comes from the event's own channel and provider, else from the input.
  std::string source, sourcetype, index;
};

// What the events of one input have in common. Immutable while the input runs.
struct EventDefaults {
  std::vector<SourceRule> rules;
  // Where neither a rule nor the event says one.
  std::string source;
  std::string sourcetype = "syslog";
  std::string index;
  absl::TimeZone zone = absl::UTCTimeZone();  // of times that name none
};

// The rules that hold behind a site's own: Sysmon for Linux logs as `sysmon`.
[[nodiscard]] std::vector<SourceRule> default_rules();

// Null where none fits.
[[nodiscard]] const SourceRule* find_rule(const std::vector<SourceRule>& rules, std::string_view program,
                                          Shape content);

}  // namespace hecate::syslog
