#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

struct sqlite3_vfs;

namespace hecate::testing {

// A disk of a test's own under SQLite: a VFS over the system's that knows what of each database, log and
// journal was synced, and can fail as disks do. Files are real; they hold what the system's cache would.
// Registered under `name` for as long as it lives; thread-safe.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  // An empty folder for what lies on it, gone with it; in memory where the system can, since nothing on it
  // waits for a real disk.
  [[nodiscard]] std::string operator/(const std::string& file) const { return folder_ + "/" + file; }

  enum class Fault {
    none,
    full,         // a write writes half and says ENOSPC
    write_error,  // a write writes half and says EIO
    sync_error,   // a sync says EIO once; what it was for stays in the cache and no later sync writes it
  };
  // The nth write from now fails, 1 being the next, and all later ones until `mend`; for sync_error, the nth
  // sync.
  void fail_from(Fault fault, int nth);
  void mend();
  // At least one call has failed since fail_from.
  [[nodiscard]] bool failed() const;

  // The power goes at the nth change (write, sync, truncation, deletion) from now: that and all later ones
  // fail and leave everything as it is.
  void cut_power_at(int nth);
  [[nodiscard]] bool powered() const;
  // The power is back, after all files were closed. Of what was not synced since, some sectors and some names
  // survive; the rest is gone.
  void restart_machine(std::mt19937& random);
  // The same for a process that was killed: the system's cache is still there.
  void restart_process();

  // --- for the VFS ---
  struct Change {
    bool truncate;
    std::int64_t at;  // offset, or the new size
    std::string bytes;
  };
  struct Inode {
    std::string synced;
    std::vector<Change> unsynced;
  };
  enum class Verdict { good, full, write_error, sync_error, dead };
  [[nodiscard]] Verdict before_change(bool is_sync);
  [[nodiscard]] std::shared_ptr<Inode> opened(const std::string& path);
  void changed(Inode& inode, Change change);
  void synced(Inode& inode, bool with_names);
  void sync_failed(Inode& inode);
  void removed(const std::string& path, bool with_names);
  [[nodiscard]] sqlite3_vfs& system() const { return *system_; }

 private:
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  std::string name_;
  std::string folder_;
  sqlite3_vfs* system_;
  std::unique_ptr<sqlite3_vfs> vfs_;

  mutable std::mutex mutex_;
  Names names_;         // as the cache has them
  Names synced_names_;  // as the disk has them
  Fault fault_ = Fault::none;
  int until_fault_ = 0;
  bool has_failed_ = false;
  int until_cut_ = 0;  // 0: never
  bool powered_ = true;
};

}  // namespace hecate::testing
