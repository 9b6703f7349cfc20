#pragma once

#include "daemon/admin_server.h"
#include "daemon/config.h"
#include "daemon/content_status.h"
#include "daemon/flow_history.h"
#include "pipeline/base/clock.h"
#include "pipeline/store/store.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace prometheus {
class Registry;
}

namespace hecate::daemon {

// What the admin port tells under /api, as JSON, for the page, `hecate` itself and scripts
// (docs/operations.md). The admin server's thread.
class Api {
 public:
  // What it tells of; all must outlive it. `reader` is its own.
  struct Subject {
    const Config& config;
    const store::Store& store;
    store::Database& reader;
    const prometheus::Registry& registry;
    const SharedContentStatus& content;
    const Clock& clock;
  };
  explicit Api(Subject subject);

  [[nodiscard]] std::map<std::string, AdminServer::Handler> routes();
  // Each AdminServer::kTick.
  void tick();

 private:
  [[nodiscard]] AdminAnswer status(const AdminRequest& request) const;

  Subject subject_;
  Time started_;
  FlowHistory flow_;
};

// Findings: since, until, before (where a list before it ended), limit, detection, host, brief. A `Link`
// header leads to what comes behind.
[[nodiscard]] AdminAnswer findings_answer(store::Database& reader, const AdminRequest& request);
// One finding by `id`, with its revisions, its delivery, and how to see it in Splunk.
[[nodiscard]] AdminAnswer finding_answer(store::Database& reader, const AdminRequest& request);
// All detections and their last runs, what is off and what was refused; with `name`, that one, in full;
// with `names`, the names alone.
[[nodiscard]] AdminAnswer detections_answer(const Api::Subject& subject, const AdminRequest& request);

// 400, where the request has a parameter that is none of these.
[[nodiscard]] std::optional<AdminAnswer> refuse_unknown(const AdminRequest& request,
                                                        std::initializer_list<std::string_view> known);

}  // namespace hecate::daemon
