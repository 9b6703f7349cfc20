#pragma once

#include "pipeline/spl/expression.h"
#include "pipeline/spl/lookup.h"

#include <memory>
#include <string>
#include <vector>

namespace hecate::spl {

// The table of a call of lookup(), found when its search is loaded.
struct LookupCall {
  std::shared_ptr<const Lookup> lookup;
  std::shared_ptr<const LookupIndex> index;  // null for a table that outputlookup writes: it is another later
  std::vector<std::string> inputs, outputs;  // its fields
};

// Finds the tables of all calls of lookup() in an expression.
[[nodiscard]] Parsed<void> bind_lookups(Expression& expression, const LookupSource& lookups);
// For places where lookup() is not supported: an error where it is called.
[[nodiscard]] Parsed<Expression> without_lookup(Parsed<Expression> expression);

}  // namespace hecate::spl
