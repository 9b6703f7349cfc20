#include "outputs/finding_list.h"

#include "outputs/finding.h"
#include "outputs/json_writer.h"
#include "outputs/outbox_cursor.h"
#include "outputs/posting.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

namespace hecate::outputs {
namespace {

namespace dom = simdjson::dom;

constexpr std::array kHostFields = {"dest", "dest_host", "Computer", "host", "dvc"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// A finding's body, to be looked into.
class Body {
 public:
  // False where it is damaged.
  [[nodiscard]] bool read(std::string_view json) {
    return parser_.parse(json.data(), json.size()).get(root_) == simdjson::SUCCESS;
  }

  [[nodiscard]] std::string_view text(std::string_view name) const {
    std::string_view value;
    return root_[name].get(value) == simdjson::SUCCESS ? value : std::string_view();
  }

  [[nodiscard]] std::vector<std::string> hosts() const {
    std::vector<std::string> found;
    for (const char* field : kHostFields) add_texts(root_["row"][field], found);
    add_texts(root_["sample"]["host"], found);
    dom::array objects;
    if (root_["risk_objects"].get(objects) != simdjson::SUCCESS) return found;
    for (dom::element each : objects) {
      std::string_view type;
      if (each["type"].get(type) == simdjson::SUCCESS && type == "system") add_texts(each["value"], found);
    }
    return found;
  }

  void write_brief(JsonWriter& json) const {
    for (const char* name : {"id", "kind", "detection", "title", "severity"})
      json.key(name).value(text(name));
    if (std::int64_t score = 0; root_["risk_score"].get(score) == simdjson::SUCCESS)
      json.key("risk_score").value(score);
    json.key("hosts").begin_array();
    for (const std::string& host : hosts()) json.value(host);
    json.end_array().key("mitre_attack").begin_array();
    std::vector<std::string> techniques;
    add_texts(root_["annotations"]["mitre_attack"], techniques);
    for (const std::string& each : techniques) json.value(each);
    json.end_array();
  }

 private:
  // A text or a list of texts; each once, in any case.
  static void add_texts(simdjson::simdjson_result<dom::element> value, std::vector<std::string>& found) {
    auto add = [&](std::string_view text) {
      bool known = text.empty() || std::ranges::any_of(found, [&](const std::string& each) {
                     return lower(each) == lower(text);
                   });
      if (!known) found.emplace_back(text);
    };
    dom::array list;
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return add(text);
    if (value.get(list) != simdjson::SUCCESS) return;
    for (dom::element each : list)
      if (each.get(text) == simdjson::SUCCESS) add(text);
  }

  dom::parser parser_;
  dom::element root_;
};

// One row after another for the list.
class Lister {
 public:
  explicit Lister(const FindingListQuery& query) : query_(query), host_(lower(query.host)) {}

  void take(Time created, std::int64_t revision, std::string_view status, std::string_view detection,
            std::string_view body) {
    if (!query_.detection.empty() && detection != query_.detection) return;
    if ((query_.brief || !host_.empty()) && !body_.read(body)) return;
    if (!host_.empty() && !is_of_host()) return;
    if (count_++ > 0) list_ += ",\n ";
    if (!query_.brief) {
      list_ += shown(created, revision, status, body);
      return;
    }
    JsonWriter json;
    json.begin_object().key("created").value(format_iso(created)).key("revision").value(revision);
    body_.write_brief(json.key("status").value(status));
    list_ += json.end_object().text();
  }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] std::string json() const { return "[" + list_ + "]\n"; }

 private:
  [[nodiscard]] bool is_of_host() const {
    return std::ranges::any_of(body_.hosts(),
                               [&](const std::string& each) { return lower(each).contains(host_); });
  }

  const FindingListQuery& query_;
  std::string host_;
  Body body_;
  std::string list_;
  int count_ = 0;
};

constexpr const char* kNewest =
    "SELECT f.seq, f.created, f.revision, f.status, f.detection, coalesce(f.newest, f.body) FROM finding f"
    " JOIN run r ON r.run = f.run WHERE r.done = 1 AND f.created >= ?1 AND f.created < ?2 AND f.created <= ?3"
    " AND (f.created < ?3 OR f.seq < ?4) AND NOT EXISTS (SELECT 1 FROM finding_id i JOIN finding n ON n.seq ="
    " i.finding JOIN run q ON q.run = n.run WHERE i.id = f.id AND i.revision > f.revision AND q.done = 1)"
    " ORDER BY f.created DESC, f.seq DESC";

constexpr const char* kRevisions =
    "SELECT f.revision, f.created, f.status, f.earliest, f.latest, f.rule, coalesce(f.newest, f.body), f.body"
    " FROM finding_id i JOIN finding f ON f.seq = i.finding JOIN run r ON r.run = f.run WHERE i.id = ? AND"
    " r.done = 1 ORDER BY f.revision DESC";

Result<std::int64_t> count_of(store::Database& reader, std::string_view sql, const std::string& id) {
  auto statement = reader.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, id).number();
}

Result<void> write_delivery(store::Database& reader, const std::string& id, JsonWriter& json) {
  auto waiting = count_of(reader,
                          "SELECT (SELECT count(*) FROM finding_id i JOIN outbox o ON o.told = i.finding"
                          " WHERE i.id = ?1) + (SELECT count(*) FROM outbox WHERE told = 0 AND finding = ?1)",
                          id);
  auto parked = waiting ? count_of(reader, "SELECT count(*) FROM parked WHERE finding = ?", id) : waiting;
  if (!parked) return std::unexpected(parked.error());
  json.key("delivery").begin_object().key("waiting").value(*waiting).key("parked").value(*parked);
  json.end_object();
  return {};
}

void write_search(JsonWriter& json, const catalogue::DrilldownSearch& each) {
  json.begin_object().key("name").value(each.name).key("search").value(each.search);
  json.key("earliest").value(each.earliest_offset).key("latest").value(each.latest_offset).end_object();
}

// What it shows of its detection may not have been kept, by an older version.
Result<void> write_splunk(store::Database& reader, std::int64_t rule_number, const Told& told,
                          JsonWriter& json) {
  json.key("splunk").begin_array();
  if (rule_number != 0) {
    StoredRules rules;
    auto rule = rules.get(reader, rule_number);
    if (!rule) return std::unexpected(rule.error());
    write_search(json, posted_search(**rule, told));
    auto searches = drilldown_searches(**rule, told);
    if (!searches) return std::unexpected(searches.error());
    for (const catalogue::DrilldownSearch& each : *searches) write_search(json, each);
  }
  json.end_array();
  return {};
}

}  // namespace

