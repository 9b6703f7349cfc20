#pragma once

#include "pipeline/spl/lookup.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace hecate::catalogue {

class MapReader;
struct ConfStanza;

// All lookups of a catalogue, by name; a later one replaces an earlier one. A table is read when it is first
// asked for, so that those nobody uses cost nothing.
class LookupFiles {
 public:
  // Reads a file's text; its error says what to do.
  using ReadText = std::function<Result<std::string>(const std::string& file)>;
  explicit LookupFiles(ReadText read_text) : read_text_(std::move(read_text)) {}

  // Takes one document of the definitions file `file`. Keys: `name`; `filename`, a CSV file beside it, or
  // `empty: true` with `fields_list` for a table that a site has nothing in, `local: true` for one
  // that outputlookup writes (`fields_list`: the only fields that it takes); `match_type`,
  // `case_sensitive_match`, `default_match`, `min_matches`, `max_matches` as in Splunk's transforms.conf.
  // Throws Wrong.
  void add(const MapReader& yaml, const std::string& file);
  // Takes a stanza of transforms.conf, with the same keys; its CSV file is looked for in the app's `lookups/`
  // folder, else beside the file. One that defines no lookup is passed over. Throws ConfWrong.
  void add(const ConfStanza& stanza);
  // A CSV file under its own name (`tools.csv`), with the rules that hold where no definition says otherwise.
  void add_csv(const std::string& path);

  // The error says where the lookup is defined and what is wrong with it, or the near names.
  [[nodiscard]] Result<std::shared_ptr<const spl::Lookup>> find(std::string_view name);

  // Those of the local state that were found.
  [[nodiscard]] const std::vector<std::shared_ptr<spl::WrittenTable>>& local_tables() const {
    return local_tables_;
  }

  [[nodiscard]] spl::LookupSource source() {
    return [this](std::string_view name) { return find(name); };
  }

 private:
  struct Definition {
    std::string place;  // file:line
    spl::LookupRules rules;
    std::string csv;                             // empty: there are no rows
    std::vector<std::string> fields;             // of a table without rows, and of a local one
    std::shared_ptr<spl::WrittenTable> written;  // of a local one
    std::string cannot;                          // why it cannot be used, and what to do
    std::shared_ptr<const spl::Lookup> lookup;   // once it was asked for
  };
  using Table = std::shared_ptr<const spl::LookupTable>;
  [[nodiscard]] Result<Table> table_of(const Definition& definition);

  ReadText read_text_;
  std::map<std::string, Definition, std::less<>> definitions_;
  std::map<std::string, Table> tables_;  // by path: several definitions may share a file
  std::vector<std::shared_ptr<spl::WrittenTable>> local_tables_;
};

}  // namespace hecate::catalogue
