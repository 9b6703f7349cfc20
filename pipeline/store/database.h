#pragma once

#include "pipeline/base/error.h"
#include "pipeline/store/failure.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace hecate::store {

class Database;

// A prepared statement: bind, step, read. Lives no longer than its Database. Not thread-safe.
class Statement {
 public:
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind_text(int index, std::string_view value);  // copied
  Statement& bind_blob(int index, std::string_view value);  // copied
  Statement& bind_null(int index);
  // True while there is a row. After false or an error the statement is reset, ready for new bindings.
  [[nodiscard]] Result<bool> step();
  // For statements without rows: one step and reset.
  [[nodiscard]] Result<void> run();
  // Steps to each row that is left.
  [[nodiscard]] Result<void> each_row(const std::function<void()>& visit);
  // The first column of the next row, `otherwise` where there is none; then it is reset.
  [[nodiscard]] Result<std::int64_t> number(std::int64_t otherwise = 0);
  // Columns of the current row, from 0; views are valid until the next step.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::string_view blob(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  void reset();

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement) : statement_(statement), database_(database) {}
  Statement& bound(int result);

  sqlite3_stmt* statement_;
  Database& database_;
  int bind_code_ = 0;  // of the first binding that failed
};

inline constexpr int kPageSize = 16384;  // why so large: docs/state.md

struct DatabaseOptions {
  std::string vfs;  // what SQLite reaches files by; empty: the system's. For tests with a disk of their own
  // False: commits do not wait for the disk, and a crash loses what was answered. For state that nobody
  // misses (replay), and to show that tests see it.
  bool synchronous = true;
};

// One SQLite connection, for one thread. Errors say which file, what SQLite said, and what to do (disk full,
// damaged, locked).
class Database {
 public:
  // read_write makes the file (mode 0600, WAL, synchronous=FULL) where there is none. It does not put the
  // write-ahead log back into the file by itself: `checkpoint` does.
  enum class Mode { read_write, read_only };
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& file, Mode mode,
                                                              const DatabaseOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that give no rows, `;` between.
  [[nodiscard]] Result<void> execute(const std::string& sql);
  // The statement for `sql` (a literal: cached by its text), reset and unbound. So the same text must not be
  // prepared again while its rows are being read; take a cursor for that.
  [[nodiscard]] Result<Statement*> prepare(std::string_view sql);
  // A statement of the caller's own.
  [[nodiscard]] Result<std::unique_ptr<Statement>> cursor(std::string_view sql);
  // Brings the part of the schema named `part` up to date: steps[i] leads from version i to i+1; runs those
  // not yet done in one transaction. Refuses a version newer than steps.size().
  [[nodiscard]] Result<void> migrate(const std::string& part, std::span<const char* const> steps);
  // Puts what the write-ahead log holds into the file, as far as no reader needs the log: how many pages of
  // it the file has then. 0, too, where another connection is at it.
  [[nodiscard]] Result<int> checkpoint();
  // Pages in the write-ahead log as of the last commit here.
  [[nodiscard]] int log_pages() const { return log_pages_; }
  // Whether the log is left as it is when this is closed.
  void leave_log(bool leave);
  // What SQLite says of its last failure, and what to do.
  [[nodiscard]] Error error(std::string_view doing) const;
  // The code of the last failure that `error` told; its extended form.
  [[nodiscard]] int last_code() const { return last_code_; }
  [[nodiscard]] Failure last_failure() const { return failure_of(last_code_); }
  void forget_failure() { last_code_ = 0; }
  // Some call has failed like that; never forgotten.
  [[nodiscard]] bool sync_failed() const { return !sync_failure_.empty(); }
  [[nodiscard]] const std::string& sync_failure() const { return sync_failure_; }
  [[nodiscard]] bool damaged() const { return damaged_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] sqlite3* handle() const { return handle_; }

 private:
  friend class Statement;
  Database() = default;
  [[nodiscard]] Result<void> open_handle(Mode mode, const DatabaseOptions& options);
  [[nodiscard]] Result<int> version(const std::string& part);

  struct Statements;
  std::string file_;
  sqlite3* handle_ = nullptr;
  std::unique_ptr<Statements> statements_;
  int log_pages_ = 0;
  mutable int last_code_ = 0;
  mutable std::string sync_failure_;
  mutable bool damaged_ = false;
};

// A transaction that ends with the scope: rolled back unless it was committed. Takes part in one that is
// open.
class Transaction {
 public:
  enum class Kind { read, write };
  [[nodiscard]] static Result<Transaction> begin(Database& database, Kind kind);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  [[nodiscard]] Result<void> commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* database_;  // null: nothing to end here
};

}  // namespace hecate::store
