#include "pipeline/store/store.h"

#include "pipeline/store/lock.h"
#include "pipeline/store/probe.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace hecate::store {
namespace {

constexpr const char* kSchema[] = {
    "CREATE TABLE pane(scan INTEGER NOT NULL, minute INTEGER NOT NULL, grp BLOB NOT NULL, state BLOB NOT "
    "NULL,"
    "  sample BLOB NOT NULL, PRIMARY KEY(scan, minute, grp)) WITHOUT ROWID;"
    "CREATE TABLE schedule(detection TEXT PRIMARY KEY, last_run INTEGER NOT NULL) WITHOUT ROWID;"
    // AUTOINCREMENT: findings are kept under a run's id, so an id never names a second run.
    "CREATE TABLE run(run INTEGER PRIMARY KEY AUTOINCREMENT, detection TEXT NOT NULL, scheduled INTEGER NOT "
    "NULL,"
    "  earliest INTEGER NOT NULL, latest INTEGER NOT NULL, rows INTEGER NOT NULL, done INTEGER NOT NULL);"
    "CREATE INDEX run_of ON run(detection, scheduled);"
    // For removing them once they are old: most runs tell nothing.
    "CREATE INDEX run_empty ON run(scheduled) WHERE rows = 0 AND done = 1;",

    "CREATE TABLE aside(seq INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT NOT NULL, received INTEGER NOT NULL,"
    "  time INTEGER NOT NULL, scan INTEGER NOT NULL, sample BLOB NOT NULL);"
    "CREATE TABLE seen(minute INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY(minute, event)) WITHOUT ROWID;"
    "CREATE TABLE late_minute(scan INTEGER NOT NULL, minute INTEGER NOT NULL, times INTEGER NOT NULL,"
    "  PRIMARY KEY(scan, minute)) WITHOUT ROWID;"
    "ALTER TABLE run ADD COLUMN early INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE schedule ADD COLUMN scan INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE schedule ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"};

constexpr const char* kUpsert =
    "INSERT INTO pane VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " state = hecate_merge(state, excluded.state), sample = hecate_earlier(sample, excluded.sample)";

// How often a commit is tried while the disk refuses and nobody hands anything in.
constexpr auto kRetry = std::chrono::seconds(1);

std::string_view blob(sqlite3_value* value) {
  const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
  return {bytes ? bytes : "", static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void merge_in_sql(sqlite3_context* context, int, sqlite3_value** values) {
  auto merged = spl::merge_states(blob(values[0]), blob(values[1]));
  if (merged) {
    sqlite3_result_blob64(context, merged->data(), merged->size(), SQLITE_TRANSIENT);
  } else {
    sqlite3_result_error(context, merged.error().message.c_str(), -1);
  }
}

void earlier_in_sql(sqlite3_context* context, int, sqlite3_value** values) {
  bool second = Sample::earlier(blob(values[0]), blob(values[1])).data() == blob(values[1]).data();
  sqlite3_result_value(context, values[second ? 1 : 0]);
}

Result<void> add_functions(Database& database) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  auto add = [&](const char* name, void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    return sqlite3_create_function_v2(database.handle(), name, 2, kFlags, nullptr, function, nullptr, nullptr,
                                      nullptr);
  };
  if (add("hecate_merge", merge_in_sql) != SQLITE_OK || add("hecate_earlier", earlier_in_sql) != SQLITE_OK) {
    return std::unexpected(database.error("preparing to merge states"));
  }
  return {};
}

// One thing that was handed in.
struct Submission {
  DeltaSet deltas;
  Store::Job job;
  Store::Completion done;
};

class Journal final : public Store {
 public:
  Journal(DirectoryLock lock, std::unique_ptr<Database> database, const Clock& clock,
          prometheus::Registry& registry)
      : lock_(std::move(lock)), database_(std::move(database)), clock_(clock), probe_(registry) {
    probe_.measure(database_->file());
    thread_ = std::thread([this] { write_until_stopped(); });
  }

  ~Journal() override {
    {
      std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void submit(DeltaSet&& deltas, Completion done) override {
    hand_in({std::move(deltas), nullptr, std::move(done)});
  }
  void write(Job job, Completion done) override { hand_in({{}, std::move(job), std::move(done)}); }

  Result<void> write_and_wait(Job job) override {
    std::promise<Outcome> promise;
    auto outcome = promise.get_future();
    write(std::move(job), [&promise](Outcome result) { promise.set_value(result); });
    if (outcome.get() == Outcome::committed) return {};
    auto why = trouble();
    return fail(why.empty() ? "the journal refused a commit" : std::move(why));
  }

  void set_commit_listener(CommitListener listener) override {
    std::lock_guard guard(listener_mutex_);
    listener_ = std::move(listener);
  }

  void set_commit_hook(CommitHook hook) override {
    std::lock_guard guard(listener_mutex_);
    hook_ = std::move(hook);
  }

  Result<std::unique_ptr<Database>> reader() override {
    return Database::open(database_->file(), Database::Mode::read_only);
  }

  std::string trouble() const override {
    std::lock_guard guard(mutex_);
    return trouble_;
  }

 private:
  void hand_in(Submission submission) {
    {
      std::lock_guard guard(mutex_);
      queue_.push_back(std::move(submission));
    }
    changed_.notify_one();
  }

  // Commits follow one another while there is work: whatever came in during one commit is the next one.
  void write_until_stopped() {
    std::unique_lock guard(mutex_);
    while (true) {
      auto ready = [this] { return stopping_ || !queue_.empty(); };
      if (trouble_.empty()) {
        changed_.wait(guard, ready);
      } else {
        changed_.wait_for(guard, kRetry, ready);
      }
      if (stopping_ && queue_.empty()) return;
      std::vector<Submission> batch;
      batch.swap(queue_);
      guard.unlock();
      commit(batch);
      guard.lock();
    }
  }

  void commit(std::vector<Submission>& batch) {
    DeltaSet merged;
    for (auto& submission : batch) merged.merge(std::move(submission.deltas));
    auto began = std::chrono::steady_clock::now();
    auto written = write_batch(merged, batch);
    if (written) {
      probe_.committed(merged.size(), std::chrono::steady_clock::now() - began);
      probe_.found_duplicates(duplicates_);
      set_trouble({});
    } else {
      failed(written.error());
    }
    probe_.measure(database_->file());
    for (auto& submission : batch) {
      if (submission.done) submission.done(written ? Outcome::committed : Outcome::failed);
    }
    if (!written || merged.size() == 0) return;
    std::lock_guard guard(listener_mutex_);
    if (listener_) listener_(merged);
  }

  Result<void> write_batch(DeltaSet& merged, std::vector<Submission>& batch) {
    auto transaction = Transaction::begin(*database_, Transaction::Kind::write);
    if (!transaction) return std::unexpected(transaction.error());
    if (auto done = take_first_time(merged); !done) return done;
    if (auto done = write_panes(merged); !done) return done;
    if (auto done = write_aside(merged); !done) return done;
    if (auto done = run_hook(merged); !done) return done;
    for (auto& submission : batch) {
      if (!submission.job) continue;
      if (auto done = submission.job(*database_); !done) return done;
    }
    if (batch.empty()) {  // a try whether the disk takes anything again
      if (auto done = write_try(); !done) return done;
    }
    return transaction->commit();
  }

  // Merges what events contributed that were not seen before.
  Result<void> take_first_time(DeltaSet& merged) {
    duplicates_ = 0;
    for (DeltaSet::Once& once : merged.take_once()) {
      auto insert = database_->prepare("INSERT OR IGNORE INTO seen VALUES (?, ?)");
      if (!insert) return std::unexpected(insert.error());
      auto done = (*insert)->bind(1, once.minute).bind_blob(2, once.event).run();
      if (!done) return done;
      if (sqlite3_changes(database_->handle()) > 0) {
        merged.merge(std::move(once.deltas));
      } else {
        ++duplicates_;
      }
    }
    return {};
  }

  Result<void> write_aside(const DeltaSet& merged) {
    for (const Aside& event : merged.aside()) {
      auto insert = database_->prepare(
          "INSERT INTO aside(reason, received, time, scan, sample) VALUES (?, ?, ?, ?, ?)");
      if (!insert) return std::unexpected(insert.error());
      sample_.clear();
      event.sample.encode(sample_);
      auto done = (*insert)
                      ->bind_text(1, to_text(event.reason))
                      .bind(2, event.received)
                      .bind(3, event.sample.time)
                      .bind(4, static_cast<std::int64_t>(event.scan))
                      .bind_blob(5, sample_)
                      .run();
      if (!done) return done;
    }
    return {};
  }

  Result<void> run_hook(const DeltaSet& merged) {
    if (merged.size() == 0) return {};
    std::lock_guard guard(listener_mutex_);
    return hook_ ? hook_(*database_, merged) : Result<void>();
  }

  Result<void> write_panes(DeltaSet& merged) {
    std::vector<std::pair<const DeltaKey, Delta>*> ordered;
    ordered.reserve(merged.size());
    for (auto& entry : merged) ordered.push_back(&entry);
    // In the table's order, so that rows of one page are written together.
    std::ranges::sort(ordered, [](const auto* a, const auto* b) {
      return std::tie(a->first.scan, a->first.minute, a->first.group) <
             std::tie(b->first.scan, b->first.minute, b->first.group);
    });
    auto upsert = database_->prepare(kUpsert);
    if (!upsert) return std::unexpected(upsert.error());
    for (const auto* entry : ordered) {
      state_.clear();
      sample_.clear();
      entry->second.state.encode(state_);
      entry->second.sample.encode(sample_);
      auto done = (*upsert)
                      ->bind(1, static_cast<std::int64_t>(entry->first.scan))
                      .bind(2, entry->first.minute)
                      .bind_blob(3, entry->first.group)
                      .bind_blob(4, state_)
                      .bind_blob(5, sample_)
                      .run();
      if (!done) return done;
    }
    return {};
  }

  Result<void> write_try() {
    auto statement = database_->prepare(
        "INSERT INTO meta VALUES ('recovered', ?) ON CONFLICT DO UPDATE SET value = excluded.value");
    if (!statement) return std::unexpected(statement.error());
    return (*statement)->bind(1, clock_.now()).run();
  }

  // Every failed commit comes by here. It was rolled back as a whole; its senders are told, and the next
  // commit is tried afresh.
  void failed(const Error& error) {
    probe_.failed();
    set_trouble(error.message);
  }

  void set_trouble(std::string why) {
    std::lock_guard guard(mutex_);
    trouble_ = std::move(why);
  }

  DirectoryLock lock_;
  std::unique_ptr<Database> database_;  // the writer thread's
  const Clock& clock_;
  JournalProbe probe_;
  std::string state_, sample_;  // of the row being written; kept for their memory
  std::size_t duplicates_ = 0;  // in the commit being written

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Submission> queue_;
  std::string trouble_;
  bool stopping_ = false;
  std::mutex listener_mutex_;  // held while the listener or the hook runs
  CommitListener listener_;
  CommitHook hook_;
  std::thread thread_;
};

}  // namespace

Result<void> make_directory(const std::string& directory) {
  std::error_code error;
  auto parent = std::filesystem::path(directory).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (!error && ::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    error = std::error_code(errno, std::generic_category());
  }
  if (!error && !std::filesystem::is_directory(directory, error) && !error) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (!error) return {};
  return fail(fmt::format(
      "state folder {}: cannot make it: {}; make it by hand for hecate's user, or set state.path to "
      "a folder that this user may write to",
      directory, error.message()));
}

Result<std::unique_ptr<Store>> Store::open(const std::string& directory, const Clock& clock,
                                           prometheus::Registry& registry) {
  if (auto made = make_directory(directory); !made) return std::unexpected(made.error());
  auto lock = DirectoryLock::take(directory);
  if (!lock) return std::unexpected(lock.error());
  // Large sorts spill there: the state folder is the one place that is sure to be writable and roomy.
  ::setenv("SQLITE_TMPDIR", directory.c_str(), 0);
  auto database = Database::open(directory + "/hecate.db", Database::Mode::read_write);
  if (!database) return std::unexpected(database.error());
  if (auto migrated = (*database)->migrate("store", kSchema); !migrated)
    return std::unexpected(migrated.error());
  if (auto added = add_functions(**database); !added) return std::unexpected(added.error());
  return std::make_unique<Journal>(*std::move(lock), *std::move(database), clock, registry);
}

}  // namespace hecate::store
