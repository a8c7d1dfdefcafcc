// Which addresses a URL given by a user may lead to.
#pragma once

struct sockaddr;

namespace net {

// An address of the public Internet: neither loopback, private, link-local, shared, multicast,
// documentation nor reserved (IANA special-purpose registries), also inside an IPv6 form that
// carries an IPv4 address (mapped, NAT64, 6to4).
bool is_public_address(const sockaddr& address);

}  // namespace net
