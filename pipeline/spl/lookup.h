#pragma once

#include "pipeline/base/error.h"
#include "pipeline/spl/lookup_table.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::spl {

// How the cells of one field of a lookup are compared with a value (transforms.conf: match_type).
enum class LookupMatch : std::uint8_t {
  exact,
  wildcard,  // `*` in a cell stands for any run of characters
  cidr,      // a cell is a network, or one address
};

// The rules by which a table is looked up; the names are those of Splunk's transforms.conf, and so are the
// defaults.
struct LookupRules {
  std::vector<std::pair<std::string, LookupMatch>> match_type;  // fields not named: exact
  bool case_sensitive_match = true;
  std::size_t min_matches = 0;  // fewer: default_match stands for those that are missing
  std::size_t max_matches = 100;
  std::string default_match;

  [[nodiscard]] LookupMatch match_of(std::string_view field) const;
  // One text for rules of the same meaning.
  [[nodiscard]] std::string canonical() const;
};

// Finds the rows that match values of some fields of a table. Immutable, thread-safe; keeps its table.
class LookupIndex {
 public:
  // `fields`: numbers of the table's fields, one or more.
  LookupIndex(std::shared_ptr<const LookupTable> table, const LookupRules& rules,
              const std::vector<std::size_t>& fields);
  ~LookupIndex();

  // The numbers of the rows that match all `values` (one for each field, in their order), in the table's
  // order, `most` at most. Allocates nothing once `rows` and the thread's own room are large enough.
  void find(const std::vector<std::string_view>& values, std::size_t most,
            std::vector<std::uint32_t>& rows) const;
  [[nodiscard]] const LookupTable& table() const;
  // What it takes up beside its table.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

// A table of the local state, which outputlookup writes: another one from run to run. Thread-safe.
class WrittenTable {
 public:
  explicit WrittenTable(std::string name);
  [[nodiscard]] const std::string& name() const { return name_; }
  // Never null; without fields until it is first written.
  [[nodiscard]] std::shared_ptr<const LookupTable> get() const;
  void set(std::shared_ptr<const LookupTable> table);

 private:
  std::string name_;
  mutable std::mutex mutex_;
  std::shared_ptr<const LookupTable> table_;
};

// What searches name: a table and the rules by which it is looked up. Thread-safe.
class Lookup {
 public:
  Lookup(std::string name, LookupRules rules, std::shared_ptr<const LookupTable> table);
  // `fields`: all that it may have; none: what is written says so.
  Lookup(std::string name, LookupRules rules, std::shared_ptr<WrittenTable> written,
         std::vector<std::string> fields);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const LookupRules& rules() const { return rules_; }
  // The rows at present; never null.
  [[nodiscard]] std::shared_ptr<const LookupTable> table() const;
  // The same as an index over these fields, made once for as long as the table is the same; null where the
  // table has not all of them.
  [[nodiscard]] std::shared_ptr<const LookupIndex> index(const std::vector<std::string>& fields) const;
  // Null for a table that stays as it is as long as the catalogue does. Any other is read when a search runs,
  // not as events arrive.
  [[nodiscard]] const std::shared_ptr<WrittenTable>& written() const { return written_; }
  // The fields that a written one may have; empty: any.
  [[nodiscard]] const std::vector<std::string>& declared_fields() const { return table_->fields(); }

 private:
  std::string name_;
  LookupRules rules_;
  std::shared_ptr<const LookupTable> table_;  // of a written one: before it is written
  std::shared_ptr<WrittenTable> written_;
  mutable std::mutex mutex_;
  mutable std::map<std::vector<std::string>, std::shared_ptr<const LookupIndex>> indexes_;
};

// Finds a lookup by the name of its definition or of its file. The error says what is missing, with the near
// names.
using LookupSource = std::function<Result<std::shared_ptr<const Lookup>>(std::string_view name)>;

}  // namespace hecate::spl