Result<FindingList> list_findings(store::Database& reader, const FindingListQuery& query) {
  auto rows = reader.cursor(kNewest);
  if (!rows) return std::unexpected(rows.error());
  store::Statement& row = **rows;
  FindingPlace before = query.before.value_or(
      FindingPlace{std::numeric_limits<Time>::max(), std::numeric_limits<std::int64_t>::max()});
  row.bind(1, query.since).bind(2, query.until).bind(3, before.created).bind(4, before.seq);
  Lister lister(query);
  FindingPlace last;
  for (int looked_at = 0;; ++looked_at) {
    auto more = row.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return FindingList{lister.json(), std::nullopt};
    if (lister.count() == query.limit || looked_at == query.look_at) return FindingList{lister.json(), last};
    lister.take(row.integer(1), row.integer(2), row.text(3), row.text(4), row.text(5));
    last = {row.integer(1), row.integer(0)};
  }
}

Result<std::optional<std::string>> show_finding(store::Database& reader, const std::string& id) {
  auto snapshot = store::Transaction::begin(reader, store::Transaction::Kind::read);
  if (!snapshot) return std::unexpected(snapshot.error());
  auto rows = reader.cursor(kRevisions);
  if (!rows) return std::unexpected(rows.error());
  store::Statement& row = **rows;
  row.bind_text(1, id);
  JsonWriter json, revisions;
  Told told;
  std::string newest, body;
  std::int64_t rule = 0;
  revisions.begin_array();
  auto read = row.each_row([&] {
    revisions.begin_object().key("revision").value(row.integer(0));
    revisions.key("created").value(format_iso(row.integer(1))).key("status").value(row.text(2)).end_object();
    if (!newest.empty()) return;
    newest = shown(row.integer(1), row.integer(0), row.text(2), row.text(6));
    body = row.text(7);
    rule = row.integer(5);
    told = {.id = id,
            .revision = static_cast<int>(row.integer(0)),
            .created = row.integer(1),
            .earliest = row.integer(3),
            .latest = row.integer(4),
            .withdrawn = row.text(2) == "withdrawn",
            .body = {}};
  });
  if (!read) return std::unexpected(read.error());
  if (newest.empty()) return std::nullopt;
  told.body = body;
  json.begin_object().key("finding").raw(newest).key("revisions").raw(revisions.end_array().text());
  if (auto written = write_delivery(reader, id, json); !written) return std::unexpected(written.error());
  if (auto written = write_splunk(reader, rule, told, json); !written)
    return std::unexpected(written.error());
  return json.end_object().take();
}

}  // namespace hecate::outputs
