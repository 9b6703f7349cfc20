#include "pipeline/syslog/source_rules.h"

namespace hecate::syslog {

namespace {

// Whoever sends chooses the text: no way of writing it takes longer than pattern times text. What stands
// between two stars fits best where it fits first.
bool fits(std::string_view pattern, std::string_view text) {
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  while (true) {
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    if (star == std::string_view::npos) return text.ends_with(pattern);
    std::size_t at = text.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + star);
  }
}

}  // namespace

std::vector<SourceRule> default_rules() {
  return {{.program = "sysmon",
           .content = {},
           .source = "Syslog:Linux-Sysmon/Operational",
           .sourcetype = "sysmon:linux",
           .index = ""}};
}

const SourceRule* find_rule(const std::vector<SourceRule>& rules, std::string_view program, Shape content) {
  for (const SourceRule& rule : rules) {
    if (rule.content && *rule.content != content) continue;
    if (rule.program.empty() || fits(rule.program, program)) return &rule;
  }
  return nullptr;
}

}  // namespace hecate::syslog
