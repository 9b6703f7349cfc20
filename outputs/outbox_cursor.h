#pragma once

#include "outputs/rule.h"
#include "pipeline/base/time.h"
#include "pipeline/store/database.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace hecate::outputs {

// The rules that a database holds, each read once. A rule under its hash never changes.
class StoredRules {
 public:
  [[nodiscard]] Result<const Rule*> get(store::Database& reader, std::int64_t rule);

 private:
  std::map<std::int64_t, Rule> rules_;
};

// The visible rows of the outbox, oldest first. Those of a run that goes on are passed over as one: it may
// have a million. Valid as long as its reader and rules.
class OutboxCursor {
 public:
  OutboxCursor(store::Database& reader, StoredRules& rules) : reader_(reader), rules_(rules) {}

  // False behind the last.
  [[nodiscard]] Result<bool> next();

  // Of the present row; views are valid until the next call of `next`.
  [[nodiscard]] std::int64_t seq() const { return rows_->integer(0); }
  [[nodiscard]] std::string_view finding() const { return rows_->text(1); }
  [[nodiscard]] std::string_view kind() const { return rows_->text(2); }
  [[nodiscard]] Time queued() const { return rows_->integer(3); }
  // Those of the finding; empty for what an older version has queued.
  [[nodiscard]] std::string_view detection() const { return rows_->text(7); }
  [[nodiscard]] int revision() const { return static_cast<int>(rows_->integer(8)); }
  [[nodiscard]] Time earliest() const { return rows_->integer(10); }
  [[nodiscard]] Time latest() const { return rows_->integer(11); }
  [[nodiscard]] std::string_view status() const { return rows_->text(12); }
  [[nodiscard]] std::string_view body() const { return rows_->text(14); }
  // What is posted.
  [[nodiscard]] Result<std::string> envelope();

 private:
  [[nodiscard]] Result<void> open_behind(std::int64_t seq);
  [[nodiscard]] Result<void> pass_over_run();

  store::Database& reader_;
  StoredRules& rules_;
  std::unique_ptr<store::Statement> rows_;
};

}  // namespace hecate::outputs
