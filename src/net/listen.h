// Sockets that listen. Within net/ only.
#pragma once

#include <string>

#include "base/result.h"
#include "net/http_server.h"

namespace net {

struct Listening {
  int fd = -1;
  int family = 0;
  uint16_t port = 0;  // of a TCP socket
};

// The caller closes the descriptor. A port in use is Code::Unavailable, reason port_in_use.
base::Result<Listening> listen_tcp(const std::string& host, uint16_t port);
// A file with mode 0600. One that nobody listens on any more is replaced; one that is in use is
// Code::Unavailable.
base::Result<Listening> listen_unix(const std::string& path);

// The peer of an accepted socket: "127.0.0.1", or "unix".
struct PeerName {
  std::string address;
  bool is_loopback = false;
};
PeerName name_peer(const void* address, size_t size);

}  // namespace net
