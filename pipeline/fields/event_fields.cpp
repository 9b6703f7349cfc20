#include "pipeline/fields/event_fields.h"

#include "pipeline/decode/decoder.h"
#include "pipeline/fields/rules.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include <absl/container/flat_hash_map.h>

namespace hecate::fields {

namespace {

constexpr std::string_view kWindowsProvider = "Microsoft-Windows-Sysmon";
constexpr std::string_view kWindowsChannel = "Microsoft-Windows-Sysmon/Operational";
constexpr std::string_view kLinuxProvider = "Linux-Sysmon";
constexpr std::string_view kLinuxChannel = "Linux-Sysmon/Operational";

// A value for each FieldId, forgotten all at once when the next event begins.
class Values {
 public:
  explicit Values(std::size_t size) : values_(size), stamps_(size) {}
  void forget() { ++now_; }
  [[nodiscard]] bool has(spl::FieldId id) const { return stamps_[id] == now_; }
  [[nodiscard]] Value get(spl::FieldId id) const { return has(id) ? values_[id] : Value(); }
  void set(spl::FieldId id, Value value) {
    values_[id] = value;
    stamps_[id] = now_;
  }

 private:
  std::vector<Value> values_;
  std::vector<std::uint64_t> stamps_;
  std::uint64_t now_ = 1;
};

// A list of ours: its room is a power of two, so that `append` knows when it is full.
Value own_list(Value value, Arena& arena) {
  if (!value.is_multi()) return value;
  auto old = value.items();
  auto* items = arena.array<Value>(std::bit_ceil(old.size()));
  std::copy(old.begin(), old.end(), items);
  return Value::multi({items, old.size()});
}

// `value` with `more` behind its values; room grows by doubling, in the arena.
Value append(Value value, Value more, Arena& arena) {
  auto old = value.each();
  std::size_t size = old.size();
  if (value.is_multi() && (size & (size - 1)) != 0) {
    const_cast<Value*>(old.data())[size] = more;
    return Value::multi({old.data(), size + 1});
  }
  auto* items = arena.array<Value>(size * 2);
  std::copy(old.begin(), old.end(), items);
  items[size] = more;
  return Value::multi({items, size + 1});
}

class EventFieldsImpl final : public EventFields, private decode::FieldSink {
 public:
  EventFieldsImpl(std::shared_ptr<const BuiltRules> built, const CompiledRules& rules, bool keep_all)
      : built_(std::move(built)),
        rules_(rules),
        keep_all_(keep_all),
        extracted_(rules.slots.size()),
        results_(rules.slots.size()),
        view_(*this) {}

  bool reset(const EventView& event, Time arrived) override;
  Value get(spl::FieldId id) override;
  void each(const spl::FieldVisitor& visit) override;
  Value find(std::string_view name) override;

  [[nodiscard]] Time time() const override { return time_; }
  [[nodiscard]] Product product() const override { return product_; }
  [[nodiscard]] std::string_view host() const override { return host_; }
  [[nodiscard]] std::string_view source() const override { return source_; }
  [[nodiscard]] std::string_view sourcetype() const override { return sourcetype_; }
  [[nodiscard]] std::string_view index() const override { return event_->index; }
  [[nodiscard]] const EventView& event() const override { return *event_; }

 private:
  // What rules see: extracted values and metadata, never each other's results.
  class ExtractedView final : public spl::FieldSource {
   public:
    explicit ExtractedView(EventFieldsImpl& owner) : owner_(owner) {}
    Value get(spl::FieldId id) override { return owner_.extracted(id); }
    void each(const spl::FieldVisitor&) override {}

   private:
    EventFieldsImpl& owner_;
  };

  bool wants(std::string_view name) override;
  bool wants_below(std::string_view prefix) override;
  void field(std::string_view name, Value value) override;

  void settle(Time arrived);
  void settle_product(std::string_view channel);
  void settle_source(std::string_view channel);
  void settle_time(Time arrived);
  [[nodiscard]] std::string_view text_of(spl::FieldId id) const;
  [[nodiscard]] Value metadata(Metadata which) const;
  [[nodiscard]] Value extracted(spl::FieldId id) const;
  [[nodiscard]] bool in_model(std::uint16_t model) const;
  Value work_out(const Slot& slot, spl::FieldId id);
  Value apply(const Rule& rule);
  Value model_value(const Slot& slot);
  Value evaluate(const spl::Expression& expression, spl::FieldSource& source);
  EventFieldsImpl& complete();

  std::shared_ptr<const BuiltRules> built_;
  const CompiledRules& rules_;
  const bool keep_all_;

  decode::Decoder decoder_;
  Arena arena_;
  Values extracted_;
  Values results_;
  ExtractedView view_;

  const EventView* event_ = nullptr;
  Time arrived_ = 0;
  Time time_ = 0;
  Product product_ = Product::other;
  int code_ = -1;
  std::string_view host_, source_, sourcetype_;
  std::string source_text_;

