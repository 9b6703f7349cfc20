#pragma once

#include "pipeline/catalogue/conf_layers.h"
#include "pipeline/catalogue/detection_reader.h"

#include <string>
#include <string_view>

namespace hecate::catalogue {

// The detection that a stanza of savedsearches.conf is of: `ESCU - Name - Rule` is that of `Name`, as the
// catalogue's package writes it; any other stanza has its own name.
[[nodiscard]] std::string detection_name(std::string_view stanza);

// A stanza with a `search` as a detection. Its type is made of its actions: a finding TTP, risk alone
// Anomaly, none Hunting. What `apply` puts in is not in it yet. Throws ConfWrong.
[[nodiscard]] ReadDetection read_saved_search(const ConfStanza& stanza);

// Puts what a stanza says over a detection as its file and deployment have it: search, schedule, actions with
// their parameters, risk, suppression, annotations, the number of results that it must exceed. A stanza that
// says nothing of something leaves it as it was. Throws ConfWrong.
void apply(const ConfStanza& stanza, ReadDetection& read);

}  // namespace hecate::catalogue
