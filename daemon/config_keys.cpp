#include "daemon/config_keys.h"

#include "pipeline/base/nearest.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

namespace hecate::daemon {

namespace {

int line_of(const YAML::Node& node) {
  return node.Mark().is_null() ? 0 : node.Mark().line + 1;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

// Puts the environment's values in: `${NAME}`; `$$` is one `$`, and any other `$` stays.
Result<std::string> fill_in(const std::string& text) {
  std::string filled;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size() || (text[i + 1] != '$' && text[i + 1] != '{')) {
      filled += text[i];
      continue;
    }
    ++i;
    if (text[i] == '$') {
      filled += '$';
      continue;
    }
    std::size_t end = text.find('}', i);
    if (end == std::string::npos)
      return fail("`${` without `}`; write `$$` for a `$` that stands for itself");
    std::string name = text.substr(i + 1, end - i - 1);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return fail(
          fmt::format("the environment variable {} is not set; set it, or write `$$` for a `$` that stands "
                      "for itself",
                      name));
    }
    filled += value;
    i = end;
  }
  return filled;
}

// A number with a unit behind it, with or without a blank between.
struct Measured {
  std::uint64_t number = 0;
  std::string unit;
};
std::optional<Measured> parse_measured(std::string_view text) {
  Measured result;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result.number);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  result.unit = lower(unit);
  return result;
}

template <typename Unit, std::size_t N>
std::optional<std::uint64_t> measure(std::string_view text,
                                     const std::pair<std::string_view, Unit> (&units)[N]) {
  auto measured = parse_measured(text);
  if (!measured) return std::nullopt;
  for (const auto& [name, factor] : units) {
    std::uint64_t product = 0;
    if (measured->unit != name) continue;
    if (__builtin_mul_overflow(measured->number, static_cast<std::uint64_t>(factor), &product))
      return std::nullopt;
    return product;
  }
  return std::nullopt;
}

std::optional<bool> parse_flag(const std::string& text) {
  std::string word = lower(text);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return std::nullopt;
}

// The text of a node, with the environment filled in, or what is wrong.
Result<std::string> scalar(const YAML::Node& node) {
  if (!node.IsScalar()) return fail("expected a single value");
  return fill_in(node.Scalar());
}

// Runs `take` on the text of a value; what it returns is what is wrong.
template <typename Take>
std::function<std::optional<std::string>(const YAML::Node&)> reader(Take take) {
  return [take](const YAML::Node& node) -> std::optional<std::string> {
    Result<std::string> text = scalar(node);
    if (!text) return text.error().message;
    return take(*text);
  };
}

}  // namespace

void ConfigErrors::add(int line, std::string_view message) {
  if (!text_.empty()) text_ += '\n';
  text_ += line > 0 ? fmt::format("{}:{}: {}", file_, line, message) : fmt::format("{}: {}", file_, message);
}

