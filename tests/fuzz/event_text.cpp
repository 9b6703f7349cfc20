// An event as classic text, and any other text.
#include "tests/fuzz/fields.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hecate::fuzz::check_fields(hecate::fuzz::as_text(data, size), hecate::Shape::text);
  return 0;
}
