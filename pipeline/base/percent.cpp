#include "pipeline/base/percent.h"

#include <charconv>

namespace hecate {

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    bool coded = text[i] == '%' && i + 2 < text.size();
    if (coded) {
      const char* digits = text.data() + i + 1;
      auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
      coded = error == std::errc() && end == digits + 2;
    }
    decoded += coded ? static_cast<char>(byte) : text[i];
    if (coded) i += 2;
  }
  return decoded;
}

}  // namespace hecate
