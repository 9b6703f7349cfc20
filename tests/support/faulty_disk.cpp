#include "tests/support/faulty_disk.h"

#include "tests/support/testing.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>

#include <sqlite3.h>
#include <unistd.h>

namespace hecate::testing {
namespace {

constexpr std::size_t kSector = 512;

// A file as SQLite sees it: ours, and behind it in memory the system's.
struct File {
  sqlite3_file base;
  FaultyDisk* disk;
  std::shared_ptr<FaultyDisk::Inode> inode;  // null: a temporary file, which nobody follows
  bool name_unsynced;  // as the system has it: the first sync of a log or journal syncs its folder too
  sqlite3_file* system;
};

File& file_of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}
sqlite3_file* system_of(sqlite3_file* file) {
  return file_of(file).system;
}

int code_of(FaultyDisk::Verdict verdict) {
  switch (verdict) {
    case FaultyDisk::Verdict::good:
      return SQLITE_OK;
    case FaultyDisk::Verdict::full:
      return SQLITE_FULL;
    case FaultyDisk::Verdict::sync_error:
      return SQLITE_IOERR_FSYNC;
    case FaultyDisk::Verdict::write_error:
    case FaultyDisk::Verdict::dead:
      break;
  }
  return SQLITE_IOERR_WRITE;
}

int close(sqlite3_file* file) {
  int code = SQLITE_OK;
  if (system_of(file)->pMethods) code = system_of(file)->pMethods->xClose(system_of(file));
  file_of(file).~File();
  return code;
}

int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
  File& it = file_of(file);
  if (!it.inode) return it.system->pMethods->xWrite(it.system, bytes, size, at);
  auto verdict = it.disk->before_change(false);
  if (verdict == FaultyDisk::Verdict::dead) return code_of(verdict);
  if (verdict != FaultyDisk::Verdict::good) size /= 2;
  if (size > 0) {
    if (int code = it.system->pMethods->xWrite(it.system, bytes, size, at); code != SQLITE_OK) return code;
    it.disk->changed(*it.inode,
                     {false, at, {static_cast<const char*>(bytes), static_cast<std::size_t>(size)}});
  }
  return code_of(verdict);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  File& it = file_of(file);
  if (!it.inode) return it.system->pMethods->xTruncate(it.system, size);
  auto verdict = it.disk->before_change(false);
  if (verdict != FaultyDisk::Verdict::good) return code_of(verdict);
  if (int code = it.system->pMethods->xTruncate(it.system, size); code != SQLITE_OK) return code;
  it.disk->changed(*it.inode, {true, size, {}});
  return SQLITE_OK;
}

