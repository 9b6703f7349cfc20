#pragma once

#include <map>
#include <string>

namespace hecate::testing {

// A Sysmon event that a test makes, as Sysmon names its fields. It is written as JSON and as XML: the same
// event in two forms.
struct MadeEvent {
  int code = 1;
  bool linux = false;
  int record = 1;
  std::string computer = "ws-101";
  std::string source;  // metadata: of its envelope; empty: what the channel tells
  std::map<std::string, std::string> fields;

  // Fields as Sysmon would give them to an event of this code.
  [[nodiscard]] static MadeEvent of_code(int code, bool linux = false);
  [[nodiscard]] std::string as_json() const;
  // With each third letter of values as an escape (`\u0041`).
  [[nodiscard]] std::string as_escaped_json() const;
  [[nodiscard]] std::string as_xml() const;
  // Whether it means the same in both forms: XML keeps its entities (`&amp;`) as they are.
  [[nodiscard]] bool same_in_both() const;
};

}  // namespace hecate::testing
