#include "outputs/guid.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/rand.h>

namespace hecate::outputs {

Result<std::string> make_guid() {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return fail("no random numbers from the system");
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string hex = fmt::format("{:02x}", fmt::join(bytes, ""));
  for (std::size_t dash : {20, 16, 12, 8}) hex.insert(dash, 1, '-');
  return hex;
}

}  // namespace hecate::outputs
