#include "tests/match/event_maker.h"

#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>
#include <regex>

#include <fmt/format.h>

namespace hecate::testing {
namespace {

using spl::Condition;
using Kind = Condition::Kind;

constexpr std::array kCodes = {1,  11, 13, 12, 3, 22, 7,  10, 8,  5,  6, 15, 17,
                               18, 20, 23, 26, 2, 9,  24, 25, 29, 16, 4, 255};
constexpr std::array kLinuxCodes = {1, 11, 3, 5, 23};

// Those of an event's head, which each form has in its own place.
constexpr std::array<std::string_view, 20> kOfSystem = {
    "Computer",     "EventID",    "EventCode",        "EventChannel", "Channel",
    "UserID",       "SecurityID", "ProcessID",        "ThreadID",     "RecordID",
    "RecordNumber", "Level",      "EventDescription", "Hostname",     "SystemTime",
    "TimeCreated",  "SourceName", "Keywords",         "SourceHost",   "Guid"};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

// `Processes.dest` is `dest`.
std::string without_model(std::string_view field) {
  return std::string(field.substr(field.rfind('.') + 1));
}

std::size_t pick(std::size_t size, std::mt19937& random, bool first) {
  return first || size == 0 ? 0 : random() % size;
}

// The texts between the wildcards, with the empty ones.
std::vector<std::string> split(const std::string& pattern) {
  std::vector<std::string> pieces{""};
  for (char c : pattern) {
    if (c == '*')
      pieces.emplace_back();
    else
      pieces.back() += c;
  }
  return pieces;
}

// What Sysmon's own field holds the value of a field of the add-on or of CIM; empty: it has none of its own.
std::string own_field(const std::string& field, int code) {
  static const std::map<std::string, std::string> kFields{{"process", "CommandLine"},
                                                          {"process_path", "Image"},
                                                          {"process_id", "ProcessId"},
                                                          {"process_guid", "ProcessGuid"},
                                                          {"process_hash", "Hashes"},
                                                          {"process_integrity_level", "IntegrityLevel"},
                                                          {"process_current_directory", "CurrentDirectory"},
                                                          {"parent_process", "ParentCommandLine"},
                                                          {"parent_process_path", "ParentImage"},
                                                          {"parent_process_id", "ParentProcessId"},
                                                          {"parent_process_guid", "ParentProcessGuid"},
                                                          {"original_file_name", "OriginalFileName"},
                                                          {"file_path", "TargetFilename"},
                                                          {"file_hash", "Hashes"},
                                                          {"registry_path", "TargetObject"},
                                                          {"registry_value_data", "Details"},
                                                          {"object_path", "TargetObject"},
                                                          {"loaded_file_path", "ImageLoaded"},
                                                          {"dest_ip", "DestinationIp"},
                                                          {"dest_port", "DestinationPort"},
                                                          {"src_ip", "SourceIp"},
                                                          {"src_port", "SourcePort"},
                                                          {"src_host", "SourceHostname"},
                                                          {"transport", "Protocol"},
                                                          {"app", "Image"},
                                                          {"query", "QueryName"},
                                                          {"reply_code_id", "QueryStatus"},
                                                          {"answer", "QueryResults"},
                                                          {"pipe_name", "PipeName"},
                                                          {"granted_access", "GrantedAccess"},
                                                          {"user", "User"},
                                                          {"src_module", "StartModule"},
                                                          {"src_function", "StartFunction"},
                                                          {"_raw", "RuleName"}};
  if (field == "dest" && code == 3) return "DestinationHostname";
  if (field == "src" && code == 3) return "SourceHostname";
  if (field == "process_path" && code == 6) return "ImageLoaded";
  if ((field == "process_path" || field == "process_name") && (code == 8 || code == 10)) return "TargetImage";
  if (field == "parent_process_path" && (code == 8 || code == 10)) return "SourceImage";
  if (field == "process" && code != 1) return "Image";
  auto found = kFields.find(field);
  return found == kFields.end() ? "" : found->second;
}

// Those that are the last component of another.
std::string path_of_name(const std::string& field, int code) {
  if (field == "process_name" || field == "process_exec")
    return code == 8 || code == 10 ? "TargetImage" : "Image";
  if (field == "parent_process_name" || field == "parent_process_exec")
    return code == 8 || code == 10 ? "SourceImage" : "ParentImage";
  if (field == "file_name") return "TargetFilename";
  if (field == "loaded_file") return "ImageLoaded";
  if (field == "registry_value_name") return "TargetObject";
  return "";
}

// At the end of the path in place of its last component, or behind that; or at the root.
void put_name(std::string& path, const std::string& name, bool linux, std::mt19937& random) {
  std::string separator = linux ? "/" : "\\";
  std::size_t last = path.rfind(separator);
  if (name.contains(separator)) {
    path = name;
    return;
  }
  switch (random() % 4) {
    case 0:
      path += separator + name;
      return;
    case 1:
      path = (linux ? "/" : "C:\\") + name;
      return;
    default:
      path = (last == std::string::npos ? std::string() : path.substr(0, last + 1)) + name;
  }
}

// In place of a default that some search does not want.
std::string allowed_value(const std::string& value, bool linux, std::mt19937& random) {
  if (random() % 2 == 0) return value;
  bool number = !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  if (number) return "12345";
  if (value.contains('\\')) return "D:\\elsewhere\\allowed.exe";
  return linux ? "/opt/allowed" : "allowed";
}

// What texts in quotes mean.
std::vector<std::pair<std::string, std::string>> find_hints(const std::string& search) {
  std::vector<std::pair<std::string, std::string>> hints;
  static const std::regex kForms(
      R"re((NOT\s+)?(match|like)\s*\(\s*([\w.]+)\s*,\s*"((?:[^"\\]|\\.)*)"\s*\)|\|\s*(?:regex|rex)\s+(?:field\s*=\s*)?([\w.]+)\s*(=?)\s*"((?:[^"\\]|\\.)*)")re",
      std::regex::icase);
  for (std::sregex_iterator at(search.begin(), search.end(), kForms), end; at != end; ++at) {
    const std::smatch& found = *at;
    if (found[1].matched) continue;
    if (found[5].matched) {
      hints.emplace_back(found[5], "~" + spl::unquote(found[7].str()));
    } else if (lower(found[2]) == "match") {
      hints.emplace_back(found[3], "~" + spl::unquote(found[4].str()));
    } else {
      std::string pattern = spl::unquote(found[4].str());
      std::ranges::replace(pattern, '%', '*');
      hints.emplace_back(found[3], pattern);
    }
  }
  static const std::regex kLength(R"(len\((\w+)\)\s*>=?\s*(\d+))", std::regex::icase);
  for (std::sregex_iterator at(search.begin(), search.end(), kLength), end; at != end; ++at)
    hints.emplace_back((*at)[1], "*" + std::string(std::stoul((*at)[2]) + 50, 'x') + "*");
  return hints;
}

// The conditions of `| search …`.
std::vector<std::string> later_searches(const std::string& search) {
  std::vector<std::string> texts;
  static const std::regex kSearch(R"re(\|\s*search\s((?:[^"|\[]|"(?:[^"\\]|\\.)*")*))re", std::regex::icase);
  for (std::sregex_iterator at(search.begin(), search.end(), kSearch), end; at != end; ++at)
    texts.push_back((*at)[1]);
  return texts;
}

}  // namespace

