#include "pipeline/store/store.h"

#include "pipeline/store/checkpointer.h"
#include "pipeline/store/lock.h"
#include "pipeline/store/pane_writer.h"
#include "pipeline/store/probe.h"
#include "pipeline/store/recovery.h"
#include "pipeline/store/removal.h"
#include "pipeline/store/tail.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

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

    "CREATE TABLE aside(seq INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT NOT NULL, received INTEGER NOT "
    "NULL,"
    "  time INTEGER NOT NULL, scan INTEGER NOT NULL, sample BLOB NOT NULL);"
    "CREATE TABLE seen(minute INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY(minute, event)) WITHOUT "
    "ROWID;"
    "CREATE TABLE late_minute(scan INTEGER NOT NULL, minute INTEGER NOT NULL, times INTEGER NOT NULL,"
    "  PRIMARY KEY(scan, minute)) WITHOUT ROWID;"
    "ALTER TABLE run ADD COLUMN early INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE schedule ADD COLUMN scan INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE schedule ADD COLUMN since INTEGER NOT NULL DEFAULT 0;",

    "CREATE TABLE damaged(seq INTEGER PRIMARY KEY AUTOINCREMENT, found INTEGER NOT NULL, reason TEXT NOT "
    "NULL,"
    "  scan INTEGER NOT NULL, minute INTEGER NOT NULL, grp BLOB NOT NULL, state BLOB NOT NULL,"
    "  sample BLOB NOT NULL);",

    "CREATE TABLE pane_size(scan INTEGER NOT NULL, minute INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  dropped INTEGER NOT NULL, PRIMARY KEY(scan, minute)) WITHOUT ROWID;",

    "ALTER TABLE schedule ADD COLUMN first INTEGER NOT NULL DEFAULT 0;",

    "CREATE INDEX run_undone ON run(detection) WHERE done = 0;",

    "ALTER TABLE run ADD COLUMN evaluated INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN took INTEGER NOT NULL DEFAULT 0;"
    // Who looks for runs by their time looks for scheduled ones; first_match may have made thousands.
    "DROP INDEX run_of;"
    "CREATE INDEX run_of ON run(detection, scheduled) WHERE early = 0;",

    "CREATE TABLE tail(seq INTEGER PRIMARY KEY, deltas BLOB NOT NULL);"
    "CREATE TABLE folding(one INTEGER PRIMARY KEY CHECK (one = 1), until INTEGER NOT NULL,"
    "  scan INTEGER NOT NULL, minute INTEGER NOT NULL, grp BLOB NOT NULL);"};

// The writer puts back itself what is left when it is a short part of a log, and of a log that has become
// long: then its disk is too slow for both.
constexpr int kShortPart = 4;
constexpr int kLongestLog = 16;

// EX_IOERR of sysexits.h.
constexpr int kExitDisk = 74;

// One thing that was handed in.
struct Submission {
  DeltaSet deltas;
  Store::Job job;
  Store::Completion done;
};

// A commit that changes nothing but its own count.
Result<void> count_in_meta(Database& database, std::string_view what) {
  auto statement =
      database.prepare("INSERT INTO meta VALUES (?, 1) ON CONFLICT DO UPDATE SET value = value + 1");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, what).run();
}

class Journal final : public Store {
 public:
  Journal(DirectoryLock lock, std::unique_ptr<Database> database, const Clock& clock,
          prometheus::Registry& registry, StoreOptions options)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        clock_(clock),
        options_(std::move(options)),
        probe_(registry),
        panes_(*database_, clock, options_.scan_budget),
        tail_(*database_, panes_, clock, options_.tail_bytes) {}

  Result<void> start() {
    if (auto ready = panes_.prepare(); !ready) return ready;
    auto unreadable = tail_.load();
    if (!unreadable) return std::unexpected(unreadable.error());
    tell_put_aside(*unreadable);
    probe_.measure(database_->file());
    if (options_.checkpointer) {
      auto checkpointer = Checkpointer::start(database_->file(), options_.database, [this] { pass_ended(); });
      if (!checkpointer) return std::unexpected(checkpointer.error());
      checkpointer_ = *std::move(checkpointer);
    }
    thread_ = std::thread([this] { write_until_stopped(); });
    return {};
  }

