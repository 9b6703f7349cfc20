#pragma once

#include "daemon/admin_server.h"
#include "pipeline/sources/sources.h"

namespace hecate::daemon {

// GET /api/sources: what flows and what does not, as docs/operations.md describes it. Parameters: state,
// host, channel (exact), limit.
[[nodiscard]] AdminAnswer sources_answer(sources::Sources& sources, const AdminRequest& request);

}  // namespace hecate::daemon