  // keep_all_: names that no rule knows, and all names in the order in which the event has them.
  absl::flat_hash_map<std::string_view, Value> others_;
  std::vector<std::string_view> order_;
  // The slow path beside the fast one: made when it is first asked for.
  std::unique_ptr<EventFieldsImpl> complete_;
  bool complete_is_current_ = false;
};

bool EventFieldsImpl::reset(const EventView& event, Time arrived) {
  event_ = &event;
  arrived_ = arrived;
  arena_.reset();
  extracted_.forget();
  results_.forget();
  complete_is_current_ = false;
  others_.clear();
  order_.clear();
  bool good = decoder_.decode_indexed(event, *this);
  good = decoder_.decode(event, *this) && good;
  settle(arrived);
  return good;
}

bool EventFieldsImpl::wants(std::string_view name) {
  auto keep_other = [&] { return keep_all_ && find_metadata(name) == Metadata::none; };
  if (!rules_.filter.may_have(name)) return keep_other();
  std::int64_t id = rules_.names->find(name);
  if (id < 0) return keep_other();
  auto slot = static_cast<spl::FieldId>(id);
  if (rules_.slots[slot].kind != Slot::Kind::event) return false;
  return !extracted_.has(slot) || name.ends_with("{}") || name.find("{}.") != std::string_view::npos;
}

bool EventFieldsImpl::wants_below(std::string_view prefix) {
  if (keep_all_) return true;
  auto found = std::lower_bound(rules_.nested.begin(), rules_.nested.end(), prefix);
  return found != rules_.nested.end() && found->starts_with(prefix);
}

void EventFieldsImpl::field(std::string_view name, Value value) {
  bool list = name.find("{}") != std::string_view::npos;
  std::int64_t id = rules_.names->find(name);
  if (id >= 0) {
    auto slot = static_cast<spl::FieldId>(id);
    bool known = extracted_.has(slot);
    if (known && !list) return;
    if (list) value = known ? append(extracted_.get(slot), value, arena_) : own_list(value, arena_);
    extracted_.set(slot, value);
    if (keep_all_ && !known) order_.push_back(rules_.names->name(slot));
    return;
  }
  if (auto other = others_.find(name); other != others_.end()) {
    if (list) other->second = append(other->second, value, arena_);
    return;
  }
  name = arena_.copy(name);
  others_.emplace(name, list ? own_list(value, arena_) : value);
  order_.push_back(name);
}

std::string_view EventFieldsImpl::text_of(spl::FieldId id) const {
  Value value = extracted_.get(id);
  return value.is_text() ? value.text() : std::string_view();
}

void EventFieldsImpl::settle(Time arrived) {
  std::string_view channel = text_of(rules_.common.channel);
  settle_product(channel);
  settle_source(channel);
  settle_time(arrived);
  host_ = event_->host.empty() ? text_of(rules_.common.computer) : event_->host;
  if (host_.empty()) host_ = event_->fallback.host;
}

void EventFieldsImpl::settle_product(std::string_view channel) {
  std::string_view provider = text_of(rules_.common.provider);
  // An event that names neither is what its source says.
  if (provider.empty() && channel.empty()) channel = event_->source.substr(event_->source.find(':') + 1);
  product_ = Product::other;
  if (provider == kWindowsProvider || channel == kWindowsChannel) product_ = Product::sysmon_windows;
  if (provider == kLinuxProvider || channel == kLinuxChannel) product_ = Product::sysmon_linux;
  std::string_view code = text_of(rules_.common.event_id);
  code_ = -1;
  auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), code_);
  if (error != std::errc{} || end != code.data() + code.size()) code_ = -1;
}

void EventFieldsImpl::settle_source(std::string_view channel) {
  source_ = event_->source;
  sourcetype_ = event_->sourcetype;
  std::string_view prefix = event_->shape == Shape::text ? "WinEventLog" : "XmlWinEventLog";
  std::string_view type = prefix;
  if (product_ == Product::sysmon_linux) {
    prefix = "Syslog";
    type = "sysmon:linux";
    channel = kLinuxChannel;
  } else if (product_ == Product::sysmon_windows && channel.empty()) {
    channel = kWindowsChannel;
  }
  const EventView::Fallback& fallback = event_->fallback;
  if (source_.empty() && channel.empty()) source_ = fallback.source;
  if (source_.empty() && !channel.empty()) {
    source_text_.assign(prefix).append(":").append(channel);
    source_ = source_text_;
  }
  if (sourcetype_.empty()) sourcetype_ = channel.empty() ? fallback.sourcetype : type;
}

void EventFieldsImpl::settle_time(Time arrived) {
  time_ = event_->envelope_time;
  if (time_ != EventView::kNoTime) return;
  time_ = event_->fallback.time == EventView::kNoTime ? arrived : event_->fallback.time;
  for (spl::FieldId id : {rules_.common.utc_time, rules_.common.time_created}) {
    if (auto time = parse_timestamp(text_of(id))) {
      time_ = *time;
      return;
    }
  }
}

