// The streaming part: one event after another.
#include "fmt/format.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/key_filter.h"
#include "pipeline/spl/planned.h"

namespace hecate::spl {
namespace {

class PlannedScan final : public Scan {
 public:
  explicit PlannedScan(std::shared_ptr<const Planned> planned)
      : planned_(std::move(planned)),
        fingerprint_(fingerprint_of(*planned_)),
        id_(stable_hash(fingerprint_)),
        key_filter_(*planned_, id_) {}

  std::uint64_t id() const override { return id_; }
  const std::string& fingerprint() const override { return fingerprint_; }
  const Condition& condition() const override { return planned_->condition; }
  const std::vector<FieldRef>& fields() const override { return planned_->read_fields; }
  bool keeps_events() const override { return planned_->aggregation == nullptr; }

  bool process(Row& row, EvalContext& context, GroupSink& groups) const override {
    if (!matches(planned_->condition, row, context)) return false;
    Work work{context, groups};
    run(0, row, work);
    return work.contributed;
  }

 private:
  struct Work {
    EvalContext& context;
    GroupSink& groups;
    std::uint32_t rows = 0;
    bool contributed = false;
  };

  static std::string fingerprint_of(const Planned& planned);
  void run(std::size_t command, Row& row, Work& work) const {
    if (command < planned_->streaming) {
      planned_->commands[command]->each(row, work.context, [&](Row& next) { run(command + 1, next, work); });
    } else if (planned_->aggregation != nullptr) {
      gather(row, work);
    } else {
      keep(row, work);
    }
  }
  void gather(const Row& row, Work& work) const {
    RowOrder order{work.context.event_time, work.context.arrival, work.rows++};
    if (!key_filter_.lets_by(row, work.context)) return;
    planned_->aggregation->each_key(row, work.context, [&](std::string_view key) {
      planned_->aggregation->add(row, work.context, order, work.groups.group(key).parts());
      work.contributed = true;
    });
  }
  void keep(Row& row, Work& work) const {
    std::string encoded;
    if (planned_->keeps_all_fields) {
      add_all_fields(row, work.context);
      encode_row(row, encoded);
    } else {
      Row kept;
      for (const FieldRef& field : planned_->kept_fields)
        kept.entries().push_back({field.name, row.get(field)});
      encode_row(kept, encoded);
    }
    std::string key =
        event_key(work.context.event_time, work.context.arrival, work.rows++, stable_hash(encoded));
    GroupState::Parts& parts = work.groups.group(key).parts();
    parts.keeps_row = true;
    parts.row = std::move(encoded);
    work.contributed = true;
  }
  void add_all_fields(Row& row, EvalContext& context) const {
    if (row.base() == nullptr) return;
    std::vector<Value> values;
    for (const FieldRef& field : planned_->metadata) values.push_back(row.get(field));
    row.flatten(context.arena);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i].is_null()) row.set(planned_->metadata[i].name, values[i]);
    }
  }

  std::shared_ptr<const Planned> planned_;
  std::string fingerprint_;
  std::uint64_t id_;
  KeyFilter key_filter_;
};

std::string PlannedScan::fingerprint_of(const Planned& planned) {
  std::string text = fmt::format("search {}\n", canonical(planned.condition));
  for (std::size_t i = 0; i < planned.streaming; ++i) text += planned.commands[i]->canonical() + "\n";
  if (planned.aggregation != nullptr) {
    text += "stats " + planned.aggregation->canonical();
    for (std::size_t i : planned.key_filter.commands) text += "\n" + planned.commands[i]->canonical();
    return text;
  }
  if (planned.keeps_all_fields) return text + "keep *";
  text += "keep";
  for (const FieldRef& field : planned.kept_fields) text += fmt::format(" {:?}", field.name);
  return text;
}

}  // namespace

std::shared_ptr<const Scan> make_scan(std::shared_ptr<const Planned> planned) {
  return std::make_shared<PlannedScan>(std::move(planned));
}

}  // namespace hecate::spl
