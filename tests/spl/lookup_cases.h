#pragma once

#include "pipeline/spl/lookup.h"
#include "yaml-cpp/yaml.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hecate::testing {

// Lookups as a case file has them: name → {fields: [a, b], rows: [[1, 2], …], match_type: {a: wildcard},
// case_sensitive_match, min_matches, max_matches, default_match, collection: true}. All but fields may be
// missing; a collection is one that outputlookup writes, and `rows` are what it holds before.
class LookupCases {
 public:
  explicit LookupCases(const YAML::Node& node);

  [[nodiscard]] spl::LookupSource source() const;
  // The rows of a lookup now: each field → text, those that are empty left out.
  [[nodiscard]] std::vector<std::map<std::string, std::string>> rows(const std::string& name) const;

 private:
  std::map<std::string, std::shared_ptr<const spl::Lookup>, std::less<>> lookups_;
};

}  // namespace hecate::testing
