#pragma once

#include <functional>
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

}  // namespace hecate::catalogue
