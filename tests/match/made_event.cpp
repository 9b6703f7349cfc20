#include "tests/match/made_event.h"

#include <fmt/format.h>

namespace hecate::testing {
namespace {

const std::map<std::string, std::string> kProcess{{"UtcTime", "2026-04-27 13:00:00.000"},
                                                  {"ProcessGuid", "{2b1f0a6e-4c1d-69e1-7700-000000000900}"},
                                                  {"ProcessId", "7412"},
                                                  {"Image", "C:\\Windows\\System32\\made.exe"},
                                                  {"User", "CORP\\anna"}};

using Fields = std::map<std::string, std::string>;

Fields more_of(int code) {
  switch (code) {
    case 1:
      return {{"OriginalFileName", "Made.Exe"},
              {"CommandLine", "made.exe -a"},
              {"CurrentDirectory", "C:\\Users\\"},
              {"IntegrityLevel", "High"},
              {"Hashes", "MD5=A1,SHA256=B2,IMPHASH=C3"},
              {"ParentProcessGuid", "{2b1f0a6e-4bf0-69e1-4800-000000000900}"},
              {"ParentProcessId", "5632"},
              {"ParentImage", "C:\\Windows\\parent.exe"},
              {"ParentCommandLine", "parent.exe -b"}};
    case 3:
      return {{"Protocol", "tcp"},
              {"Initiated", "true"},
              {"SourceIp", "192.168.1.5"},
              {"SourcePort", "49152"},
              {"SourceHostname", "s-1"},
              {"DestinationIp", "203.0.113.9"},
              {"DestinationHostname", "d-1"},
              {"DestinationPort", "443"}};
    case 6:
      return {{"ImageLoaded", "C:\\Windows\\drivers\\made.sys"},
              {"Hashes", "SHA256=B2"},
              {"Signed", "true"},
              {"SignatureStatus", "Valid"}};
    case 7:
      return {{"ImageLoaded", "C:\\Windows\\System32\\made.dll"},
              {"Signed", "false"},
              {"Hashes", "SHA256=B2"},
              {"SignatureStatus", "Unavailable"},
              {"OriginalFileName", "made.dll"},
              {"Signature", "-"}};
    case 8:
    case 10:
      return {{"SourceImage", "C:\\Windows\\source.exe"},
              {"TargetImage", "C:\\Windows\\target.exe"},
              {"SourceProcessId", "100"},
              {"TargetProcessId", "200"},
              {"SourceProcessGUID", "{1}"},
              {"TargetProcessGUID", "{2}"},
              {"SourceProcessGuid", "{1}"},
              {"TargetProcessGuid", "{2}"},
              {"StartAddress", "0x0000000000C60000"},
              {"StartFunction", "-"},
              {"StartModule", "-"},
              {"GrantedAccess", "0x1FFFFF"},
              {"CallTrace", "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4"}};
    case 2:
    case 11:
    case 15:
    case 23:
    case 26:
    case 29:
      return {{"TargetFilename", "C:\\Users\\anna\\made.txt"},
              {"CreationUtcTime", "2026-04-27 13:00:00.000"},
              {"Hash", "SHA256=B2"},
              {"Hashes", "SHA256=B2"}};
    case 12:
      return {{"EventType", "CreateKey"}, {"TargetObject", "HKLM\\SOFTWARE\\Made\\Key\\Value"}};
    case 13:
      return {{"EventType", "SetValue"},
              {"TargetObject", "HKLM\\SOFTWARE\\Made\\Key\\Value"},
              {"Details", "DWORD (0x00000001)"}};
    case 17:
    case 18:
      return {{"PipeName", "\\made"}};
    case 20:
      return {{"Operation", "Created"}, {"Name", "made"}, {"Type", "Command Line"}, {"Destination", "x"}};
    case 22:
      return {{"QueryName", "made.example"}, {"QueryStatus", "0"}, {"QueryResults", "203.0.113.9;"}};
    default:
      return {};
  }
}

bool must_be_escaped(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

void append_json(std::string& out, const std::string& text, bool escape_letters) {
  out += '"';
  int letters = 0;
  for (char c : text) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (must_be_escaped(c) && static_cast<unsigned char>(c) >= 0x20)
      out += fmt::format("\\{}", c);
    else if (must_be_escaped(c) || (letter && escape_letters && ++letters % 3 == 0))
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  out += '"';
}

std::string channel_of(const MadeEvent& event) {
  return event.linux ? "Linux-Sysmon/Operational" : "Microsoft-Windows-Sysmon/Operational";
}

std::string provider_of(const MadeEvent& event) {
  return event.linux ? "Linux-Sysmon" : "Microsoft-Windows-Sysmon";
}

std::string json_of(const MadeEvent& event, bool escape_letters) {
  std::string out = fmt::format(
      R"({{"EventID":{},"SourceName":"{}","Channel":"{}","RecordNumber":{},"Level":4,"UserID":"S-1-5-18",)"
      R"("ExecutionProcessID":2940,"Hostname":)",
      event.code, provider_of(event), channel_of(event), event.record);
  append_json(out, event.computer, false);
  for (const auto& [name, value] : event.fields) {
    out += fmt::format(",\"{}\":", name);
    append_json(out, value, escape_letters);
  }
  return out + "}";
}

std::string escaped_xml(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

}  // namespace

MadeEvent MadeEvent::of_code(int code, bool linux) {
  MadeEvent event;
  event.code = code;
  event.linux = linux;
  event.fields = kProcess;
  if (code == 8 || code == 10) event.fields.erase("Image");
  for (auto& [name, value] : more_of(code)) event.fields[name] = value;
  if (!linux) return event;
  for (auto& [name, value] : event.fields)
    if (name.ends_with("Image") || name == "TargetFilename") value = "/usr/bin/made";
  event.fields["User"] = "root";
  return event;
}

std::string MadeEvent::as_json() const {
  return json_of(*this, false);
}

std::string MadeEvent::as_escaped_json() const {
  return json_of(*this, true);
}

std::string MadeEvent::as_xml() const {
  std::string out = fmt::format(
      "<Event><System><Provider Name='{}'/><EventID>{}</EventID><Level>4</Level><EventRecordID>{}"
      "</EventRecordID><Execution ProcessID='2940'/><Channel>{}</Channel><Computer>{}</Computer>"
      "<Security UserID='S-1-5-18'/></System><EventData>",
      provider_of(*this), code, record, channel_of(*this), escaped_xml(computer));
  for (const auto& [name, value] : fields)
    out += fmt::format("<Data Name='{}'>{}</Data>", name, escaped_xml(value));
  return out + "</EventData></Event>";
}

bool MadeEvent::same_in_both() const {
  for (const auto& [name, value] : fields)
    if (value.find_first_of("&<>\"") != std::string::npos) return false;
  return computer.find_first_of("&<>\"") == std::string::npos;
}

}  // namespace hecate::testing
