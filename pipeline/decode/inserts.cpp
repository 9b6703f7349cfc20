#include "pipeline/decode/inserts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

namespace hecate::decode {

namespace {

struct Layout {
  int event_id;
  std::string_view names;  // behind `|` those that Sysmon 13.30 put at the end
};

// Sysmon's manifest, schema 4.90.
constexpr Layout kLayouts[] = {
    {1,
     "RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company OriginalFileName "
     "CommandLine CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes "
     "ParentProcessGuid ParentProcessId ParentImage ParentCommandLine | ParentUser"},
    {2,
     "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime PreviousCreationUtcTime | "
     "User"},
    {3,
     "RuleName UtcTime ProcessGuid ProcessId Image User Protocol Initiated SourceIsIpv6 SourceIp "
     "SourceHostname SourcePort SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname "
     "DestinationPort DestinationPortName"},
    {4, "UtcTime State Version SchemaVersion"},
    {5, "RuleName UtcTime ProcessGuid ProcessId Image | User"},
    {6, "RuleName UtcTime ImageLoaded Hashes Signed Signature SignatureStatus"},
    {7,
     "RuleName UtcTime ProcessGuid ProcessId Image ImageLoaded FileVersion Description Product Company "
     "OriginalFileName Hashes Signed Signature SignatureStatus | User"},
    {8,
     "RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid TargetProcessId "
     "TargetImage NewThreadId StartAddress StartModule StartFunction | SourceUser TargetUser"},
    {9, "RuleName UtcTime ProcessGuid ProcessId Image Device | User"},
    {10,
     "RuleName UtcTime SourceProcessGUID SourceProcessId SourceThreadId SourceImage TargetProcessGUID "
     "TargetProcessId TargetImage GrantedAccess CallTrace | SourceUser TargetUser"},
    {11, "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime | User"},
    {12, "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject | User"},
    {13, "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject Details | User"},
    {14, "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject NewName | User"},
    {15, "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime Hash Contents | User"},
    {16, "UtcTime Configuration ConfigurationFileHash"},
    {17, "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image | User"},
    {18, "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image | User"},
    {19, "RuleName EventType UtcTime Operation User EventNamespace Name Query"},
    {20, "RuleName EventType UtcTime Operation User Name Type Destination"},
    {21, "RuleName EventType UtcTime Operation User Consumer Filter"},
    {22, "RuleName UtcTime ProcessGuid ProcessId QueryName QueryStatus QueryResults Image | User"},
    {23, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable Archived"},
    {24, "RuleName UtcTime ProcessGuid ProcessId Image Session ClientInfo Hashes Archived | User"},
    {25, "RuleName UtcTime ProcessGuid ProcessId Image Type | User"},
    {26, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable"},
    {27, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes"},
    {28, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable"},
    {29, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes"},
    {255, "UtcTime ID Description"},
};

struct Names {
  std::vector<std::string_view> names;
  std::size_t required = 0;
  std::size_t utc_time = 0;

  explicit Names(std::string_view text) {
    bool all = true;
    while (!text.empty()) {
      std::string_view name = text.substr(0, text.find(' '));
      text.remove_prefix(std::min(name.size() + 1, text.size()));
      if (name == "|") {
        required = names.size();
        all = false;
        continue;
      }
      if (name == "UtcTime") utc_time = names.size();
      names.push_back(name);
    }
    if (all) required = names.size();
  }
};

using Table = std::array<std::optional<Names>, 256>;  // by event ID

const Table& table() {
  static const Table built = [] {
    Table table;
    for (const Layout& layout : kLayouts)
      table[static_cast<std::size_t>(layout.event_id)].emplace(layout.names);
    return table;
  }();
  return built;
}

}  // namespace

InsertNames insert_names(std::string_view event_id) {
  std::uint8_t code = 0;
  auto [end, error] = std::from_chars(event_id.data(), event_id.data() + event_id.size(), code);
  if (error != std::errc{} || end != event_id.data() + event_id.size() || !table()[code]) return {};
  const Names& known = *table()[code];
  return {known.names, known.required, known.utc_time};
}

}  // namespace hecate::decode