// The real disk is never waited for.
int sync(sqlite3_file* file, int) {
  File& it = file_of(file);
  if (!it.inode) return SQLITE_OK;
  auto verdict = it.disk->before_change(true);
  if (verdict == FaultyDisk::Verdict::sync_error) it.disk->sync_failed(*it.inode);
  if (verdict != FaultyDisk::Verdict::good) return code_of(verdict);
  it.disk->synced(*it.inode, std::exchange(it.name_unsynced, false));
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 at) {
  return system_of(file)->pMethods->xRead(system_of(file), bytes, size, at);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return system_of(file)->pMethods->xFileSize(system_of(file), size);
}
int lock(sqlite3_file* file, int level) {
  return system_of(file)->pMethods->xLock(system_of(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return system_of(file)->pMethods->xUnlock(system_of(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* reserved) {
  return system_of(file)->pMethods->xCheckReservedLock(system_of(file), reserved);
}
int file_control(sqlite3_file* file, int what, void* value) {
  return system_of(file)->pMethods->xFileControl(system_of(file), what, value);
}
int sector_size(sqlite3_file* file) {
  return system_of(file)->pMethods->xSectorSize(system_of(file));
}
int characteristics(sqlite3_file* file) {
  return system_of(file)->pMethods->xDeviceCharacteristics(system_of(file));
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return system_of(file)->pMethods->xShmMap(system_of(file), page, size, extend, memory);
}
int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  return system_of(file)->pMethods->xShmLock(system_of(file), offset, n, flags);
}
void shm_barrier(sqlite3_file* file) {
  system_of(file)->pMethods->xShmBarrier(system_of(file));
}
int shm_unmap(sqlite3_file* file, int remove) {
  return system_of(file)->pMethods->xShmUnmap(system_of(file), remove);
}

constexpr sqlite3_io_methods kMethods{
    .iVersion = 2,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

FaultyDisk& disk_of(sqlite3_vfs* vfs) {
  return *static_cast<FaultyDisk*>(vfs->pAppData);
}

constexpr std::size_t kFileRoom =
    (sizeof(File) + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* memory, int flags, int* given) {
  FaultyDisk& disk = disk_of(vfs);
  auto* it = new (memory) File{};
  it->disk = &disk;
  it->system = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(memory) + kFileRoom);
  it->system->pMethods = nullptr;
  bool followed = name && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
  // A dead machine opens nothing; a log that is opened for the first time is made.
  if (followed && !disk.powered() && (flags & SQLITE_OPEN_CREATE) && !std::filesystem::exists(name)) {
    it->~File();
    memory->pMethods = nullptr;
    return SQLITE_CANTOPEN;
  }
  if (int code = disk.system().xOpen(&disk.system(), name, it->system, flags, given); code != SQLITE_OK) {
    it->~File();
    memory->pMethods = nullptr;
    return code;
  }
  it->base.pMethods = &kMethods;
  it->name_unsynced = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & SQLITE_OPEN_MAIN_DB) == 0;
  if (followed) it->inode = disk.opened(name);
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_names) {
  FaultyDisk& disk = disk_of(vfs);
  auto verdict = disk.before_change(false);
  if (verdict != FaultyDisk::Verdict::good) return SQLITE_IOERR_DELETE;
  int code = disk.system().xDelete(&disk.system(), name, 0);
  if (code == SQLITE_OK) disk.removed(name, sync_names != 0);
  return code;
}

void apply(std::string& content, const FaultyDisk::Change& change, std::size_t from, std::size_t size) {
  if (change.truncate) {
    content.resize(static_cast<std::size_t>(change.at));
    return;
  }
  auto at = static_cast<std::size_t>(change.at) + from;
  if (content.size() < at + size) content.resize(at + size);
  std::memcpy(content.data() + at, change.bytes.data() + from, size);
}

void apply(std::string& content, const FaultyDisk::Change& change) {
  apply(content, change, 0, change.bytes.size());
}

// What is on the disk when of the unsynced sectors `share` of 4 have got there.
std::string survivor(const FaultyDisk::Inode& inode, unsigned share, std::mt19937& random) {
  std::string content = inode.synced;
  for (const auto& change : inode.unsynced) {
    if (change.truncate && random() % 4 < share) apply(content, change);
    for (std::size_t from = 0; from < change.bytes.size();) {
      std::size_t at = static_cast<std::size_t>(change.at) + from;
      std::size_t size = std::min(kSector - at % kSector, change.bytes.size() - from);
      if (random() % 4 < share) apply(content, change, from, size);
      from += size;
    }
  }
  return content;
}

}  // namespace

FaultyDisk::FaultyDisk() : system_(sqlite3_vfs_find(nullptr)), vfs_(std::make_unique<sqlite3_vfs>(*system_)) {
  auto memory = std::filesystem::path("/dev/shm");
  folder_ = (::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path()) /
            "hecate-test-XXXXXX";
  ::mkdtemp(folder_.data());
  static std::atomic<int> count = 0;
  name_ = "faulty-disk-" + std::to_string(++count);
  vfs_->pNext = nullptr;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->szOsFile = static_cast<int>(kFileRoom) + system_->szOsFile;
  vfs_->xOpen = open;
  vfs_->xDelete = remove;
  sqlite3_vfs_register(vfs_.get(), 0);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(vfs_.get());
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void FaultyDisk::fail_from(Fault fault, int nth) {
  std::lock_guard guard(mutex_);
  fault_ = fault;
  until_fault_ = nth;
  has_failed_ = false;
}

void FaultyDisk::mend() {
  std::lock_guard guard(mutex_);
  fault_ = Fault::none;
}

bool FaultyDisk::failed() const {
  std::lock_guard guard(mutex_);
  return has_failed_;
}

void FaultyDisk::cut_power_at(int nth) {
  std::lock_guard guard(mutex_);
  until_cut_ = nth;
}

bool FaultyDisk::powered() const {
  std::lock_guard guard(mutex_);
  return powered_;
}

void FaultyDisk::restart_process() {
  std::lock_guard guard(mutex_);
  powered_ = true;
  until_cut_ = 0;
}

void FaultyDisk::restart_machine(std::mt19937& random) {
  std::lock_guard guard(mutex_);
  unsigned share = random() % 3 * 2;  // none, half, all
  Names all = names_;
  all.insert(synced_names_.begin(), synced_names_.end());
  Names after;
  for (const auto& [path, ignored] : all) {
    auto now = names_.find(path);
    auto before = synced_names_.find(path);
    bool take_now = random() % 4 < share;
    auto inode = take_now ? (now == names_.end() ? nullptr : now->second)
                          : (before == synced_names_.end() ? nullptr : before->second);
    std::filesystem::remove(path);
    std::filesystem::remove(path + "-shm");
    if (!inode) continue;
    auto made = std::make_shared<Inode>();
    made->synced = survivor(*inode, share, random);
    std::ofstream(path, std::ios::binary) << made->synced;
    after.emplace(path, std::move(made));
  }
  names_ = after;
  synced_names_ = std::move(after);
  powered_ = true;
  until_cut_ = 0;
}

FaultyDisk::Verdict FaultyDisk::before_change(bool is_sync) {
  std::lock_guard guard(mutex_);
  if (until_cut_ > 0 && --until_cut_ == 0) powered_ = false;
  if (!powered_) return Verdict::dead;
  if (fault_ == Fault::none || (fault_ == Fault::sync_error) != is_sync) return Verdict::good;
  if (until_fault_ > 1) {
    --until_fault_;
    return Verdict::good;
  }
  has_failed_ = true;
  if (fault_ == Fault::full) return Verdict::full;
  if (!is_sync) return Verdict::write_error;
  fault_ = Fault::none;
  return Verdict::sync_error;
}

std::shared_ptr<FaultyDisk::Inode> FaultyDisk::opened(const std::string& path) {
  std::lock_guard guard(mutex_);
  auto [found, added] = names_.try_emplace(path);
  if (!added) return found->second;
  found->second = std::make_shared<Inode>();
  found->second->synced = read_file(path);
  // The database's own name, and what was there before SQLite came by, count as synced.
  bool aside = path.ends_with("-wal") || path.ends_with("-journal");
  if (!aside || !found->second->synced.empty()) synced_names_[path] = found->second;
  return found->second;
}

void FaultyDisk::changed(Inode& inode, Change change) {
  std::lock_guard guard(mutex_);
  inode.unsynced.push_back(std::move(change));
}

void FaultyDisk::synced(Inode& inode, bool with_names) {
  std::lock_guard guard(mutex_);
  for (const auto& change : inode.unsynced) apply(inode.synced, change);
  inode.unsynced.clear();
  if (with_names) synced_names_ = names_;
}

void FaultyDisk::sync_failed(Inode& inode) {
  std::lock_guard guard(mutex_);
  inode.unsynced.clear();
}

void FaultyDisk::removed(const std::string& path, bool with_names) {
  std::lock_guard guard(mutex_);
  names_.erase(path);
  if (with_names) synced_names_ = names_;
}

}  // namespace hecate::testing
