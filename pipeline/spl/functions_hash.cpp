#include "fmt/format.h"
#include "pipeline/spl/function_groups.h"

#include <openssl/evp.h>

namespace hecate::spl {
namespace {

constexpr std::string_view kGroup = "Hashes";

template <const EVP_MD* (*Kind)()>
Value digest(const Call& call) {
  return map_text(call, 0, [&](std::string_view text) -> Value {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), bytes, &size, Kind(), nullptr) != 1) return {};
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
    return call.keep(hex);
  });
}

constexpr Function kFunctions[] = {
    {"md5", 1, 1, "text", kGroup, "The MD5 hash, in hexadecimal.", digest<EVP_md5>},
    {"sha1", 1, 1, "text", kGroup, "The SHA-1 hash, in hexadecimal.", digest<EVP_sha1>},
    {"sha256", 1, 1, "text", kGroup, "The SHA-256 hash, in hexadecimal.", digest<EVP_sha256>},
    {"sha512", 1, 1, "text", kGroup, "The SHA-512 hash, in hexadecimal.", digest<EVP_sha512>},
};

}  // namespace

std::span<const Function> hash_functions() {
  return kFunctions;
}

}  // namespace hecate::spl
