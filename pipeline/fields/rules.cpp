#include "pipeline/fields/rules.h"

#include "pipeline/fields/builtin.h"

#include <algorithm>

#include <fmt/format.h>

namespace hecate::fields {

namespace {

constexpr std::string_view kMemberPrefix = "datamodel::";
constexpr std::string_view kTags = "tag";

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Makes rules and models ready against `names`, which grows by what they read.
class Compiler {
 public:
  Compiler(const BuiltRules& built, spl::FieldNames& names, CompiledRules& out)
      : built_(built), names_(names), out_(out), done_(built.texts.size()) {}

  Result<void> compile() {
    out_.names = &names_;
    out_.common = {.event_id = names_.intern("EventID").id,
                   .provider = names_.intern("Name").id,
                   .channel = names_.intern("Channel").id,
                   .computer = names_.intern("Computer").id,
                   .utc_time = names_.intern("UtcTime").id,
                   .time_created = names_.intern("TimeCreated").id};
    // What models and rules read are names too; until there are no new ones.
    for (std::size_t next = 0; next < names_.size();) {
      for (; next < names_.size(); ++next) {
        if (auto added = add_slot(static_cast<spl::FieldId>(next)); !added) return added;
      }
      if (auto added = add_rules(); !added) return added;
    }
    // Rules may have read names that rules for names before them make.
    out_.slots.resize(names_.size());
    index_names();
    find_models();
    return {};
  }

 private:
  Result<spl::Expression> parse(const std::string& text, std::string_view where) {
    auto parsed = spl::parse_expression(text, names_);
    if (parsed) return std::move(*parsed);
    return fail(fmt::format("{}: {} (column {} of `{}`)", where, parsed.error().message,
                            parsed.error().position.column, text));
  }

  Result<void> add_slot(spl::FieldId id) {
    std::string_view name = names_.name(id);
    if (out_.slots.size() <= id) out_.slots.resize(id + 1);
    Slot slot;
    slot.metadata = find_metadata(name);
    if (slot.metadata != Metadata::none) slot.kind = Slot::Kind::metadata;
    for (std::size_t i = 0; i < built_.models.size(); ++i) {
      const ModelText& model = built_.models[i];
      slot.model = static_cast<std::uint16_t>(i);
      if (name.starts_with(kMemberPrefix) && name.substr(kMemberPrefix.size()) == model.name) {
        slot.kind = Slot::Kind::member;
        break;
      }
      if (name.starts_with(model.prefix) && name.substr(model.prefix.size()).starts_with('.')) {
        if (auto read = read_model_field(model, name.substr(model.prefix.size() + 1), slot); !read)
          return read;
        break;
      }
    }
    out_.slots[id] = std::move(slot);
    return {};
  }

  Result<void> read_model_field(const ModelText& model, std::string_view field, Slot& slot) {
    slot.kind = Slot::Kind::model_field;
    slot.unknown = contains(model.unknown, field);
    for (const auto& [name, text] : model.fields) {
      if (name != field) continue;
      auto expression = parse(text, fmt::format("data model {}, field {}", model.name, field));
      if (!expression) return std::unexpected(expression.error());
      slot.expression = std::move(*expression);
      return {};
    }
    slot.base = names_.intern(field).id;
    return {};
  }

  // Compiles the rules that make a known name and were not compiled yet.
  Result<void> add_rules() {
    for (std::size_t i = 0; i < built_.texts.size(); ++i) {
      const RuleText& text = built_.texts[i];
      bool needed = std::any_of(text.fields.begin(), text.fields.end(),
                                [&](const std::string& field) { return names_.find(field) >= 0; });
      if (done_[i] || !needed) continue;
      done_[i] = true;
      if (auto added = add_rule(text); !added) return added;
    }
    out_.slots.resize(std::max(out_.slots.size(), names_.size()));
    attach();
    return {};
  }

