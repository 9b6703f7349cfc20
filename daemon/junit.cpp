#include "daemon/junit.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

using Verdict = TestOutcome::Verdict;

// For text and attributes alike; XML 1.0 has no other control characters.
std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
      out += c;
    else
      out += "\xEF\xBF\xBD";
  }
  return out;
}

std::string totals(std::span<const TestedCase> cases) {
  auto of = [&](Verdict verdict) {
    return std::ranges::count_if(cases,
                                 [&](const TestedCase& each) { return each.outcome.verdict == verdict; });
  };
  double seconds = 0;
  for (const TestedCase& each : cases) seconds += each.seconds;
  return fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.3f}")", cases.size(),
                     of(Verdict::failed), of(Verdict::broken), of(Verdict::skipped), seconds);
}

std::string result_of(const TestOutcome& outcome) {
  if (outcome.verdict == Verdict::passed) return {};
  std::string first = outcome.message.empty() ? "" : escaped(outcome.message.front());
  if (outcome.verdict == Verdict::skipped) return fmt::format("      <skipped message=\"{}\"/>\n", first);
  const char* element = outcome.verdict == Verdict::failed ? "failure" : "error";
  return fmt::format("      <{0} message=\"{1}\">{2}</{0}>\n", element, first,
                     escaped(fmt::format("{}", fmt::join(outcome.message, "\n"))));
}

void append_suite(std::span<const TestedCase> cases, std::string& out) {
  out += fmt::format("  <testsuite name=\"{}\" {}>\n", escaped(cases[0].detection), totals(cases));
  for (const TestedCase& each : cases) {
    out +=
        fmt::format("    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.3f}\">\n",
                    escaped(each.detection), escaped(each.name), escaped(each.file), each.line, each.seconds);
    out += result_of(each.outcome);
    out += "    </testcase>\n";
  }
  out += "  </testsuite>\n";
}

}  // namespace

std::string junit_xml(const std::vector<TestedCase>& cases) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"hecate\" {}>\n", totals(cases));
  for (auto begin = cases.begin(); begin != cases.end();) {
    auto end = std::find_if(begin, cases.end(),
                            [&](const TestedCase& each) { return each.detection != begin->detection; });
    append_suite({begin, end}, out);
    begin = end;
  }
  return out + "</testsuites>\n";
}

}  // namespace hecate::daemon
