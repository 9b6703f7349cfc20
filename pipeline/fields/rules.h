#pragma once

#include "pipeline/base/error.h"
#include "pipeline/decode/name_filter.h"
#include "pipeline/fields/event_fields.h"
#include "pipeline/spl/expression.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::fields {

inline constexpr std::size_t kCodes = 256;
inline constexpr std::size_t kProducts = 3;

// What is the same for all: metadata of the event, not fields inside it.
enum class Metadata : std::uint8_t { none, time, raw, host, source, sourcetype, index };
[[nodiscard]] Metadata find_metadata(std::string_view name);

// One rule of sysmon.yaml, as it is written.
struct RuleText {
  std::vector<std::string> fields;
  std::vector<Product> products;
  std::bitset<kCodes> codes;
  bool all_codes = true;  // those over 255 too
  std::string value;      // the expression; empty: by_code
  std::array<std::vector<std::string>, kCodes> by_code;
  std::vector<std::string> otherwise;
  int line = 0;
};

// One set of a data model (datamodels.yaml).
struct ModelText {
  std::string name;    // Endpoint.Processes
  std::string prefix;  // Processes
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, std::string>> fields;  // name, expression
  std::vector<std::string> unknown;
};

[[nodiscard]] Result<std::vector<RuleText>> parse_rules(std::string_view yaml);
[[nodiscard]] Result<std::vector<ModelText>> parse_models(std::string_view yaml);

// A rule, ready to run for one product.
struct Rule {
  std::bitset<kCodes> codes;
  bool all_codes = true;
  std::optional<spl::Expression> expression;
  const RuleText* text = nullptr;  // by_code
  std::vector<Value> by_code;      // kCodes values, and the one for all others
};

// What a name stands for; one for each FieldId.
struct Slot {
  enum class Kind : std::uint8_t { event, metadata, member, model_field };
  Kind kind = Kind::event;
  Metadata metadata = Metadata::none;
  std::array<std::vector<std::uint16_t>, kProducts> rules;  // in order; into Rules::rules
  std::uint16_t model = 0;
  spl::FieldId base = 0;                      // model_field: the event's own field …
  std::optional<spl::Expression> expression;  // … or what is computed of those
  bool unknown = false;                       // reads `unknown` where there is nothing
};

// The fields that are always needed.
struct CommonFields {
  spl::FieldId event_id, provider, channel, computer, utc_time, time_created;
};

// The rules and data models, made ready for the names of one set of plans.
struct CompiledRules {
  const spl::FieldNames* names = nullptr;
  decode::NameFilter filter;  // of names
  std::vector<Rule> rules;
  std::vector<Slot> slots;               // by FieldId
  std::vector<std::string_view> nested;  // names with `.` or `{}`, sorted: what wants_below looks through
  std::vector<spl::FieldId> made;        // fields that rules make, in the order of the file
  CommonFields common{};
  Arena constants;  // the lists of by_code values
  // By product and code: the data models that the event is in, a bit each.
  std::array<std::array<std::uint32_t, kCodes>, kProducts> models{};
};

// FieldRules as it is inside.
class BuiltRules final : public FieldRules {
 public:
  [[nodiscard]] Origin origin(spl::FieldId field) const override;

  std::vector<RuleText> texts;  // not moved once compiled: values point into them
  std::vector<ModelText> models;
  CompiledRules plan;  // for the plans' names
  spl::FieldNames all_names;
  CompiledRules all;  // for every name that rules know: the slow path
};

}  // namespace hecate::fields