Value EventFieldsImpl::metadata(Metadata which) const {
  auto text = [](std::string_view text) { return text.empty() ? Value() : Value(text); };
  switch (which) {
    case Metadata::none:
      return {};
    case Metadata::time:
      return static_cast<double>(time_) / kSecond;
    case Metadata::raw:
      return event_->raw;
    case Metadata::host:
      return text(host_);
    case Metadata::source:
      return text(source_);
    case Metadata::sourcetype:
      return text(sourcetype_);
    case Metadata::index:
      return text(event_->index);
  }
  return {};
}

Value EventFieldsImpl::extracted(spl::FieldId id) const {
  const Slot& slot = rules_.slots[id];
  return slot.kind == Slot::Kind::metadata ? metadata(slot.metadata) : extracted_.get(id);
}

Value EventFieldsImpl::get(spl::FieldId id) {
  if (results_.has(id)) return results_.get(id);
  results_.set(id, Value());  // a model's field that reads itself sees nothing
  Value value = work_out(rules_.slots[id], id);
  results_.set(id, value);
  return value;
}

Value EventFieldsImpl::work_out(const Slot& slot, spl::FieldId id) {
  switch (slot.kind) {
    case Slot::Kind::metadata:
      return metadata(slot.metadata);
    case Slot::Kind::member:
      return in_model(slot.model) ? Value("1") : Value();
    case Slot::Kind::model_field:
      return in_model(slot.model) ? model_value(slot) : Value();
    case Slot::Kind::event:
      break;
  }
  for (std::uint16_t index : slot.rules[static_cast<std::size_t>(product_)]) {
    Value value = apply(rules_.rules[index]);
    if (!value.is_null()) return value;
  }
  return extracted_.get(id);
}

Value EventFieldsImpl::apply(const Rule& rule) {
  bool known = code_ >= 0 && code_ < static_cast<int>(kCodes);
  auto code = static_cast<std::size_t>(known ? code_ : 0);
  if (!rule.all_codes && !(known && rule.codes[code])) return {};
  if (rule.expression) return evaluate(*rule.expression, view_);
  Value value = known ? rule.by_code[code] : Value();
  return value.is_null() ? rule.by_code[kCodes] : value;
}

bool EventFieldsImpl::in_model(std::uint16_t model) const {
  if (code_ < 0 || code_ >= static_cast<int>(kCodes)) return false;
  std::uint32_t models = rules_.models[static_cast<std::size_t>(product_)][static_cast<std::size_t>(code_)];
  return (models >> model & 1) != 0;
}

Value EventFieldsImpl::model_value(const Slot& slot) {
  Value value = slot.expression ? evaluate(*slot.expression, *this) : get(slot.base);
  bool nothing = value.is_null() || (value.is_text() && value.text().empty());
  return nothing && slot.unknown ? Value("unknown") : value;
}

Value EventFieldsImpl::evaluate(const spl::Expression& expression, spl::FieldSource& source) {
  spl::Row row(&source);
  spl::EvalContext context{.arena = arena_,
                           .event_time = time_,
                           .arrival = event_->arrival,
                           .now = time_,
                           .earliest = 0,
                           .latest = 0};
  return spl::evaluate(expression, row, context);
}

EventFieldsImpl& EventFieldsImpl::complete() {
  if (keep_all_) return *this;
  if (!complete_) complete_ = std::make_unique<EventFieldsImpl>(built_, built_->all, true);
  if (!complete_is_current_) (void)complete_->reset(*event_, arrived_);
  complete_is_current_ = true;
  return *complete_;
}

Value EventFieldsImpl::find(std::string_view name) {
  std::int64_t id = rules_.names->find(name);
  if (id >= 0 && static_cast<std::size_t>(id) < rules_.slots.size())
    return get(static_cast<spl::FieldId>(id));
  if (!keep_all_) return complete().find(name);
  if (Metadata which = find_metadata(name); which != Metadata::none) return metadata(which);
  auto other = others_.find(name);
  return other == others_.end() ? Value() : other->second;
}

void EventFieldsImpl::each(const spl::FieldVisitor& visit) {
  if (!keep_all_) return complete().each(visit);
  auto give = [&](std::string_view name, Value value) {
    if (!value.is_null()) visit(name, value);
  };
  for (std::string_view name : {"_time", "host", "source", "sourcetype", "index"}) give(name, find(name));
  for (std::string_view name : order_) give(name, find(name));
  for (spl::FieldId id : rules_.made) {
    if (!extracted_.has(id)) give(rules_.names->name(id), get(id));
  }
  give("_raw", event_->raw);
}

}  // namespace

std::unique_ptr<EventFields> EventFields::make(const spl::FieldNames&,
                                               std::shared_ptr<const FieldRules> rules) {
  auto built = std::static_pointer_cast<const BuiltRules>(std::move(rules));
  const CompiledRules& plan = built->plan;
  return std::make_unique<EventFieldsImpl>(std::move(built), plan, false);
}

}  // namespace hecate::fields