std::optional<std::size_t> parse_size(std::string_view text) {
  constexpr std::size_t kKibi = 1024;
  constexpr std::pair<std::string_view, std::size_t> kUnits[] = {{"", 1},
                                                                 {"b", 1},
                                                                 {"kib", kKibi},
                                                                 {"mib", kKibi * kKibi},
                                                                 {"gib", kKibi * kKibi * kKibi},
                                                                 {"kb", 1000},
                                                                 {"mb", 1'000'000},
                                                                 {"gb", 1'000'000'000}};
  return measure(text, kUnits);
}

std::string format_size(std::size_t bytes) {
  constexpr std::size_t kKibi = 1024;
  if (bytes > 0 && bytes % (kKibi * kKibi * kKibi) == 0)
    return fmt::format("{}GiB", bytes / (kKibi * kKibi * kKibi));
  if (bytes > 0 && bytes % (kKibi * kKibi) == 0) return fmt::format("{}MiB", bytes / (kKibi * kKibi));
  if (bytes > 0 && bytes % kKibi == 0) return fmt::format("{}KiB", bytes / kKibi);
  return fmt::format("{}", bytes);
}

std::optional<Time> parse_period(std::string_view text) {
  constexpr std::pair<std::string_view, Time> kUnits[] = {
      {"", kSecond}, {"s", kSecond}, {"m", kMinute}, {"h", kHour}, {"d", kDay}};
  auto microseconds = measure(text, kUnits);
  if (!microseconds || *microseconds > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<Time>(*microseconds);
}

std::string format_period(Time period) {
  constexpr std::pair<std::string_view, Time> kUnits[] = {{"d", kDay}, {"h", kHour}, {"m", kMinute}};
  for (const auto& [name, unit] : kUnits) {
    if (period > 0 && period % unit == 0) return fmt::format("{}{}", period / unit, name);
  }
  return fmt::format("{}s", period / kSecond);
}

Keys& Keys::required() {
  infos_.back().required = true;
  return *this;
}

void Keys::key(std::string path, std::string kind, std::string shown_default, std::string help, Read read) {
  reads_[path] = std::move(read);
  infos_.push_back({std::move(path), std::move(kind), std::move(shown_default), std::move(help)});
}

void Keys::part(const std::string& path, ReadPart read) {
  parts_[path] = std::move(read);
}

std::string Keys::in_folder(const std::string& path) const {
  return (std::filesystem::path(folder_) / path).lexically_normal().string();
}

Keys& Keys::text(std::string path, std::string& value, std::string help, Check check, std::string kind) {
  std::string shown = value;
  key(std::move(path), std::move(kind), std::move(shown), std::move(help),
      reader([&value, check](const std::string& text) -> std::optional<std::string> {
        if (check) {
          if (auto wrong = check(text)) return wrong;
        }
        value = text;
        return std::nullopt;
      }));
  return *this;
}

Keys& Keys::text(std::string path, std::optional<std::string>& value, std::string help, Check check,
                 std::string kind) {
  key(std::move(path), std::move(kind), "", std::move(help),
      reader([&value, check](const std::string& text) -> std::optional<std::string> {
        if (check) {
          if (auto wrong = check(text)) return wrong;
        }
        value = text;
        return std::nullopt;
      }));
  return *this;
}

Keys& Keys::path(std::string path, std::string& value, std::string help) {
  std::string shown = value;
  key(std::move(path), "path", std::move(shown), std::move(help),
      reader([this, &value](const std::string& text) -> std::optional<std::string> {
        if (text.empty()) return "expected a path";
        value = in_folder(text);
        return std::nullopt;
      }));
  return *this;
}

Keys& Keys::texts(std::string path, std::vector<std::string>& value, std::string help) {
  key(std::move(path), "list of text", "", std::move(help),
      [&value](const YAML::Node& node) -> std::optional<std::string> {
        if (!node.IsSequence()) return "expected a list, like [a, b]";
        value.clear();
        for (const YAML::Node& item : node) {
          Result<std::string> text = scalar(item);
          if (!text) return text.error().message;
          value.push_back(std::move(*text));
        }
        return std::nullopt;
      });
  return *this;
}

Keys& Keys::paths(std::string path, std::vector<std::string>& value, std::string help) {
  texts(path, value, std::move(help));
  infos_.back().kind = "list of paths";
  reads_[path] = [this, &value, read = reads_[path]](const YAML::Node& node) {
    auto wrong = read(node);
    for (std::string& each : value) each = in_folder(each);
    return wrong;
  };
  return *this;
}

Keys& Keys::one_or_more(std::string path, std::vector<std::string>& value, std::string help, Check check,
                        const std::string& kind) {
  key(std::move(path), fmt::format("{}, or a list", kind), "", std::move(help),
      [&value, check](const YAML::Node& node) -> std::optional<std::string> {
        if (!node.IsScalar() && (!node.IsSequence() || node.size() == 0))
          return "expected a single value, or a list of them, like [a, b]";
        value.clear();
        for (std::size_t i = 0; i < (node.IsScalar() ? 1 : node.size()); ++i) {
          Result<std::string> text = scalar(node.IsScalar() ? node : node[i]);
          if (!text) return text.error().message;
          if (auto wrong = check(*text)) return wrong;
          value.push_back(std::move(*text));
        }
        return std::nullopt;
      });
  return *this;
}

Keys& Keys::flag(std::string path, bool& value, std::string help) {
  key(std::move(path), "true or false", value ? "true" : "false", std::move(help),
      reader([&value](const std::string& text) -> std::optional<std::string> {
        auto flag = parse_flag(text);
        if (!flag) return fmt::format("expected true or false, not `{}`", text);
        value = *flag;
        return std::nullopt;
      }));
  return *this;
}

Keys& Keys::flag(std::string path, std::optional<bool>& value, std::string help) {
  key(std::move(path), "true or false", "", std::move(help),
      reader([&value](const std::string& text) -> std::optional<std::string> {
        value = parse_flag(text);
        if (!value) return fmt::format("expected true or false, not `{}`", text);
        return std::nullopt;
      }));
  return *this;
}

namespace {

std::optional<std::string> read_number(const std::string& text, int least, int most, int& value) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || number < least || number > most)
    return fmt::format("expected a whole number from {} to {}, not `{}`", least, most, text);
  value = number;
  return std::nullopt;
}

}  // namespace

Keys& Keys::number(std::string path, int& value, int least, int most, std::string help) {
  key(std::move(path), fmt::format("number, {} to {}", least, most), fmt::format("{}", value),
      std::move(help), reader([&value, least, most](const std::string& text) {
        return read_number(text, least, most, value);
      }));
  return *this;
}

Keys& Keys::number(std::string path, std::optional<int>& value, int least, int most, std::string help) {
  key(std::move(path), fmt::format("number, {} to {}", least, most), "", std::move(help),
      reader([&value, least, most](const std::string& text) {
        return read_number(text, least, most, value.emplace());
      }));
  return *this;
}

Keys& Keys::size(std::string path, std::size_t& value, std::size_t least, std::size_t most,
                 std::string help) {
  key(std::move(path), fmt::format("size, {} to {}", format_size(least), format_size(most)),
      format_size(value), std::move(help),
      reader([&value, least, most](const std::string& text) -> std::optional<std::string> {
        auto size = parse_size(text);
        if (!size || *size < least || *size > most) {
          return fmt::format("expected a size from {} to {}, like 64MiB, 64MB or a number of bytes, not `{}`",
                             format_size(least), format_size(most), text);
        }
        value = *size;
        return std::nullopt;
      }));
  return *this;
}

Keys& Keys::period(std::string path, Time& value, std::string help) {
  std::string shown = value == 0 ? "" : format_period(value);
  key(std::move(path), "period", std::move(shown), std::move(help),
      reader([&value](const std::string& text) -> std::optional<std::string> {
        auto period = parse_period(text);
        if (!period || *period == 0)
          return fmt::format("expected a period, like 3600s, 90m, 1h or 1d, not `{}`", text);
        value = *period;
        return std::nullopt;
      }));
  return *this;
}

Keys& Keys::choice(std::string path, std::string& value, std::vector<std::string> names, std::string help) {
  std::string kind = fmt::format("{}", fmt::join(names, ", "));
  Check check = [names, kind](const std::string& text) -> std::optional<std::string> {
    if (std::ranges::find(names, text) != names.end()) return std::nullopt;
    return fmt::format("expected one of {}, not `{}`", kind, text);
  };
  return text(std::move(path), value, std::move(help), std::move(check), kind);
}

void Keys::read(const YAML::Node& node, const std::string& at, ConfigErrors& errors) {
  read_below(node, "", at, errors);
  check_required(line_of(node), at, errors);
}

// Reads the entries of a map; `below` is its path from here with a dot at the end, or empty.
void Keys::read_below(const YAML::Node& node, const std::string& below, const std::string& at,
                      ConfigErrors& errors) {
  if (node.IsNull()) return;
  if (!node.IsMap()) {
    std::string place = at + below;
    if (place.ends_with('.')) place.pop_back();
    return errors.add(line_of(node),
                      place.empty() ? "the configuration is no map of keys; expected lines like `inputs:`"
                                    : fmt::format("{} holds further keys; expected a map", place));
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      errors.add(line_of(entry.first), "a key must be a single word");
      continue;
    }
    std::string path = below + entry.first.Scalar();
    int line = line_of(entry.first);
    if (!seen.insert(path).second) {
      errors.add(line, fmt::format("`{}{}` stands here for the second time; keep one of them", at, path));
      continue;
    }
    lines_[path] = line;
    read_value(path, entry.second, at, errors);
  }
}

