#pragma once

#include "pipeline/catalogue/catalogue.h"
#include "pipeline/store/store.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hecate::window {

// The tables that outputlookup writes, kept in the database (table `lookup`, a CSV text each), so that later
// runs and the next process see them. One thread.
class LocalTables {
 public:
  // What a run has written, as EvalContext::written has it.
  using Written =
      std::vector<std::pair<std::shared_ptr<spl::WrittenTable>, std::shared_ptr<const spl::LookupTable>>>;

  // Fills the tables of a catalogue with what is stored. The text of a table that cannot be read is an error.
  [[nodiscard]] Result<void> take_up(const catalogue::Catalogue& catalogue, store::Database& reader);
  // Part of the run's last commit.
  [[nodiscard]] static Result<void> write(store::Database& database, const Written& written);
  // After it: every catalogue that is still in use sees them.
  void show(const Written& written) const;

 private:
  std::vector<std::weak_ptr<spl::WrittenTable>> tables_;
};

}  // namespace hecate::window
