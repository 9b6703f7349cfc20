#include "pipeline/store/recovery.h"

#include "pipeline/store/lock.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

namespace hecate::store {
namespace {

// SQLite's own files take no more at once.
constexpr std::int64_t kChunk = 64 * 1024;

// One file by way of SQLite's own layer, so that what tests put under it is met too.
class VfsFile {
 public:
  VfsFile(sqlite3_vfs* vfs, const char* name, int flags)
      : memory_(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1),
        file_(reinterpret_cast<sqlite3_file*>(memory_.data())) {
    file_->pMethods = nullptr;
    int given = 0;
    code_ = vfs->xOpen(vfs, name, file_, flags, &given);
  }
  ~VfsFile() {
    if (file_->pMethods) file_->pMethods->xClose(file_);
  }
  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;

  [[nodiscard]] int code() const { return code_; }

  int write_again() {
    sqlite3_int64 size = 0;
    if (int code = file_->pMethods->xFileSize(file_, &size); code != SQLITE_OK) return code;
    std::vector<char> chunk(static_cast<std::size_t>(std::min<std::int64_t>(size, kChunk)));
    for (std::int64_t at = 0; at < size; at += kChunk) {
      int length = static_cast<int>(std::min<std::int64_t>(kChunk, size - at));
      if (int code = file_->pMethods->xRead(file_, chunk.data(), length, at); code != SQLITE_OK) return code;
      if (int code = file_->pMethods->xWrite(file_, chunk.data(), length, at); code != SQLITE_OK) return code;
    }
    return file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL);
  }

 private:
  std::vector<std::max_align_t> memory_;
  sqlite3_file* file_;
  int code_ = SQLITE_OK;
};

struct FilenameDeleter {
  void operator()(const char* name) const { sqlite3_free_filename(const_cast<char*>(name)); }
};

Result<void> quick_check(Database& database, const std::string& pragma) {
  auto statement = database.cursor(pragma);
  if (!statement) return std::unexpected(statement.error());
  auto row = (*statement)->step();
  if (!row) return std::unexpected(row.error());
  if (!*row || (*statement)->text(0) == "ok") return {};
  std::string what((*statement)->text(0));
  std::ranges::replace(what, '\n', ' ');
  return fail(fmt::format("state database {}: looking for damage found: {}; {}", database.file(), what,
                          advice(SQLITE_CORRUPT)));
}

Result<std::int64_t> size_of(Database& database) {
  auto statement = database.cursor("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->number();
}

Result<std::vector<std::string>> small_tables(Database& database) {
  auto statement = database.cursor(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN"
      " ('pane', 'seen', 'aside', 'damaged', 'finding', 'finding_id', 'outbox', 'parked', 'run', "
      "'throttle')");
  if (!statement) return std::unexpected(statement.error());
  std::vector<std::string> names;
  auto read = (*statement)->each_row([&] { names.emplace_back((*statement)->text(0)); });
  if (!read) return std::unexpected(read.error());
  return names;
}

}  // namespace

Result<void> look_for_log(const std::string& directory) {
  std::string file = directory + "/hecate.db";
  auto holds_something = [](const std::string& path) {
    std::error_code absent;
    auto size = std::filesystem::file_size(path, absent);
    return !absent && size > 0;
  };
  if (!DirectoryLock::expects_log(directory) || !holds_something(file) || holds_something(file + "-wal"))
    return {};
  return fail(fmt::format(
      "state database {}: its write-ahead log {}-wal is missing, though the last hecate here did not stop by "
      "itself: what it answered last is in it. Put it back beside the database. To go on without it, delete "
      "{}/lock and start again: what it held is lost then, unless another SQLite program has opened the "
      "database "
      "since and put it back",
      file, file, directory));
}

Result<void> settle_log(const std::string& database_file, const DatabaseOptions& options) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(options.vfs.empty() ? nullptr : options.vfs.c_str());
  std::string log = database_file + "-wal";
  int there = 0;
  if (!vfs || vfs->xAccess(vfs, log.c_str(), SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK || !there) return {};
  std::unique_ptr<const char, FilenameDeleter> name(
      sqlite3_create_filename(database_file.c_str(), "", log.c_str(), 0, nullptr));
  if (!name) return fail(fmt::format("state database {}: out of memory", database_file));
  VfsFile file(vfs, sqlite3_filename_wal(name.get()), SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE);
  int code = file.code() == SQLITE_OK ? file.write_again() : file.code();
  if (code == SQLITE_OK) return {};
  return fail(
      fmt::format("state database {}: its write-ahead log {} cannot be read and written again: {}; {}",
                  database_file, log, sqlite3_errstr(code), advice(code)));
}

Result<void> sync_directory(const std::string& directory) {
  int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (synced) return {};
  return fail(
      fmt::format("folder {}: the disk did not confirm the files made in it: {}; look at the kernel's log "
                  "and the disk's health",
                  directory, std::strerror(error)));
}

Result<void> look_for_damage(Database& database, std::int64_t whole_up_to) {
  auto size = size_of(database);
  if (!size) return std::unexpected(size.error());
  if (*size <= whole_up_to) return quick_check(database, "PRAGMA quick_check(1)");
  auto tables = small_tables(database);
  if (!tables) return std::unexpected(tables.error());
  for (const auto& table : *tables) {
    auto checked = quick_check(database, fmt::format("PRAGMA quick_check('{}')", table));
    if (!checked) return checked;
  }
  return {};
}

}  // namespace hecate::store
