#include "pipeline/spl/network.h"

#include "pipeline/spl/group_key.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace hecate::spl {
namespace {

// Reads an address into `bytes`; false when it is none. `six` says of which family.
bool read_address(std::string_view text, std::array<std::uint8_t, 16>& bytes, bool& six) {
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  six = text.find(':') != std::string_view::npos;
  return inet_pton(six ? AF_INET6 : AF_INET, copy, bytes.data()) == 1;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Network network;
  if (!read_address(text.substr(0, slash), network.address_, network.six_)) return std::nullopt;
  std::string_view bits = text.substr(slash + 1);
  auto [behind, problem] = std::from_chars(bits.data(), bits.data() + bits.size(), network.bits_);
  if (problem != std::errc() || behind != bits.data() + bits.size()) return std::nullopt;
  if (network.bits_ > (network.six_ ? 128 : 32)) return std::nullopt;
  return network;
}

std::optional<Network> Network::parse_address(std::string_view text) {
  Network network;
  if (!read_address(text, network.address_, network.six_)) return std::nullopt;
  network.bits_ = network.six_ ? 128 : 32;
  return network;
}

Network Network::cut(unsigned bits) const {
  Network network = *this;
  network.bits_ = static_cast<std::uint8_t>(std::min<unsigned>(bits, bits_));
  for (std::size_t i = 0; i < network.address_.size(); ++i) {
    unsigned left = network.bits_ > 8 * i ? network.bits_ - 8 * static_cast<unsigned>(i) : 0;
    if (left < 8) network.address_[i] &= static_cast<std::uint8_t>(0xFF00U >> left);
  }
  return network;
}

std::uint64_t Network::hash() const {
  Network whole = cut(bits_);
  std::string_view bytes(reinterpret_cast<const char*>(whole.address_.data()), whole.address_.size());
  return stable_hash(bytes) + 256U * six_ + bits_;
}

bool Network::contains(std::string_view text) const {
  std::array<std::uint8_t, 16> address{};
  bool six = false;
  if (!read_address(text, address, six) || six != six_) return false;
  std::size_t whole = bits_ / 8U;
  if (std::memcmp(address.data(), address_.data(), whole) != 0) return false;
  unsigned rest = bits_ % 8U;
  if (rest == 0) return true;
  unsigned mask = 0xFFU << (8U - rest) & 0xFFU;
  return (address[whole] & mask) == (address_[whole] & mask);
}

}  // namespace hecate::spl
