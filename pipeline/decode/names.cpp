#include "pipeline/decode/names.h"

#include "pipeline/decode/name_filter.h"

#include <array>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

namespace hecate::decode {

namespace {

struct Row {
  SystemPart part;
  std::vector<std::string_view> fields;
  std::vector<std::string_view> keys;  // best first
};

// XML turned into JSON says `System.…`, Winlogbeat `winlog.…`, OTel and Vector lower case; names without a
// dot are NXLog's, Fluent Bit's, EvtxECmd's, PowerShell's and the head of the classic text. docs/formats.md
// shows one of each.
const std::vector<Row>& table() {
  using enum SystemPart;
  static const std::vector<Row> rows = {
      {event_id,
       {"EventID", "EventCode"},
       {"EventID", "System.EventID", "System.EventID.Value", "winlog.event_id", "event.code", "EventCode",
        "event_id.id", "event_id", "EventId", "Id"}},
      // Sysmon's WMI events have a `Name` of their own, which gives way to the provider's as in XML.
      {provider,
       {"Name"},
       {"System.Provider.Name", "SourceName", "winlog.provider_name", "ProviderName", "provider.name",
        "provider_name", "Provider", "Name"}},
      {provider_guid,
       {"Guid"},
       {"System.Provider.Guid", "ProviderGuid", "winlog.provider_guid", "provider.guid", "provider_guid",
        "Guid"}},
      {channel,
       {"Channel", "EventChannel"},
       {"Channel", "System.Channel", "winlog.channel", "channel", "LogName"}},
      {computer,
       {"Computer"},
       {"Computer", "System.Computer", "winlog.computer_name", "computer", "Hostname", "ComputerName",
        "MachineName", "host.name", "host"}},
      // EvtxECmd's RecordNumber counts the records of its file.
      {record_id,
       {"RecordID", "EventRecordID", "RecordNumber"},
       {"EventRecordID", "System.EventRecordID", "EventRecordId", "RecordNumber", "RecordID", "RecordId",
        "winlog.record_id", "record_id"}},
      {time_created,
       {"TimeCreated", "SystemTime"},
       {"TimeCreated", "System.TimeCreated.SystemTime", "System.TimeCreated", "SystemTime",
        "winlog.time_created", "system_time", "@timestamp", "timestamp"}},
      {process_id,
       {"ProcessID"},
       {"System.Execution.ProcessID", "ExecutionProcessID", "winlog.process.pid", "execution.process_id",
        "process_id", "ProcessID"}},
      {thread_id,
       {"ThreadID"},
       {"System.Execution.ThreadID", "ExecutionThreadID", "ThreadID", "winlog.process.thread.id",
        "execution.thread_id", "thread_id", "ThreadId"}},
      {user_id,
       {"UserID", "SecurityID"},
       {"System.Security.UserID", "UserID", "winlog.user.identifier", "security.user_id", "user_id",
        "UserId.Value", "UserId", "Sid"}},
      {version, {"Version"}, {"System.Version", "Version", "winlog.version", "version"}},
      {level, {"Level"}, {"System.Level", "Level", "winlog.level", "level_value"}},
      {task, {"Task"}, {"System.Task", "Task", "TaskValue", "winlog.task", "task"}},
      {opcode, {"Opcode"}, {"System.Opcode", "OpcodeValue", "Opcode", "winlog.opcode", "opcode"}},
      {keywords, {"Keywords"}, {"System.Keywords", "Keywords", "winlog.keywords", "keywords"}},
      {activity_id,
       {"ActivityID"},
       {"System.Correlation.ActivityID", "ActivityID", "winlog.activity_id", "correlation.activity_id",
        "activity_id"}},
      {message, {"Message"}, {"Message", "RenderingInfo.Message", "message"}},
      // Linux' Security element.
      {unix_user_id, {"UserId"}, {"System.Security.UserId"}},
      // EvtxECmd's.
      {data, {}, {"Payload"}},
      // Fluent Bit's `System` with render_event_as_xml; log collectors that took a line of a file, of the
      // journal or of a container.
      {carried, {}, {"System", "xml", "event.original", "MESSAGE", "msg", "log", "line", "_raw", "raw"}},
  };
  return rows;
}

// Objects whose members are the event's own data.
constexpr std::array<std::string_view, 6> kEventData = {"EventData",  "EventData.Data",  "winlog.event_data",
                                                        "event_data", "event_data.data", "Data"};

struct Index {
  absl::flat_hash_map<std::string_view, SystemKey> keys;
  absl::flat_hash_map<std::string_view, SystemPart> fields;
  std::array<std::span<const std::string_view>, kSystemParts> outputs;
  absl::flat_hash_set<std::string_view> containers;
  NameFilter key_filter, field_filter;

  Index() {
    for (const Row& row : table()) {
      outputs[static_cast<std::size_t>(row.part)] = row.fields;
      for (std::string_view field : row.fields) {
        fields[field] = row.part;
        field_filter.add(field);
      }
      for (std::size_t rank = 0; rank < row.keys.size(); ++rank) {
        keys[row.keys[rank]] = {row.part, static_cast<std::uint8_t>(rank)};
        key_filter.add(row.keys[rank]);
        add_containers(row.keys[rank]);
        // An element with attributes becomes an object with its text among them.
        if (row.keys[rank].starts_with("System.")) containers.insert(row.keys[rank]);
      }
    }
    for (std::string_view path : kEventData) {
      add_containers(path);
      containers.insert(path);
    }
    containers.insert("");
  }
  void add_containers(std::string_view path) {
    for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
      containers.insert(path.substr(0, dot));
    }
  }
};

const Index& names() {
  static const Index built;
  return built;
}

}  // namespace

std::optional<SystemKey> find_system_key(std::string_view path) {
  const Index& index = names();
  if (!index.key_filter.may_have(path)) return std::nullopt;
  auto found = index.keys.find(path);
  return found == index.keys.end() ? std::nullopt : std::optional(found->second);
}

std::optional<SystemPart> find_system_field(std::string_view name) {
  const Index& index = names();
  if (!index.field_filter.may_have(name)) return std::nullopt;
  auto found = index.fields.find(name);
  return found == index.fields.end() ? std::nullopt : std::optional(found->second);
}

std::span<const std::string_view> system_fields(SystemPart part) {
  return names().outputs[static_cast<std::size_t>(part)];
}

bool is_known_container(std::string_view path) {
  return names().containers.contains(path);
}

bool is_event_data(std::string_view path) {
  for (std::string_view container : kEventData) {
    if (path == container) return true;
  }
  return false;
}

bool is_string_inserts(std::string_view path) {
  return path == "StringInserts" || path == "string_inserts";
}

}  // namespace hecate::decode
