#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

namespace net {
namespace {

struct Block4 {
  uint32_t first;
  int bits;
};
constexpr Block4 kNotPublic4[] = {
    {0x00000000, 8},   // "this network"
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // shared (carrier NAT)
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local, cloud metadata
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relays
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarking
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // multicast, reserved, broadcast
};

bool is_public4(uint32_t address) {
  for (const Block4& block : kNotPublic4) {
    if (((address ^ block.first) >> (32 - block.bits)) == 0) return false;
  }
  return true;
}

uint32_t load4(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

bool is_public6(const uint8_t* at) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};
  if (std::memcmp(at, kMapped, 12) == 0 || std::memcmp(at, kNat64, 12) == 0)
    return is_public4(load4(at + 12));
  if (at[0] == 0x20 && at[1] == 0x02) return is_public4(load4(at + 2));  // 6to4
  if ((at[0] & 0xe0) != 0x20) return false;                              // only 2000::/3 is global
  if (at[0] == 0x20 && at[1] == 0x01) {
    if (at[2] < 0x02) return false;                    // 2001::/23: Teredo, ORCHID, ...
    if (at[2] == 0x0d && at[3] == 0xb8) return false;  // documentation
  }
  return !(at[0] == 0x3f && at[1] == 0xff && at[2] < 0x10);  // 3fff::/20: documentation
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return is_public4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    return is_public6(in.sin6_addr.s6_addr);
  }
  return false;
}

}  // namespace net