void Keys::read_value(const std::string& path, const YAML::Node& value, const std::string& at,
                      ConfigErrors& errors) {
  if (auto read = reads_.find(path); read != reads_.end()) {
    auto wrong = read->second(value);
    if (wrong) errors.add(lines_[path], fmt::format("{}{}: {}", at, path, *wrong));
    return;
  }
  auto part = parts_.find(path);
  if (part == parts_.end()) part = parts_.find(path + "[]");
  if (part != parts_.end()) return part->second(value, at + path, errors);
  auto under = [&](const auto& each) { return each.first.starts_with(path + "."); };
  if (std::ranges::any_of(reads_, under) || std::ranges::any_of(parts_, under)) {
    return read_below(value, path + ".", at, errors);
  }
  unknown(path, at, lines_[path], errors);
}

void Keys::unknown(const std::string& path, const std::string& at, int line, ConfigErrors& errors) const {
  std::size_t dot = path.rfind('.');
  std::string below = dot == std::string::npos ? "" : path.substr(0, dot + 1);
  std::string name = path.substr(below.size());
  std::set<std::string> siblings;
  auto gather = [&](const std::string& known) {
    if (!known.starts_with(below)) return;
    std::string_view rest = std::string_view(known).substr(below.size());
    siblings.insert(std::string(rest.substr(0, rest.find_first_of(".["))));
  };
  for (const auto& each : reads_) gather(each.first);
  for (const auto& each : parts_) gather(each.first);
  std::string advice;
  if (std::string_view near = nearest(name, {siblings.begin(), siblings.end()}); !near.empty()) {
    advice = fmt::format("did you mean `{}`?", near);
  } else {
    advice = fmt::format("known here: {}", fmt::join(siblings, ", "));
  }
  // A key in the wrong place is known by its last name.
  auto elsewhere =
      std::ranges::find_if(reads_, [&](const auto& each) { return each.first.ends_with("." + name); });
  if (elsewhere != reads_.end() && !advice.starts_with("did"))
    advice += fmt::format("; there is `{}`", elsewhere->first);
  errors.add(line, fmt::format("unknown key `{}{}`; {}", at, path, advice));
}

