#pragma once

#include "pipeline/base/error.h"
#include "pipeline/spl/lookup_table.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::catalogue {

// Walks the rows of a CSV text: commas between, quotes around what holds commas, quotes or line breaks, `""`
// for a quote in them; a byte order mark, and blanks around what is not quoted, are no part of it. Empty
// lines are passed over. `row` gets the cells, valid until it returns, and the line that the row begins in.
// False: a quote is never closed, in the row that was handed out last.
[[nodiscard]] bool read_csv(
    std::string_view text,
    const std::function<void(const std::vector<std::string_view>& cells, int line)>& row);

// A CSV text whose first row names the fields. As in Splunk, a row may have fewer cells than there are names;
// those over are of no field. The error begins with `name`, and the line where there is one.
[[nodiscard]] Result<std::shared_ptr<const spl::LookupTable>> read_table(std::string_view text,
                                                                         std::string_view name);
// The same back; empty for a table without fields.
[[nodiscard]] std::string to_csv(const spl::LookupTable& table);

}  // namespace hecate::catalogue
