#include "pipeline/decode/shape.h"
#include "pipeline/fields/event_fields.h"
#include "pipeline/spl/values.h"
#include "tests/support/testing.h"

#include <map>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::fields {
namespace {

struct Case {
  std::string name;
  std::string raw;
  std::string indexed;
  std::map<std::string, std::string> envelope;
  std::map<std::string, std::vector<std::string>> fields;  // none: must be null
  bool malformed = false;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

std::string quote(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// `platform`: with the parts that every event of Sysmon has there; without, with those that tell what it is.
std::string sysmon_event(const YAML::Node& event, const std::string& platform) {
  std::string json =
      R"({"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational",)"
      R"("Hostname":"ws1")";
  if (platform == "windows") json += R"(,"UserID":"S-1-5-18")";
  if (platform == "linux") {
    json = R"({"SourceName":"Linux-Sysmon","Channel":"Linux-Sysmon/Operational","Hostname":"web-7",)"
           R"("System":{"Security":{"UserId":"0"}})";
  }
  if (!platform.empty())
    json += R"(,"RecordNumber":9,"Level":4,"ExecutionProcessID":2940,"ProviderGuid":"{g}")";
  for (const auto& field : event) {
    json += "," + quote(field.first.as<std::string>()) + ":" + quote(field.second.as<std::string>());
  }
  return json + "}";
}

void add_fields(const YAML::Node& node, Case& c) {
  for (const auto& field : node) {
    std::vector<std::string> values;
    if (field.second.IsSequence()) values = field.second.as<std::vector<std::string>>();
    if (field.second.IsScalar()) values.push_back(field.second.as<std::string>());
    c.fields[field.first.as<std::string>()] = values;
  }
}

// A list of cases, or `cases` with `expect`: named sets of fields that several of them have.
std::vector<Case> cases(const std::string& file) {
  YAML::Node document = YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/fields/" + file);
  std::vector<Case> all;
  for (const YAML::Node& node : document.IsMap() ? document["cases"] : document) {
    Case c;
    c.name = node["name"].as<std::string>();
    c.raw = node["raw"] ? node["raw"].as<std::string>()
                        : sysmon_event(node["event"], node["platform"].as<std::string>(""));
    c.indexed = node["indexed"].as<std::string>("");
    c.envelope = node["envelope"].as<decltype(c.envelope)>(decltype(c.envelope){});
    c.malformed = node["malformed"].as<bool>(false);
    if (node["expect"]) add_fields(document["expect"][node["expect"].as<std::string>()], c);
    add_fields(node["fields"], c);
    all.push_back(std::move(c));
  }
  return all;
}

std::vector<std::string> texts(Value value) {
  std::vector<std::string> all;
  for (const Value& one : value.each()) {
    std::string text;
    spl::append_text(one, text);
    all.push_back(text);
  }
  return all;
}

EventView view_of(const Case& c) {
  EventView view;
  view.raw = c.raw;
  view.shape = decode::shape_of(c.raw);
  view.fields = c.indexed;
  auto text = [&](const char* key) {
    auto found = c.envelope.find(key);
    return found == c.envelope.end() ? std::string_view() : std::string_view(found->second);
  };
  view.host = text("host");
  view.source = text("source");
  view.sourcetype = text("sourcetype");
  view.index = text("index");
  if (auto time = parse_epoch(text("time"))) view.envelope_time = *time;
  return view;
}

class Fields : public ::testing::TestWithParam<Case> {};

// As plans ask: by number, for names that were known when the rules were compiled.
TEST_P(Fields, ByNumber) {
  const Case& c = GetParam();
  spl::FieldNames names;
  for (const auto& [name, values] : c.fields) names.intern(name);
  auto rules = FieldRules::compile(FieldRules::builtin(), names);
  ASSERT_TRUE(rules) << rules.error().message;
  auto fields = EventFields::make(names, *rules);
  EventView view = view_of(c);
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(fields->reset(view, kSecond), !c.malformed);
    for (const auto& [name, values] : c.fields) {
      EXPECT_EQ(texts(fields->get(names.intern(name).id)), values) << name;
    }
  }
}

// As samples and `table *` ask: by name, for names that no plan knows.
TEST_P(Fields, ByName) {
  const Case& c = GetParam();
  spl::FieldNames names;
  auto rules = FieldRules::compile(FieldRules::builtin(), names);
  ASSERT_TRUE(rules) << rules.error().message;
  auto fields = EventFields::make(names, *rules);
  EventView view = view_of(c);
  (void)fields->reset(view, kSecond);
  std::map<std::string, std::vector<std::string>> seen;
  fields->each([&](std::string_view name, Value value) {
    EXPECT_TRUE(seen.emplace(name, texts(value)).second) << name << " came twice";
  });
  for (const auto& [name, values] : c.fields) {
    bool of_a_model = name.starts_with("datamodel::") || std::isupper(name[0]) != 0;
    if (of_a_model && (name.find('.') != std::string::npos)) continue;  // views, not fields of the event
    EXPECT_EQ(texts(fields->find(name)), values) << name;
    EXPECT_EQ(seen[name], values) << name;
  }
}

// The whole table, code by code: what is not named in the case must not be there.
class FieldTable : public ::testing::TestWithParam<Case> {};

TEST_P(FieldTable, NothingElseIsMade) {
  const Case& c = GetParam();
  spl::FieldNames names;
  for (const auto& [name, values] : c.fields) names.intern(name);
  for (const YAML::Node& rule : YAML::Load(std::string(FieldRules::builtin()))["rules"]) {
    YAML::Node made = rule["field"];
    if (made.IsScalar()) names.intern(made.as<std::string>());
    for (const YAML::Node& name : made) names.intern(name.as<std::string>());
  }
  std::size_t known = names.size();
  auto rules = FieldRules::compile(FieldRules::builtin(), names);
  ASSERT_TRUE(rules) << rules.error().message;
  auto fields = EventFields::make(names, *rules);
  EventView view = view_of(c);
  EXPECT_TRUE(fields->reset(view, kSecond));
  for (spl::FieldId id = 0; id < known; ++id) {
    auto expected = c.fields.find(std::string(names.name(id)));
    EXPECT_EQ(texts(fields->get(id)),
              expected == c.fields.end() ? std::vector<std::string>() : expected->second)
        << names.name(id);
  }
}

auto name_of = [](const auto& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Forms, Fields, ::testing::ValuesIn(cases("forms.yaml")), name_of);
INSTANTIATE_TEST_SUITE_P(Shippers, Fields, ::testing::ValuesIn(cases("shippers.yaml")), name_of);
INSTANTIATE_TEST_SUITE_P(Rules, Fields, ::testing::ValuesIn(cases("rules.yaml")), name_of);

INSTANTIATE_TEST_SUITE_P(Codes, FieldTable, ::testing::ValuesIn(cases("codes.yaml")), name_of);

TEST(FieldRulesFile, AMistakeIsNamedWithItsLine) {
  auto message = [](std::string_view yaml) {
    spl::FieldNames names;
    names.intern("x");
    auto rules = FieldRules::compile(yaml, names);
    return rules ? std::string() : rules.error().message;
  };
  EXPECT_NE(message("rules:\n- {field: x, valu: y}\n").find("line 2: a rule has no `valu`"),
            std::string::npos);
  EXPECT_NE(message("rules:\n- {field: x}\n").find("line 2: a rule needs a `value`"), std::string::npos);
  EXPECT_NE(message("rules:\n- {field: x, codes: 300, value: y}\n").find("`300`"), std::string::npos);
  EXPECT_NE(message("rules:\n- {field: x, value: 'if(('}\n").find("line 2"), std::string::npos);
  EXPECT_NE(message("rules:\n- {field: x, only: mac, value: y}\n").find("`mac`"), std::string::npos);
  EXPECT_NE(message("rule: []\n").find("`rules`"), std::string::npos);
  EXPECT_EQ(message("rules:\n- {field: x, value: y}\n"), "");
}

TEST(FieldRulesFile, ARuleSeesExtractedValuesOnly) {
  spl::FieldNames names;
  auto first = names.intern("first");
  auto second = names.intern("second");
  auto rules = FieldRules::compile(
      "rules:\n- {field: first, value: '\"made\"'}\n- {field: second, value: first}\n", names);
  ASSERT_TRUE(rules) << rules.error().message;
  auto fields = EventFields::make(names, *rules);
  std::string raw = R"({"SourceName":"Microsoft-Windows-Sysmon","first":"extracted"})";
  EventView view;
  view.raw = raw;
  view.shape = Shape::json;
  EXPECT_TRUE(fields->reset(view, 0));
  EXPECT_EQ(texts(fields->get(first.id)), std::vector<std::string>{"made"});
  EXPECT_EQ(texts(fields->get(second.id)), std::vector<std::string>{"extracted"});
}

}  // namespace
}  // namespace hecate::fields
