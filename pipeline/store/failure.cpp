#include "pipeline/store/failure.h"

#include <sqlite3.h>

namespace hecate::store {

Failure failure_of(int code) {
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) return Failure::sync;
  if (code == SQLITE_IOERR_NOMEM) return Failure::memory;
  if (code == SQLITE_IOERR_CORRUPTFS) return Failure::damaged;
  // The system gives no reason for the index of the log; room is what it lacks.
  if (code == SQLITE_IOERR_SHMSIZE) return Failure::full;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Failure::full;
    case SQLITE_IOERR:
      return Failure::io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Failure::damaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Failure::busy;
    case SQLITE_NOMEM:
      return Failure::memory;
    default:
      return Failure::other;
  }
}

std::string_view to_text(Failure failure) {
  switch (failure) {
    case Failure::full:
      return "full";
    case Failure::io:
      return "io";
    case Failure::sync:
      return "sync";
    case Failure::damaged:
      return "damaged";
    case Failure::busy:
      return "busy";
    case Failure::memory:
      return "memory";
    case Failure::other:
      break;
  }
  return "other";
}

std::string_view advice(int code) {
  switch (failure_of(code)) {
    case Failure::full:
      return "the disk is full; free space on it, work goes on by itself then";
    case Failure::io:
      return "the disk reports an error; look at the kernel's log and the disk's health";
    case Failure::sync:
      return "the disk did not confirm that what was written is on it, and asking again would prove nothing; "
             "look at the kernel's log and the disk's health, then start hecate again: what was answered is "
             "kept";
    case Failure::damaged:
      return "the file is damaged; stop hecate, keep a copy of the whole state folder, look at it with "
             "`hecate state check`, and start with a backup of it or with an empty one (what was found so "
             "far "
             "is lost then)";
    case Failure::busy:
      return "another program holds it locked; end that program";
    case Failure::memory:
      return "there is not enough memory; give hecate more, or look at what else takes it";
    case Failure::other:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return "check that the folder exists and that hecate's user may write to it";
    default:
      return "see the message";
  }
}

}  // namespace hecate::store