void Keys::check_required(int line, const std::string& at, ConfigErrors& errors) const {
  for (const KeyInfo& info : infos_) {
    if (!info.required || info.path.find("[]") != std::string::npos || lines_.contains(info.path)) continue;
    std::size_t dot = info.path.rfind('.');
    std::string part = dot == std::string::npos ? "" : info.path.substr(0, dot);
    if (!part.empty() && !lines_.contains(part)) continue;
    errors.add(part.empty() ? line : lines_.find(part)->second,
               fmt::format("`{}{}` is missing", at, info.path));
  }
}

bool Keys::given(std::string_view path) const {
  return lines_.contains(path);
}

int Keys::line(std::string_view path) const {
  auto found = lines_.find(path);
  return found == lines_.end() ? 0 : found->second;
}

void Keys::read_part(const YAML::Node& node, const std::string& at, ConfigErrors& errors,
                     const std::function<void(Keys&)>& declare) const {
  Keys keys(folder_);
  declare(keys);
  keys.read(node, at + ".", errors);
}

void Keys::each_item(const YAML::Node& node, const std::string& at, ConfigErrors& errors,
                     const std::function<void(const YAML::Node&, const std::string&)>& item) {
  if (node.IsNull()) return;
  if (!node.IsSequence())
    return errors.add(line_of(node), fmt::format("{}: expected a list, each item with `- `", at));
  std::size_t number = 0;
  for (const YAML::Node& each : node) item(each, fmt::format("{}[{}]", at, number++));
}

void Keys::each_entry(
    const YAML::Node& node, const std::string& at, ConfigErrors& errors,
    const std::function<void(const std::string&, const YAML::Node&, const std::string&)>& entry) {
  if (node.IsNull()) return;
  if (!node.IsMap())
    return errors.add(line_of(node), fmt::format("{}: expected a map from names to keys", at));
  std::set<std::string> seen;
  for (const auto& each : node) {
    std::string name = each.first.IsScalar() ? each.first.Scalar() : "";
    if (!seen.insert(name).second) {
      errors.add(line_of(each.first),
                 fmt::format("{}: `{}` stands here for the second time; keep one", at, name));
      continue;
    }
    entry(name, each.second, fmt::format("{}.\"{}\"", at, name));
  }
}

}  // namespace hecate::daemon
