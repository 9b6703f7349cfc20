#pragma once

#include "pipeline/event/event_view.h"

#include <string_view>

namespace hecate::fuzz {

// Decodes a payload into fields and checks what holds for every payload: a reader that was used before says
// the same as a new one, and a field is the same whether it is asked for alone or with all others.
void check_fields(std::string_view payload, Shape shape);

}  // namespace hecate::fuzz
