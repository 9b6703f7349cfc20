// The cases of tests/cases/spl/search and the public catalogue: each shape of search that its folder has must
// have a case. A shape is the sequence of commands with their options, and the functions that they call;
// what is searched for is none of it.
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/spl/lexer.h"
#include "tests/support/testing.h"
#include "yaml-cpp/yaml.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace hecate::catalogue {
namespace {

// Without what stands in quotes and brackets, which say what is searched for.
std::string skeleton(std::string_view arguments) {
  std::string bare;
  int depth = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == '"') {
      while (++i < arguments.size() && arguments[i] != '"') i += arguments[i] == '\\';
      continue;
    }
    depth -= arguments[i] == ']';
    if (depth == 0) bare += std::isspace(static_cast<unsigned char>(arguments[i])) != 0 ? ' ' : arguments[i];
    depth += arguments[i] == '[';
  }
  return bare;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

struct Words {
  std::set<std::string> options, functions, words;
};

Words words_of(const std::string& bare) {
  Words found;
  auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.'; };
  for (std::size_t i = 0; i < bare.size();) {
    if (!part(bare[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < bare.size() && part(bare[end])) ++end;
    std::string word = lower(bare.substr(i, end - i));
    std::size_t next = bare.find_first_not_of(' ', end);
    char behind = next == std::string::npos ? '\0' : bare[next];
    found.words.insert(word);
    if (behind == '=') found.options.insert(word + "=");
    if (behind == '(') found.functions.insert(word);
    i = end;
  }
  for (const char* no_function : {"in", "and", "or", "not", "where", "by", "from", "as"})
    found.functions.erase(no_function);
  return found;
}

const std::set<std::string> kGathering{"stats", "eventstats", "streamstats", "tstats",
                                       "chart", "timechart",  "transaction"};
const std::set<std::string> kCalculating{"eval", "where"};
const std::set<std::string> kSearching{"search", "inputlookup", "from"};

std::string shape_of(const spl::CommandText& command, std::string_view arguments) {
  std::string bare = skeleton(arguments);
  std::set<std::string> parts;
  if (kGathering.contains(command.name)) {
    std::size_t head = bare.size();
    Words all = words_of(bare);
    for (const char* end : {" from ", " where ", " by ", " FROM ", " WHERE ", " BY "})
      head = std::min(head, bare.find(end));
    Words functions = words_of(bare.substr(0, head));
    parts.merge(functions.functions);
    for (const char* word : {"count", "c"})
      if (functions.words.contains(word)) parts.insert(word);
    for (const char* word : {"by", "where"})
      if (all.words.contains(word)) parts.insert(word);
    for (const char* option : {"fillnull_value=", "prestats=", "span=", "allnum=", "window=", "current=",
                               "maxspan=", "maxpause=", "startswith=", "endswith="})
      if (all.options.contains(option)) parts.insert(option);
  } else if (kCalculating.contains(command.name)) {
    parts = words_of(bare).functions;
  } else if (!kSearching.contains(command.name)) {
    Words words = words_of(bare);
    if (command.name != "regex") parts = words.options;
    for (const char* word : {"output", "outputnew"})
      if (command.name == "lookup" && words.words.contains(word)) parts.insert(word);
    bool minus = bare.find_first_not_of(' ') != std::string::npos && bare[bare.find_first_not_of(' ')] == '-';
    if (minus) parts.insert("-");
    bool names = command.name == "rename" || command.name == "table" || command.name == "fields";
    if (names && arguments.contains('*')) parts.insert("*");
  }
  if (bare.contains('[') && command.name != "rex" && command.name != "regex") parts.insert("[subsearch]");
  return parts.empty() ? command.name : fmt::format("{}({})", command.name, fmt::join(parts, ", "));
}

// Of a search with its macros put in; commands that repeat the one before count once, `search *` not at all.
std::string shape_of(const spl::SourceText& source) {
  auto commands = spl::split_pipeline(source);
  if (!commands) return {};
  std::vector<std::string> shape;
  bool first = true;
  for (const spl::CommandText& command : *commands) {
    std::string_view arguments =
        std::string_view(source.text())
            .substr(command.arguments.begin, command.arguments.end - command.arguments.begin);
    bool is_filter = !std::exchange(first, false) && command.name == "search" &&
                     arguments.find_first_not_of(" *\n") == std::string_view::npos;
    std::string one = shape_of(command, arguments);
    if (!is_filter && (shape.empty() || shape.back() != one)) shape.push_back(std::move(one));
  }
  return fmt::format("{}", fmt::join(shape, " | "));
}

// With the macros of a case.
std::string shape_of_case(const YAML::Node& test) {
  std::vector<spl::Macro> macros;
  for (const auto& macro : test["macros"]) {
    auto head = macro.first.as<std::string>();
    std::size_t open = head.find('(');
    spl::Macro& made = macros.emplace_back();
    made.name = head.substr(0, open);
    made.definition = macro.second.as<std::string>();
    std::string rest = open == std::string::npos ? "" : head.substr(open + 1, head.size() - open - 2);
    while (!rest.empty()) {
      std::size_t comma = std::min(rest.find(','), rest.size());
      std::string argument = rest.substr(0, comma);
      made.arguments.push_back(argument.substr(argument.find_first_not_of(' ')));
      rest.erase(0, comma + 1);
    }
  }
  auto source = spl::expand_macros(test["search"].as<std::string>(),
                                   [&](std::string_view name, std::size_t arguments) -> const spl::Macro* {
                                     for (const spl::Macro& macro : macros)
                                       if (macro.name == name && macro.arguments.size() == arguments)
                                         return &macro;
                                     return nullptr;
                                   });
  return source ? shape_of(*source) : "";
}

TEST(SearchShapes, EachShapeOfThePublicCatalogueHasACase) {
  std::string shared = hecate::testing::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the public catalogue is not here: set HECATE_SHARED";
  std::set<std::string> with_cases;
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HECATE_SOURCE_DIR "/tests/cases/spl/search")) {
    YAML::Node test = YAML::LoadFile(entry.path().string());
    ++cases;
    if (test["rows"]) with_cases.insert(shape_of_case(test));
  }
  Sources sources;
  sources.detections = {shared + "/escu/detections"};
  sources.macros = {shared + "/escu/macros", HECATE_SOURCE_DIR "/detections/macros"};
  sources.include_disabled = true;
  std::map<std::string, std::vector<std::string>> shapes;
  LoadResult loaded = load(sources);
  for (const LoadedDetection& each : loaded.catalogue->detections)
    shapes[shape_of(each.plan->source())].push_back(each.detection.name);
  std::size_t missing = 0;
  for (const auto& [shape, detections] : shapes) {
    if (with_cases.contains(shape)) continue;
    ++missing;
    ADD_FAILURE() << detections.size() << ", among them " << detections.front() << ": " << shape;
  }
  fmt::print("{} shapes, {} without a case; {} cases\n", shapes.size(), missing, cases);
  EXPECT_GE(cases, 300U);
  EXPECT_GE(shapes.size(), 80U);
}

}  // namespace
}  // namespace hecate::catalogue
