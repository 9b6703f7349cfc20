#pragma once

#include <chrono>
#include <cstddef>
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
  void committed(std::size_t rows, std::chrono::duration<double> took);
  void failed();
  void found_duplicates(std::size_t events);
  // Looks how large the files are.
  void measure(const std::string& database_file);

 private:
  prometheus::Counter& commits_;
  prometheus::Counter& rows_;
  prometheus::Counter& failures_;
  prometheus::Counter& duplicates_;
  prometheus::Gauge& bytes_;
  prometheus::Histogram& seconds_;
};

}  // namespace hecate::store