  ~Journal() override {
    {
      std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
    if (checkpointer_) {
      checkpointer_->stop();
      take_pass();
      checkpointer_.reset();
    }
    // Closing puts the log back and removes it.
    if (dead_ || !lock_.expect_log(false)) database_->leave_log(true);
  }

  void submit(DeltaSet&& deltas, Completion done) override {
    hand_in({std::move(deltas), nullptr, std::move(done)});
  }
  void write(Job job, Completion done) override { hand_in({{}, std::move(job), std::move(done)}); }

  Result<void> write_and_wait(Job job) override {
    std::promise<Outcome> promise;
    auto outcome = promise.get_future();
    write(std::move(job),
          [promise = std::move(promise)](Outcome result) mutable { promise.set_value(result); });
    try {
      if (outcome.get() == Outcome::committed) return {};
    } catch (const std::future_error&) {
      // Dropped: the disk did not confirm.
    }
    std::lock_guard guard(mutex_);
    return fail(last_failure_);
  }

  void set_commit_listener(CommitListener listener) override {
    std::lock_guard guard(listener_mutex_);
    listener_ = std::move(listener);
  }

  void set_commit_hook(CommitHook hook) override {
    std::lock_guard guard(listener_mutex_);
    hook_ = std::move(hook);
  }

  Result<void> fold() override {
    std::optional<std::int64_t> until;
    bool done = false;
    while (!done) {
      auto folded = write_and_wait([&](Database&) -> Result<void> {
        if (!until) until = tail_.newest();
        done = tail_.folded() >= *until;
        return done ? Result<void>() : tail_.fold(options_.fold_rows);
      });
      if (!folded) return folded;
    }
    return {};
  }

  Result<void> remove_minutes(std::uint64_t scan, std::int64_t minute) override {
    std::int64_t removed = kRowsARemoval;
    while (removed == kRowsARemoval) {
      auto done = write_and_wait([&](Database&) -> Result<void> {
        auto rows = panes_.remove(scan, minute, kRowsARemoval);
        if (!rows) return std::unexpected(rows.error());
        removed = *rows;
        return {};
      });
      if (!done) return done;
    }
    return {};
  }

  Result<void> put_aside(const std::vector<DeltaKey>& rows) override {
    return write_and_wait([&](Database&) -> Result<void> {
      for (const DeltaKey& row : rows)
        if (auto done = panes_.put_aside_unreadable(row); !done) return done;
      return {};
    });
  }

  Result<std::unique_ptr<Database>> reader() override {
    return Database::open(database_->file(), Database::Mode::read_only, options_.database);
  }

  std::string trouble() const override {
    std::lock_guard guard(mutex_);
    return trouble_;
  }

  bool can_store() const override { return can_store_.load(std::memory_order_relaxed); }

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
      auto ready = [this] { return stopping_ || pass_ended_ || !queue_.empty() || is_folding_due(); };
      if (trouble_.empty()) {
        changed_.wait(guard, ready);
      } else {
        changed_.wait_for(guard, options_.retry, ready);
      }
      if (stopping_ && queue_.empty()) break;
      if (std::exchange(pass_ended_, false)) {
        guard.unlock();
        take_pass();
        guard.lock();
        if (queue_.empty()) continue;
      }
      std::vector<Submission> batch;
      batch.swap(queue_);
      guard.unlock();
      commit(batch);
      guard.lock();
    }
    guard.unlock();
    fold_rest();
  }

  // Needs mutex_. While the disk refuses, the tries at intervals go on with it.
  bool is_folding_due() const { return trouble_.empty() && !dead_ && tail_.should_fold(); }

  // So that whoever looks at a stopped hecate's database finds all of it in its tables. Where it fails, the
  // next start has it all the same.
  void fold_rest() {
    std::vector<Submission> none;
    while (!dead_ && can_store() && tail_.folded() < tail_.newest()) {
      closing_ = true;
      commit(none);
    }
  }

  void commit(std::vector<Submission>& batch) {
    if (dead_) return;
    DeltaSet merged;
    auto began = std::chrono::steady_clock::now();
    auto log_before = static_cast<std::size_t>(database_->log_pages());
    auto written = attempt(merged, batch);
    if (database_->sync_failed()) return give_up(database_->sync_failure());
    if (written) {
      auto log_after = static_cast<std::size_t>(database_->log_pages());
      auto pages = log_after >= log_before ? log_after - log_before : log_after;
      probe_.committed(merged.size(), pages * kPageSize, std::chrono::steady_clock::now() - began);
      probe_.found_duplicates(duplicates_);
      panes_.committed();
      probe_.over_budget(panes_.dropped());
      tell_put_aside(panes_.take_put_aside());
      if (!log_stuck_) set_trouble({});
    } else {
      panes_.rolled_back();
      tail_.rolled_back();
      failed(written.error(), thrown_.value_or(database_->last_failure()));
    }
    probe_.measure(database_->file());
    answer(batch, written ? Outcome::committed : Outcome::failed);
    if (!written) return;
    tell_listener(merged);
    if (!keep(std::move(merged))) return;
    shorten_log();
  }

  // What the commit holds is on disk; were it not kept in memory too, folding would pass it over.
  bool keep(DeltaSet&& merged) {
    try {
      tail_.committed(std::move(merged));
      probe_.waiting(tail_.bytes());
      return true;
    } catch (const std::exception& thrown) {
      give_up(fmt::format(
          "the journal could not keep in memory what it committed: {}; all of it is on disk, and the next "
          "start reads it; give hecate more memory",
          thrown.what()));
      return false;
    }
  }

  // Whatever goes wrong in it, inside of a job too, is a commit that failed.
  Result<void> attempt(DeltaSet& merged, std::vector<Submission>& batch) {
    if (database_->damaged()) {
      std::lock_guard guard(mutex_);
      return fail(last_failure_);
    }
    database_->forget_failure();
    thrown_.reset();
    try {
      for (auto& submission : batch) merged.merge(std::move(submission.deltas));
      return write_batch(merged, batch);
    } catch (const std::bad_alloc&) {
      thrown_ = Failure::memory;
      return fail("the journal ran out of memory; give hecate more, or look at what else takes it");
    } catch (const std::exception& thrown) {
      thrown_ = Failure::other;
      return fail(fmt::format("the journal met an error of the program: {}; report it", thrown.what()));
    }
  }

  // Each answers, or is let go of, on its own.
  static void answer(std::vector<Submission>& batch, Outcome outcome) {
    for (auto& submission : batch) {
      try {
        if (submission.done) submission.done(outcome);
      } catch (const std::exception& thrown) {
        spdlog::error("a sender could not be told of a commit: {}", thrown.what());
      }
    }
  }

  void tell_listener(const DeltaSet& merged) {
    if (merged.size() == 0) return;
    std::lock_guard guard(listener_mutex_);
    try {
      if (listener_) listener_(merged);
    } catch (const std::exception& thrown) {
      spdlog::error(
          "what a commit holds could not be told to first_match; the scheduled run will tell it: {}",
          thrown.what());
    }
  }

  void tell_put_aside(const std::vector<std::string>& rows) {
    probe_.put_aside(rows.size());
    for (const auto& row : rows) {
      spdlog::error(
          "state database {}: a row could not be read or merged and was moved to the table damaged; what it "
          "counted is missing from its window, look at the disk's health: {}",
          database_->file(), row);
    }
  }

  // After the answers, so that nobody waits for it. The commit stands whatever comes of this; but a log that
  // cannot be put back would grow until it has filled the disk.
  void shorten_log() {
    if (checkpointer_) {
      take_pass();
      if (dead_ || !checkpointer_->idle()) return;
    }
    int pages = database_->log_pages();
    // The log has begun anew: all of it was in the database.
    if (pages < std::exchange(log_pages_, pages)) put_back_ = 0;
    if (!log_stuck_ && pages < options_.log_pages) return;
    if (checkpointer_ && pages - put_back_ > options_.log_pages / kShortPart &&
        pages < options_.log_pages * kLongestLog)
      return checkpointer_->ask();
    auto put_back = database_->checkpoint();
    note(Checkpointer::Pass{std::move(put_back), database_->last_failure(), database_->sync_failure()});
  }

  void pass_ended() {
    {
      std::lock_guard guard(mutex_);
      pass_ended_ = true;
    }
    changed_.notify_one();
  }

  void take_pass() {
    auto pass = checkpointer_->take();
    if (pass && !dead_) note(*pass);
  }

  void note(const Checkpointer::Pass& pass) {
    if (!pass.sync_failure.empty()) return give_up(pass.sync_failure);
    if (pass.put_back) {
      put_back_ = *pass.put_back;
      if (log_stuck_) set_trouble({});
    } else {
      failed(pass.put_back.error(), pass.failure);
    }
    log_stuck_ = !pass.put_back;
  }

  // What a disk did not confirm may be there or not, and a second fsync would say yes without knowing. So
  // nobody is told anything, and only a new start, which reads what is there, goes on.
  void give_up(const std::string& why) {
    dead_ = true;
    database_->leave_log(true);
    probe_.failed(Failure::sync);
    set_trouble(why);
    if (options_.fatal) return options_.fatal(why);
    spdlog::critical("{}", why);
    spdlog::default_logger()->flush();
    ::_exit(kExitDisk);
  }

  Result<void> write_batch(DeltaSet& merged, std::vector<Submission>& batch) {
    auto transaction = Transaction::begin(*database_, Transaction::Kind::write);
    if (!transaction) return std::unexpected(transaction.error());
    if (auto done = take_first_time(merged); !done) return done;
    if (auto done = tail_.append(merged); !done) return done;
    bool folds = tail_.should_fold() || closing_;
    if (folds) {
      if (auto done = tail_.fold(options_.fold_rows + 2 * merged.size()); !done) return done;
    }
    if (auto done = write_aside(merged); !done) return done;
    if (auto done = run_hook(merged); !done) return done;
    for (auto& submission : batch) {
      if (!submission.job) continue;
      if (auto done = submission.job(*database_); !done) return done;
    }
    if (batch.empty() && !folds) {  // a try whether the disk takes anything again
      if (auto done = count_in_meta(*database_, "tries"); !done) return done;
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

  // Every failed commit comes by here. It was rolled back as a whole; its senders are told, and the next
  // commit is tried afresh.
  void failed(const Error& error, Failure failure) {
    probe_.failed(failure);
    set_trouble(error.message);
  }

  void set_trouble(std::string why) {
    std::lock_guard guard(mutex_);
    if (trouble_.empty() && !why.empty())
      spdlog::error("nothing can be stored, senders are turned away until it can: {}", why);
    if (!trouble_.empty() && why.empty()) spdlog::warn("everything can be stored again; the trouble is over");
    if (!why.empty()) last_failure_ = why;
    trouble_ = std::move(why);
    can_store_.store(trouble_.empty(), std::memory_order_relaxed);
  }

  DirectoryLock lock_;
  std::unique_ptr<Database> database_;  // the writer thread's
  const Clock& clock_;
  StoreOptions options_;
  JournalProbe probe_;

  // The writer thread's.
  PaneWriter panes_;
  Tail tail_;
  bool closing_ = false;           // all that is left of the tail is folded
  std::string sample_;             // of the row being written; kept for its memory
  std::optional<Failure> thrown_;  // the last commit failed by an exception
  int log_pages_ = 0;              // as of the last commit
  int put_back_ = 0;               // pages of the log that the database has, as of the last look
  bool log_stuck_ = false;         // the log could not be put back
  bool dead_ = false;
  std::size_t duplicates_ = 0;  // in the commit being written

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Submission> queue_;
  std::string trouble_;
  std::atomic<bool> can_store_{true};  // changed with trouble_
  std::string last_failure_;           // stays when the trouble is over
  bool stopping_ = false;
  bool pass_ended_ = false;    // of the checkpointer
  std::mutex listener_mutex_;  // held while the listener or the hook runs
  CommitListener listener_;
  CommitHook hook_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::thread thread_;
};

Result<std::unique_ptr<Database>> open_database(const std::string& directory, DirectoryLock& lock,
                                                const DatabaseOptions& options) {
  std::string file = directory + "/hecate.db";
  if (auto there = look_for_log(directory); !there) return std::unexpected(there.error());
  if (auto settled = settle_log(file, options); !settled) return std::unexpected(settled.error());
  auto database = Database::open(file, Database::Mode::read_write, options);
  if (!database) return database;
  // Closing it after an error leaves all as it was found.
  (*database)->leave_log(true);
  if (auto sound = look_for_damage(**database); !sound) return std::unexpected(sound.error());
  if (auto migrated = (*database)->migrate("store", kSchema); !migrated)
    return std::unexpected(migrated.error());
  if (auto synced = sync_directory(directory); !synced) return std::unexpected(synced.error());
  // From now on a log without anything in it is one that was lost.
  if (auto begun = count_in_meta(**database, "starts"); !begun) return std::unexpected(begun.error());
  if (auto noted = lock.expect_log(true); !noted) return std::unexpected(noted.error());
  (*database)->leave_log(false);
  return database;
}

}  // namespace

int schema_version() {
  return static_cast<int>(std::size(kSchema));
}

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
                                           prometheus::Registry& registry, StoreOptions options) {
  if (auto made = make_directory(directory); !made) return std::unexpected(made.error());
  auto lock = DirectoryLock::take(directory);
  if (!lock) return std::unexpected(lock.error());
  // Large sorts spill there: the state folder is the one place that is sure to be writable and roomy.
  ::setenv("SQLITE_TMPDIR", directory.c_str(), 0);
  auto database = open_database(directory, *lock, options.database);
  if (!database) return std::unexpected(database.error());
  auto journal =
      std::make_unique<Journal>(*std::move(lock), *std::move(database), clock, registry, std::move(options));
  if (auto started = journal->start(); !started) return std::unexpected(started.error());
  return journal;
}

}  // namespace hecate::store
