#pragma once

#include "pipeline/store/failure.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace hecate::store {

// The journal's metrics (hecate_journal_*). The registry must outlive it.
class JournalProbe {
 public:
  explicit JournalProbe(prometheus::Registry& registry);
  // `log_bytes`: what it appended to the write-ahead log.
  void committed(std::size_t rows, std::size_t log_bytes, std::chrono::duration<double> took);
  void failed(Failure why);
  void put_aside(std::size_t damaged_rows);
  void found_duplicates(std::size_t events);
  void over_budget(std::size_t groups);
  // Contributions that are not folded into `pane` yet.
  void waiting(std::size_t bytes);
  // Looks how large the files are and what the disk has left.
  void measure(const std::string& database_file);

 private:
  prometheus::Counter& commits_;
  prometheus::Counter& rows_;
  prometheus::Counter& log_bytes_;
  std::map<Failure, prometheus::Counter*> failures_;
  prometheus::Counter& damaged_;
  prometheus::Counter& duplicates_;
  prometheus::Counter& over_budget_;
  prometheus::Gauge& bytes_;
  prometheus::Gauge& tail_;
  prometheus::Gauge& free_;
  prometheus::Histogram& seconds_;
};

}  // namespace hecate::store