std::string value_for(const std::vector<std::string>& patterns, std::mt19937& random) {
  std::string front, back;
  std::vector<std::string> middle;
  for (const std::string& pattern : patterns) {
    if (!pattern.contains('*')) return pattern;
    std::vector<std::string> pieces = split(pattern);
    if (pieces.front().size() > front.size()) front = pieces.front();
    if (pieces.back().size() > back.size()) back = pieces.back();
    for (std::size_t i = 1; i + 1 < pieces.size(); ++i)
      if (!pieces[i].empty()) middle.push_back(pieces[i]);
  }
  static const std::array<std::string, 4> kFillers = {"", " ", "a", " x "};
  const std::string& filler = kFillers[random() % kFillers.size()];
  std::string value = front;
  for (const std::string& piece : middle) {
    if (lower(value).contains(lower(piece)) || lower(back).contains(lower(piece))) continue;
    value += filler + piece;
  }
  value += filler;
  if (!lower(value).ends_with(lower(back)) || back.empty()) value += back;
  // Blanks at the ends may go in one form and stay in the other.
  if (front.empty() && value.starts_with(' ')) value.insert(0, "x");
  if (back.empty() && value.ends_with(' ')) value += "x";
  return value.empty() ? "made" : value;
}

EventMaker::EventMaker(const Condition& condition, const std::string& search,
                       const std::vector<spl::FieldRef>& fields)
    : condition_(condition), hints_(find_hints(search)) {
  for (const spl::FieldRef& field : fields) {
    bool of_payload = field.name.front() >= 'A' && field.name.front() <= 'Z' && !field.name.contains('.');
    if (of_payload && std::ranges::find(kOfSystem, field.name) == kOfSystem.end())
      fields_.emplace_back(field.name);
  }
  for (const std::string& text : later_searches(search)) {
    auto source = spl::expand_macros(text, {});
    if (!source) continue;
    auto parsed = spl::parse_condition(*source, 0, source->text().size(), later_names_);
    if (parsed) later_.push_back(std::move(*parsed));
  }
}

std::size_t EventMaker::kinds() const {
  return kCodes.size() + kLinuxCodes.size();
}

