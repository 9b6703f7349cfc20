#pragma once

#include "pipeline/base/error.h"
#include "pipeline/base/time.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::daemon {

// A row as Splunk exported it: a field's values by its name, in their order.
using ExportedRow = std::map<std::string, std::vector<std::string>>;

// Reads what Splunk exports of a search's results, in any of its forms, told by the text itself: CSV (Splunk
// Web's, `outputcsv`, REST; `__mv_` columns are understood), JSON lines with `{"preview":…,"result":{…}}`
// (Splunk Web, REST's export; previews are passed over), one JSON document with `results` or with `fields`
// and `rows` (REST), plain JSON objects, or raw events. Fields that a row lacks are taken from its `_raw`.
// Lists and lines of a value are its values. An error says where the text is wrong.
[[nodiscard]] Result<std::vector<ExportedRow>> read_splunk_export(std::string_view text);

// The first value of a field; empty where there is none.
[[nodiscard]] std::string first_value(const ExportedRow& row, const std::string& field);
// Seconds since 1970, or a time such as 2026-04-27T13:00:00.000+00:00.
[[nodiscard]] std::optional<Time> read_exported_time(std::string_view text);

}  // namespace hecate::daemon
