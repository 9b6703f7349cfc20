#include "pipeline/fields/rules.h"

#include <charconv>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace hecate::fields {

namespace {

// Thrown inside this file only; parse_* turn it into an Error.
struct Mistake {
  int line;
  std::string message;
};

int line_of(const YAML::Node& node) {
  return node.Mark().line + 1;
}

int read_code(std::string_view text, int line) {
  int code = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc{} || end != text.data() + text.size() || code < 0 ||
      code >= static_cast<int>(kCodes)) {
    throw Mistake{line, fmt::format("`{}` is no event code between 0 and 255", text)};
  }
  return code;
}

// `1,5-10,255`
std::bitset<kCodes> read_codes(std::string_view text, int line) {
  std::bitset<kCodes> codes;
  while (!text.empty()) {
    std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    std::size_t dash = one.find('-');
    int first = read_code(one.substr(0, dash), line);
    int last = dash == std::string_view::npos ? first : read_code(one.substr(dash + 1), line);
    for (int code = first; code <= last; ++code) codes.set(static_cast<std::size_t>(code));
  }
  return codes;
}

std::vector<std::string> one_or_more(const YAML::Node& node) {
  if (node.IsSequence()) return node.as<std::vector<std::string>>();
  return {node.as<std::string>()};
}

void read_by_code(const YAML::Node& node, RuleText& rule) {
  for (const auto& entry : node) {
    auto key = entry.first.as<std::string>();
    if (key == "else") {
      rule.otherwise = one_or_more(entry.second);
      continue;
    }
    std::bitset<kCodes> codes = read_codes(key, line_of(entry.first));
    for (std::size_t code = 0; code < kCodes; ++code) {
      if (codes[code]) rule.by_code[code] = one_or_more(entry.second);
    }
  }
}

std::vector<Product> read_products(const YAML::Node& node) {
  if (!node) return {Product::sysmon_windows, Product::sysmon_linux};
  auto name = node.as<std::string>();
  if (name == "windows") return {Product::sysmon_windows};
  if (name == "linux") return {Product::sysmon_linux};
  throw Mistake{line_of(node), fmt::format("`only` is windows or linux, not `{}`", name)};
}

RuleText read_rule(const YAML::Node& node) {
  RuleText rule;
  rule.line = line_of(node);
  for (const auto& entry : node) {
    auto key = entry.first.as<std::string>();
    if (key == "field") {
      rule.fields = one_or_more(entry.second);
    } else if (key == "codes") {
      rule.codes = read_codes(entry.second.as<std::string>(), line_of(entry.second));
      rule.all_codes = false;
    } else if (key == "value") {
      rule.value = entry.second.as<std::string>();
    } else if (key == "by_code") {
      read_by_code(entry.second, rule);
    } else if (key != "only") {
      throw Mistake{line_of(entry.first), fmt::format("a rule has no `{}`", key)};
    }
  }
  rule.products = read_products(node["only"]);
  if (rule.fields.empty()) throw Mistake{rule.line, "a rule needs a `field`"};
  if (rule.value.empty() && !node["by_code"]) throw Mistake{rule.line, "a rule needs a `value` or `by_code`"};
  return rule;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

// A rule that speaks of $sep$ becomes one for each product.
void add_rule(const RuleText& rule, const YAML::Node& separators, std::vector<RuleText>& rules) {
  constexpr std::string_view separator = "$sep$";
  if (rule.value.find(separator) == std::string::npos) return rules.push_back(rule);
  for (Product product : rule.products) {
    RuleText own = rule;
    own.products = {product};
    const char* name = product == Product::sysmon_windows ? "windows" : "linux";
    replace_all(own.value, separator, separators[name].as<std::string>());
    rules.push_back(std::move(own));
  }
}

ModelText read_model(const std::string& name, const YAML::Node& node) {
  ModelText model;
  model.name = name;
  model.prefix = name.substr(name.find('.') + 1);
  for (const auto& entry : node) {
    auto key = entry.first.as<std::string>();
    if (key == "tags") {
      model.tags = one_or_more(entry.second);
    } else if (key == "unknown") {
      model.unknown = one_or_more(entry.second);
    } else if (key == "fields") {
      for (const auto& field : entry.second) {
        model.fields.emplace_back(field.first.as<std::string>(), field.second.as<std::string>());
      }
    } else {
      throw Mistake{line_of(entry.first), fmt::format("a data model has no `{}`", key)};
    }
  }
  if (model.tags.empty()) throw Mistake{line_of(node), "a data model needs `tags`"};
  return model;
}

template <typename T, typename Read>
Result<T> guarded(std::string_view what, const Read& read) {
  try {
    return read();
  } catch (const Mistake& mistake) {
    return fail(fmt::format("{}, line {}: {}", what, mistake.line, mistake.message));
  } catch (const YAML::Exception& error) {
    return fail(fmt::format("{}, line {}: {}", what, error.mark.line + 1, error.msg));
  }
}

}  // namespace

Result<std::vector<RuleText>> parse_rules(std::string_view yaml) {
  return guarded<std::vector<RuleText>>("field rules", [&] {
    YAML::Node document = YAML::Load(std::string(yaml));
    if (!document["rules"].IsSequence()) throw Mistake{1, "the list `rules` is missing"};
    std::vector<RuleText> rules;
    for (const YAML::Node& node : document["rules"]) add_rule(read_rule(node), document["separators"], rules);
    return rules;
  });
}

Result<std::vector<ModelText>> parse_models(std::string_view yaml) {
  return guarded<std::vector<ModelText>>("data models", [&] {
    std::vector<ModelText> models;
    for (const auto& entry : YAML::Load(std::string(yaml))) {
      models.push_back(read_model(entry.first.as<std::string>(), entry.second));
    }
    return models;
  });
}

}  // namespace hecate::fields
