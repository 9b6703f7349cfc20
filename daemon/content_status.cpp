#include "daemon/content_status.h"

namespace hecate::daemon {

void SharedContentStatus::accept(const catalogue::LoadResult& loaded, Time now) {
  std::lock_guard guard(mutex_);
  status_ = {.running = loaded.catalogue,
             .loaded = now,
             .ignored = loaded.ignored,
             .warnings = loaded.warnings,
             .refused_at = 0,
             .why = {},
             .refused = {}};
}

void SharedContentStatus::refuse(Time now, std::string why, std::vector<catalogue::Refused> refused) {
  std::lock_guard guard(mutex_);
  status_.refused_at = now;
  status_.why = std::move(why);
  status_.refused = std::move(refused);
}

ContentStatus SharedContentStatus::get() const {
  std::lock_guard guard(mutex_);
  return status_;
}

}  // namespace hecate::daemon
