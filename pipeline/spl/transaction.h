#pragma once

#include "pipeline/spl/command.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/expression.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace hecate::spl {

// What `transaction` puts together. Events are gone through from the newest to the oldest, as Splunk does:
// the event that ends a transaction comes first, the one that starts it last.
struct TransactionRules {
  // A search or an eval expression that the first or last event satisfies.
  using Mark = std::variant<std::monostate, Condition, Expression>;

  // Events belong together that have no two different values of a field, and, with `connected`, at least one
  // value in common. None: all events.
  std::vector<FieldRef> fields;
  bool connected = true;
  Time most_span = -1;   // between the first event and the last; negative: any
  Time most_pause = -1;  // between two events behind one another
  std::size_t most_events = 1000;
  Mark starts_with;
  Mark ends_with;
  bool keep_evicted = false;  // those without the event that starts or ends them as well, with closed_txn=0
  bool keep_orphans = false;  // events with none of the fields as well, with _txn_orphan=1
  bool keep_lists = false;  // values in the order of time, repeated ones too; else the different ones, sorted
  bool keep_raws = false;   // _raw stays a list; else its texts are joined by line breaks

  [[nodiscard]] bool has_start() const { return starts_with.index() != 0; }
  [[nodiscard]] bool has_end() const { return ends_with.index() != 0; }
};

// Keeps all rows until `finish`. Rows without _time belong to no transaction.
[[nodiscard]] std::unique_ptr<Operator> make_transactions(const TransactionRules& rules, EvalContext& context,
                                                          Operator& next);

}  // namespace hecate::spl
