#include "pipeline/syslog/source_rules.h"

namespace hecate::syslog {

namespace {

bool fits(std::string_view pattern, std::string_view text) {
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  text.remove_prefix(star);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (fits(pattern, text.substr(at))) return true;
  }
  return false;
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