  Result<void> add_rule(const RuleText& text) {
    Rule rule{
        .codes = text.codes, .all_codes = text.all_codes, .expression = {}, .text = &text, .by_code = {}};
    if (text.value.empty()) {
      for (const auto& values : text.by_code) rule.by_code.push_back(constant(values));
      rule.by_code.push_back(constant(text.otherwise));
    } else {
      auto expression = parse(text.value, fmt::format("field rules, line {}", text.line));
      if (!expression) return std::unexpected(expression.error());
      rule.expression = std::move(*expression);
    }
    out_.rules.push_back(std::move(rule));
    return {};
  }

  Value constant(const std::vector<std::string>& values) {
    auto* items = constants_.array<Value>(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) items[i] = std::string_view(values[i]);
    return Value::multi({items, values.size()});
  }

  // Puts each rule to the names that it makes, in the order of the file.
  void attach() {
    std::vector<std::uint16_t> order(out_.rules.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint16_t>(i);
    std::sort(order.begin(), order.end(),
              [&](std::uint16_t a, std::uint16_t b) { return out_.rules[a].text < out_.rules[b].text; });
    for (Slot& slot : out_.slots) slot.rules = {};
    out_.made.clear();
    for (std::uint16_t index : order) {
      const RuleText& text = *out_.rules[index].text;
      for (const std::string& field : text.fields) {
        std::int64_t id = names_.find(field);
        if (id < 0) continue;
        for (Product product : text.products) {
          out_.slots[static_cast<std::size_t>(id)].rules[static_cast<std::size_t>(product)].push_back(index);
        }
        if (std::find(out_.made.begin(), out_.made.end(), id) == out_.made.end()) {
          out_.made.push_back(static_cast<spl::FieldId>(id));
        }
      }
    }
  }

  void index_names() {
    for (spl::FieldId id = 0; id < names_.size(); ++id) {
      std::string_view name = names_.name(id);
      out_.filter.add(name);
      if (name.find('.') != std::string_view::npos || name.find("{}") != std::string_view::npos) {
        out_.nested.push_back(name);
      }
    }
    std::sort(out_.nested.begin(), out_.nested.end());
  }

  void find_models() {
    for (const RuleText& text : built_.texts) {
      if (!contains(text.fields, kTags)) continue;
      for (Product product : text.products) {
        for (std::size_t code = 0; code < kCodes; ++code) {
          out_.models[static_cast<std::size_t>(product)][code] |= models_of(text.by_code[code]);
        }
      }
    }
  }

  std::uint32_t models_of(const std::vector<std::string>& tags) const {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < built_.models.size(); ++i) {
      const auto& needed = built_.models[i].tags;
      bool all =
          std::all_of(needed.begin(), needed.end(), [&](const auto& tag) { return contains(tags, tag); });
      bits |= std::uint32_t{all} << i;
    }
    return bits;
  }

  const BuiltRules& built_;
  spl::FieldNames& names_;
  CompiledRules& out_;
  std::vector<bool> done_;
  Arena& constants_ = out_.constants;
};

}  // namespace

Metadata find_metadata(std::string_view name) {
  if (name == "_time") return Metadata::time;
  if (name == "_raw") return Metadata::raw;
  if (name == "host") return Metadata::host;
  if (name == "source") return Metadata::source;
  if (name == "sourcetype") return Metadata::sourcetype;
  if (name == "index") return Metadata::index;
  return Metadata::none;
}

std::string_view FieldRules::builtin() {
  return kBuiltinRules;
}

Result<std::shared_ptr<const FieldRules>> FieldRules::compile(std::string_view yaml, spl::FieldNames& names) {
  auto built = std::make_shared<BuiltRules>();
  auto texts = parse_rules(yaml);
  if (!texts) return std::unexpected(texts.error());
  auto models = parse_models(kBuiltinModels);
  if (!models) return std::unexpected(models.error());
  built->texts = std::move(*texts);
  built->models = std::move(*models);
  if (auto done = Compiler(*built, names, built->plan).compile(); !done) return std::unexpected(done.error());
  for (const RuleText& text : built->texts) {
    for (const std::string& field : text.fields) built->all_names.intern(field);
  }
  auto done = Compiler(*built, built->all_names, built->all).compile();
  if (!done) return std::unexpected(done.error());
  return built;
}

}  // namespace hecate::fields
