#include "pipeline/store/database.h"

#include <map>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

namespace hecate::store {
namespace {

constexpr const char* kWriterSettings =
    "PRAGMA page_size={};"
    "PRAGMA synchronous={};"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA journal_size_limit=67108864;"  // what a long read made the WAL grow to is given back
    "PRAGMA cache_size=-16384;"            // KiB
    "PRAGMA temp_store=FILE;";
constexpr const char* kReaderSettings = "PRAGMA cache_size=-16384; PRAGMA temp_store=FILE;";

// Instead of SQLite's own, which puts the log back inside of COMMIT and says nothing when that fails.
int note_log_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

// --- Statement ---

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bound(int result) {
  if (bind_code_ == SQLITE_OK) bind_code_ = result;
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  return bound(sqlite3_bind_int64(statement_, index, value));
}
Statement& Statement::bind(int index, double value) {
  return bound(sqlite3_bind_double(statement_, index, value));
}
Statement& Statement::bind_text(int index, std::string_view value) {
  return bound(sqlite3_bind_text64(statement_, index, value.data() ? value.data() : "", value.size(),
                                   SQLITE_TRANSIENT, SQLITE_UTF8));
}
Statement& Statement::bind_blob(int index, std::string_view value) {
  // A null pointer would bind NULL rather than an empty blob.
  return bound(sqlite3_bind_blob64(statement_, index, value.data() ? value.data() : "", value.size(),
                                   SQLITE_TRANSIENT));
}
Statement& Statement::bind_null(int index) {
  return bound(sqlite3_bind_null(statement_, index));
}

Result<bool> Statement::step() {
  if (bind_code_ != SQLITE_OK) {
    database_.last_code_ = bind_code_;
    reset();
    return fail(fmt::format("state database {}: a value is too large to be stored", database_.file()));
  }
  int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    reset();
    return false;
  }
  auto error = database_.error("reading or writing");
  reset();
  return std::unexpected(std::move(error));
}

Result<void> Statement::run() {
  auto stepped = step();
  reset();
  if (!stepped) return std::unexpected(std::move(stepped.error()));
  return {};
}

Result<void> Statement::each_row(const std::function<void()>& visit) {
  while (true) {
    auto row = step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return {};
    visit();
  }
}

Result<std::int64_t> Statement::number(std::int64_t otherwise) {
  auto row = step();
  if (!row) return std::unexpected(std::move(row.error()));
  std::int64_t found = *row ? integer(0) : otherwise;
  reset();
  return found;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}
std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return {text ? text : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {bytes ? bytes : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
void Statement::reset() {
  sqlite3_reset(statement_);
  bind_code_ = SQLITE_OK;
}

// --- Database ---

struct Database::Statements {
  std::map<std::string, std::unique_ptr<Statement>, std::less<>> by_text;
};

Result<std::unique_ptr<Database>> Database::open(const std::string& file, Mode mode,
                                                 const DatabaseOptions& options) {
  std::unique_ptr<Database> database(new Database);
  database->file_ = file;
  database->statements_ = std::make_unique<Statements>();
  if (auto opened = database->open_handle(mode, options); !opened) return std::unexpected(opened.error());
  return database;
}

Result<void> Database::open_handle(Mode mode, const DatabaseOptions& options) {
  if (mode == Mode::read_write) {
    // Made here for its mode, which SQLite gives to the files beside it too. Never opened where it is there:
    // closing it would give up the locks that other connections of this process have on it.
    int made = ::open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made >= 0) ::close(made);
  }
  int flags = mode == Mode::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  if (sqlite3_open_v2(file_.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK) {
    return std::unexpected(error("opening it"));
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, 5000);
  std::string settings = kReaderSettings;
  if (mode == Mode::read_write) {
    settings = fmt::format(kWriterSettings, kPageSize, options.synchronous ? "FULL" : "OFF");
  }
  if (auto set = execute(settings); !set) return set;
  if (mode == Mode::read_write) sqlite3_wal_hook(handle_, note_log_pages, &log_pages_);
  // A pragma that cannot be followed says nothing: without the WAL, a commit would not be what it promises.
  auto statement = cursor("PRAGMA journal_mode");
  if (!statement) return std::unexpected(statement.error());
  auto row = (*statement)->step();
  if (!row) return std::unexpected(row.error());
  if (!*row || (*statement)->text(0) != "wal") {
    return fail(
        fmt::format("state database {}: it cannot work with a write-ahead log; a file system on the network "
                    "is the usual cause, put state.path on a local disk",
                    file_));
  }
  return {};
}

Database::~Database() {
  statements_.reset();
  sqlite3_close_v2(handle_);
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return std::unexpected(error("reading or writing"));
  }
  return {};
}

Result<std::unique_ptr<Statement>> Database::cursor(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK) {
    return std::unexpected(error(fmt::format("preparing `{}`", sql)));
  }
  return std::unique_ptr<Statement>(new Statement(*this, statement));
}

Result<Statement*> Database::prepare(std::string_view sql) {
  auto found = statements_->by_text.find(sql);
  if (found == statements_->by_text.end()) {
    auto made = cursor(sql);
    if (!made) return std::unexpected(made.error());
    found = statements_->by_text.emplace(std::string(sql), *std::move(made)).first;
  }
  found->second->reset();
  sqlite3_clear_bindings(found->second->statement_);
  return found->second.get();
}

Result<int> Database::version(const std::string& part) {
  auto statement = prepare("SELECT value FROM meta WHERE key = ?");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind_text(1, "schema." + part);
  auto row = (*statement)->step();
  if (!row) return std::unexpected(row.error());
  int version = *row ? static_cast<int>((*statement)->integer(0)) : 0;
  (*statement)->reset();
  return version;
}

Result<void> Database::migrate(const std::string& part, std::span<const char* const> steps) {
  auto transaction = Transaction::begin(*this, Transaction::Kind::write);
  if (!transaction) return std::unexpected(transaction.error());
  auto meta = execute("CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID");
  if (!meta) return meta;
  auto from = version(part);
  if (!from) return std::unexpected(from.error());
  int newest = static_cast<int>(steps.size());
  if (*from > newest) {
    return fail(fmt::format(
        "state database {}: its {} tables are of version {}, this hecate knows versions up to {}; a newer "
        "hecate wrote it, so run that one, or set state.path to an empty folder",
        file_, part, *from, newest));
  }
  for (int i = *from; i < newest; ++i) {
    if (auto done = execute(steps[static_cast<std::size_t>(i)]); !done) return done;
  }
  auto statement = prepare("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value");
  if (!statement) return std::unexpected(statement.error());
  auto noted = (*statement)->bind_text(1, "schema." + part).bind(2, std::int64_t{newest}).run();
  if (!noted) return noted;
  return transaction->commit();
}

Result<int> Database::checkpoint() {
  int put_back = 0;
  int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, &put_back);
  // Somebody else is at it, or reads: another time.
  if (code == SQLITE_OK || failure_of(code) == Failure::busy) return std::max(put_back, 0);
  return std::unexpected(error("putting the write-ahead log back"));
}

void Database::leave_log(bool leave) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave ? 1 : 0, nullptr);
}

Error Database::error(std::string_view doing) const {
  int code = handle_ ? sqlite3_extended_errcode(handle_) : SQLITE_NOMEM;
  Error error{fmt::format("state database {}: {} failed: {} (SQLite code {}); {}", file_, doing,
                          handle_ ? sqlite3_errmsg(handle_) : "out of memory", code, advice(code))};
  last_code_ = code;
  if (last_failure() == Failure::sync) sync_failure_ = error.message;
  damaged_ |= last_failure() == Failure::damaged;
  return error;
}

// --- Transaction ---

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  if (!sqlite3_get_autocommit(database.handle())) return Transaction(nullptr);
  auto begun = database.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
  if (!begun) return std::unexpected(begun.error());
  return Transaction(&database);
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself.
  if (database_ && !sqlite3_get_autocommit(database_->handle())) {
    sqlite3_exec(database_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<void> Transaction::commit() {
  if (!database_) return {};
  auto committed = database_->execute("COMMIT");
  if (committed) database_ = nullptr;
  return committed;
}

}  // namespace hecate::store
