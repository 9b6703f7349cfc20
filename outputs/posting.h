#pragma once

#include "outputs/evidence.h"
#include "outputs/rule.h"
#include "pipeline/base/time.h"

#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

// A revision of a finding as it is stored, to be posted.
struct Told {
  std::string_view id;
  int revision = 1;
  Time created = 0, earliest = 0, latest = 0;
  bool withdrawn = false;
  std::string_view body;
};

// The HEC envelope of its notable; of one that takes the finding back, where it was withdrawn. Pure: what is
// posted twice is the same twice. An error: its body is damaged.
[[nodiscard]] Result<std::string> notable_envelope(const Rule& rule, const Told& told);

// That of its risk event for one object: the type and value of a risk object of the rule.
[[nodiscard]] Result<std::string> risk_envelope(const Rule& rule, const Told& told,
                                                std::string_view object_type, std::string_view object);

// How an analyst looks at it in Splunk: the search for what was posted of it, and the drilldown searches that
// its notable has. Times are as in the notable. An error: its body is damaged.
[[nodiscard]] catalogue::DrilldownSearch posted_search(const Rule& rule, const Told& told);
[[nodiscard]] Result<std::vector<catalogue::DrilldownSearch>> drilldown_searches(const Rule& rule,
                                                                                 const Told& told);

// Splunk's stash form: `<epoch>, search_name="…", key="value", …`; a key is repeated for each of its values,
// `\` and `"` are escaped, empty values are left out.
[[nodiscard]] std::string stash_text(Time time, std::string_view search_name, const Fields& fields);

// Informational up to 20, low to 40, medium to 60, high to 80, else critical.
[[nodiscard]] std::string_view severity(int risk_score);

// The rule's title (or its description) for one finding.
[[nodiscard]] std::string rule_text(const Rule& rule, std::string_view text_template,
                                    const Evidence& evidence);

}  // namespace hecate::outputs