void EventMaker::choose(const Condition& condition, bool wanted, std::mt19937& random, bool first) {
  const std::vector<Condition>& children = condition.children;
  switch (condition.kind) {
    case Kind::always:
    case Kind::never:
      return;
    case Kind::none_of:
      return choose(children[0], !wanted, random, first);
    case Kind::all_of:
    case Kind::any_of:
    case Kind::subsearch: {
      bool all = (condition.kind == Kind::all_of) == wanted;
      if (children.empty()) return;
      if (!all) return choose(children[pick(children.size(), random, first)], wanted, random, first);
      for (const Condition& child : children) choose(child, wanted, random, first);
      return;
    }
    default:
      return wish(condition, wanted, random, first);
  }
}

void EventMaker::wish(const Condition& leaf, bool wanted, std::mt19937& random, bool first) {
  FieldWish& wish = wishes_[without_model(leaf.field.name)];
  std::string text = leaf.pattern.text();
  switch (leaf.kind) {
    case Kind::equal:
    case Kind::term:
      if (wanted)
        wish.patterns.push_back(text);
      else if (leaf.pattern.matches_all())
        wish.absent = true;
      else
        wish.forbidden.push_back(text);
      return;
    case Kind::in:
      if (wanted) wish.patterns.push_back(leaf.patterns[pick(leaf.patterns.size(), random, first)].text());
      return;
    case Kind::cidr:
      if (wanted) wish.patterns.push_back(text.substr(0, text.find('/')));
      return;
    case Kind::less:
    case Kind::greater:
    case Kind::less_equal:
    case Kind::greater_equal: {
      bool less = (leaf.kind == Kind::less || leaf.kind == Kind::less_equal) == wanted;
      if (leaf.pattern.number())
        wish.patterns.push_back(spl::number_to_text(*leaf.pattern.number() + (less ? -1 : 1)));
      return;
    }
    case Kind::not_equal:
      (wanted ? wish.forbidden : wish.patterns).push_back(text);
      return;
    default:
      return;
  }
}

void EventMaker::put(MadeEvent& event, const std::string& field, const FieldWish& wish,
                     std::mt19937& random) {
  std::string own = own_field(field, event.code);
  std::string path = path_of_name(field, event.code);
  std::string name = !own.empty() ? own : !path.empty() ? path : field;
  wished_.push_back(name);
  if (wish.absent) {
    event.fields.erase(name);
    return;
  }
  if (wish.patterns.empty() && wish.forbidden.empty()) return;
  std::string value = wish.patterns.empty() ? allowed_value(event.fields[name], event.linux, random)
                                            : value_for(wish.patterns, random);
  if (field == "source") {
    event.source = value;
  } else if (field == "dest" || field == "dvc" || field == "host" || field == "Computer") {
    if (event.code == 3 && field == "dest") event.fields["DestinationHostname"] = value;
    event.computer = value;
  } else if (!path.empty()) {
    put_name(event.fields[path], value, event.linux, random);
  } else if (field == "registry_key_name") {
    event.fields["TargetObject"] = "HKLM\\SOFTWARE\\" + value + "\\Value";
  } else if (field == "registry_value_data") {
    event.fields["Details"] = value.starts_with("0x") ? fmt::format("DWORD ({})", value) : value;
  } else if (field == "user") {
    event.fields["User"] = value.contains('\\') || event.linux ? value : "CORP\\" + value;
  } else if (field == "action") {
    if (value == "deleted" && event.code == 12) event.fields["EventType"] = "DeleteKey";
    if (value == "modified" && event.code == 11) event.fields["CreationUtcTime"] = "2026-04-01 13:00:00.000";
  } else if (field == "direction") {
    event.fields["Initiated"] = value == "outbound" ? "true" : "false";
  } else if (field != "tag" && field != "index" && field != "sourcetype" && field != "EventCode" &&
             field != "EventID" && field != "signature_id" && field != "signature" && field != "_raw") {
    event.fields[name] = value;
  } else if (field == "_raw") {
    event.fields["RuleName"] = value;
  }
}

MadeEvent EventMaker::make(std::size_t kind, std::mt19937& random, bool first_choice) {
  bool linux = kind >= kCodes.size();
  MadeEvent event = MadeEvent::of_code(linux ? kLinuxCodes[kind - kCodes.size()] : kCodes[kind], linux);
  wishes_.clear();
  wished_.clear();
  choose(condition_, true, random, first_choice);
  bool for_later = first_choice || random() % 2 == 0;
  if (for_later)
    for (const Condition& later : later_) choose(later, true, random, first_choice);
  if (for_later || random() % 2 == 0)
    for (const std::string& field : fields_) event.fields.try_emplace(field, "made");
  // Patterns that stand in one field together: all it wants, and what later commands do.
  for (const auto& [field, pattern] : hints_) {
    bool regex = pattern.starts_with('~');
    std::string text = regex ? "*" + sample_of_regex(pattern.substr(1), random) + "*" : pattern;
    wishes_[without_model(field)].patterns.push_back(text);
  }
  // Whole paths first, then the names at their ends.
  for (bool names : {false, true}) {
    for (const auto& [field, wish] : wishes_)
      if (path_of_name(field, event.code).empty() != names) put(event, field, wish, random);
  }
  return event;
}

}  // namespace hecate::testing
