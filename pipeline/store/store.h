#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/base/error.h"
#include "pipeline/store/database.h"
#include "pipeline/store/delta.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Registry;
}

namespace hecate::store {

struct StoreOptions {
  DatabaseOptions database;
  // Called on the writer's thread when the disk did not confirm what was written to it (a failed fsync): from
  // then on nothing is committed and nobody is answered. Where it is empty, `why` is logged and the process
  // ends at once with code 74 (EX_IOERR): the next start finds all that was answered.
  std::function<void(const std::string& why)> fatal;
  // With so many pages the write-ahead log is put back into the database: 16 MB.
  int log_pages = 1000;
  // By a thread of its own. False: by the writer, after the answers of a commit; for tests that must know
  // what is written when.
  bool checkpointer = true;
  // Bytes that the state of one scan may take on disk; over it its further groups are dropped, and the runs
  // of their windows are incomplete (read_dropped). 0: any.
  std::size_t scan_budget = std::size_t{8} << 30;
  // Contributions that may wait in the table `tail` before commits begin to fold them into `pane`.
  std::size_t tail_bytes = std::size_t{16} << 20;
  // So many rows one commit folds, and besides twice what it appends: ingest never waits long for it, and the
  // tail gets shorter.
  std::size_t fold_rows = 500;
  // How often a commit is tried while the disk refuses and nobody hands anything in.
  std::chrono::milliseconds retry{1000};
};

// The journal: the one writer of hecate's SQLite database (WAL, synchronous=FULL). What is handed in is
// gathered into commits that follow one another while there is work: what comes in during one commit is the
// next one, and nothing waits for company. Completions run on the writer's thread after the commit that holds
// their work is on disk. The schema and what a commit does are told in docs/state.md.
class Store {
 public:
  enum class Outcome {
    committed,  // on disk
    failed,     // the disk refused (full, I/O error): nothing of it is kept; the sender must send again
  };
  // Destroyed without a call when the disk did not confirm a commit (see StoreOptions::fatal): then nobody
  // knows.
  using Completion = std::move_only_function<void(Outcome)>;
  // Work for the writer thread inside its transaction, after all deltas of the commit are merged. It must not
  // fail for reasons of its own; an error inside rolls the whole commit back and every completion gets
  // `failed`.
  using Job = std::move_only_function<Result<void>(Database&)>;
  // Called on the writer thread inside each transaction that merged anything, after it was: what it writes is
  // on disk with the commit. The same holds as for a job.
  using CommitHook = std::function<Result<void>(Database&, const DeltaSet&)>;
  // Called on the writer thread after each commit that merged anything, and after its completions.
  using CommitListener = std::function<void(const DeltaSet&)>;

  // Opens or makes the database in `directory` and starts the writer. Refuses a newer schema, a damaged file
  // or one whose write-ahead log is missing (says what to do), and a directory that another process has
  // locked.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::string& directory, const Clock& clock,
                                                           prometheus::Registry& registry,
                                                           StoreOptions options = {});
  virtual ~Store() = default;  // commits what was handed in, then closes

  // Thread-safe; never blocks on the disk.
  virtual void submit(DeltaSet&& deltas, Completion done) = 0;
  virtual void write(Job job, Completion done) = 0;
  // The same, waiting for the commit; not from the writer's thread (a job, a completion, the listener).
  [[nodiscard]] virtual Result<void> write_and_wait(Job job) = 0;
  // When it returns, the listener before is not running and runs no more. Not from a listener.
  virtual void set_commit_listener(CommitListener listener) = 0;
  virtual void set_commit_hook(CommitHook hook) = 0;  // likewise

  // When it returns, `pane` holds all that was handed in before the call: what a commit holds is on disk, but
  // read_groups, read_minutes and read_group see it only then. In commits of some hundred rows. Not from the
  // writer's thread.
  [[nodiscard]] virtual Result<void> fold() = 0;

  // Removes the minutes of `scan` before `minute`, in commits of a few hundred rows. Not from the writer's
  // thread.
  [[nodiscard]] virtual Result<void> remove_minutes(std::uint64_t scan, std::int64_t minute) = 0;

  // Takes rows that (still) cannot be read out of `pane`, into the table `damaged`; runs of windows with
  // their minutes are incomplete from now on (read_dropped). Not from the writer's thread.
  [[nodiscard]] virtual Result<void> put_aside(const std::vector<DeltaKey>& rows) = 0;

  // A connection for reading, for one thread: sees a consistent state, blocks nobody.
  [[nodiscard]] virtual Result<std::unique_ptr<Database>> reader() = 0;

  // Why nothing can be committed at present (disk full …); empty while all is well. For /readyz. While there
  // is trouble the journal tries a small commit each second, so that it ends by itself; with a damaged
  // database it does not, since what were added to one may have to be thrown away with it.
  [[nodiscard]] virtual std::string trouble() const = 0;
  // Whether there is none; never waits, for those who ask with every request.
  [[nodiscard]] virtual bool can_store() const = 0;
};

// The newest version of the part `store` of the schema.
[[nodiscard]] int schema_version();

// Makes the state's folder, with mode 0700, and those above it; does nothing where it is there already.
[[nodiscard]] Result<void> make_directory(const std::string& directory);

// The groups of `scan` in minutes [from, to), as far as they are folded (Store::fold), merged over minutes,
// sorted by key, each once and as of one commit; what a group gets after that is not in it. Some thousand
// rows are read, in memory of some megabytes and a cursor's a minute, and then visited: a view of the
// database that stays open would let the write-ahead log grow as long as the visits take. (Windows of more
// than 1,500 minutes that hold something are sorted by SQLite, in one view.) `group` returns false to stop;
// it may use `reader` for read_group. Rows that cannot be read are left out and named in `damaged`; without
// it they are an error.
using GroupVisitor = std::function<bool(std::string_view key, spl::GroupState&& state, const Sample& sample)>;
[[nodiscard]] Result<void> read_groups(Database& reader, std::uint64_t scan, std::int64_t from_minute,
                                       std::int64_t to_minute, const GroupVisitor& group,
                                       std::vector<DeltaKey>* damaged = nullptr);
// The minutes of that range that hold anything.
[[nodiscard]] Result<std::vector<std::int64_t>> read_minutes(Database& reader, std::uint64_t scan,
                                                             std::int64_t from_minute,
                                                             std::int64_t to_minute);
// One group of these minutes; false when there is none.
[[nodiscard]] Result<bool> read_group(Database& reader, std::uint64_t scan,
                                      std::span<const std::int64_t> minutes, std::string_view key,
                                      spl::GroupState& state, Sample& sample,
                                      std::vector<DeltaKey>* damaged = nullptr);

}  // namespace hecate::store
