#pragma once

#include "pipeline/store/store.h"

#include <cstdint>
#include <functional>

namespace hecate::window {

// Removes stored minutes that no window can need any more: those of each scan before `first_kept(scan)`, a
// minute since the epoch. In transactions of a few hundred rows, so that ingest does not wait.
[[nodiscard]] Result<void> remove_panes(store::Store& store, store::Database& reader,
                                        const std::function<std::int64_t(std::uint64_t)>& first_kept);

// Removes the names of events in minutes before `first_kept` (DeltaSet::add_once).
[[nodiscard]] Result<void> remove_seen(store::Store& store, store::Database& reader, std::int64_t first_kept);

// Removes what is remembered of runs that told nothing and were due before `scheduled_before`.
[[nodiscard]] Result<void> remove_empty_runs(store::Store& store, store::Database& reader,
                                             Time scheduled_before);

}  // namespace hecate::window
