#pragma once

#include "pipeline/base/arena.h"
#include "pipeline/base/error.h"
#include "pipeline/event/event_view.h"
#include "pipeline/spl/row.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::fields {

// Which product's rules apply to an event: told by provider or channel, never by a bare code number.
enum class Product : std::uint8_t { other, sysmon_windows, sysmon_linux };

// The rules that make the add-on's and CIM's fields out of the extracted ones (sysmon.yaml, built in; a site
// may give its own file). Each rule is an SPL eval expression over extracted fields, for some event codes of
// one product. Compiled against the names that plans use; immutable and thread-safe afterwards.
class FieldRules {
 public:
  // `names` must be complete for lookups by id: make the rules after all plans are compiled. The rules' own
  // inputs are added to `names`.
  [[nodiscard]] static Result<std::shared_ptr<const FieldRules>> compile(std::string_view yaml,
                                                                         spl::FieldNames& names);
  // The text of the built-in sysmon.yaml.
  [[nodiscard]] static std::string_view builtin();

  virtual ~FieldRules() = default;

  // Where the values of a plan's field come from, for the prefilter: whoever looks for a piece of a value in
  // the raw event must know that it stands there.
  struct Origin {
    enum class Text : std::uint8_t {
      piece,     // a piece of the event's payload, but for escapes and the case of letters
      cut,       // the same with parts cut out: what is_uncut() of it has no cut inside
      computed,  // anything: metadata, results of functions
    };
    Text text = Text::piece;
    std::vector<std::string> constants{};  // values that it may have beside that
    [[nodiscard]] static bool is_uncut(char c);
  };
  [[nodiscard]] virtual Origin origin(spl::FieldId field) const = 0;
};

// The fields of one event, decoded once and worked out when asked for. Metadata (host, source, sourcetype,
// index, _time, _raw) and HEC `fields` are among them. One a worker, reused: no allocation in steady state.
class EventFields : public spl::FieldSource {
 public:
  static std::unique_ptr<EventFields> make(const spl::FieldNames& names,
                                           std::shared_ptr<const FieldRules> rules);

  // Takes the next event: decodes it, settles its time, source, host and product. `event` and what it points
  // to must live until the next call. `arrived` is the time of arrival, the last resort for _time. False when
  // the payload was malformed.
  virtual bool reset(const EventView& event, Time arrived) = 0;

  // _time: envelope, else UtcTime, else TimeCreated, else the fallback (a syslog head), else arrival.
  [[nodiscard]] virtual Time time() const = 0;
  [[nodiscard]] virtual Product product() const = 0;
  // Settled metadata: envelope, else default, else what the event's channel and provider say, else the
  // fallback.
  [[nodiscard]] virtual std::string_view host() const = 0;
  [[nodiscard]] virtual std::string_view source() const = 0;
  [[nodiscard]] virtual std::string_view sourcetype() const = 0;
  [[nodiscard]] virtual std::string_view index() const = 0;
  [[nodiscard]] virtual const EventView& event() const = 0;
  // Any field by name, also one that no plan uses (slow path: samples, tests).
  [[nodiscard]] virtual Value find(std::string_view name) = 0;
};

}  // namespace hecate::fields
