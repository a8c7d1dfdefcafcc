#include "net/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace net {
namespace {

constexpr int kBacklog = 4096;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

bool parse_ip(const std::string& host, uint16_t port, SocketAddress* out) {
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    std::memcpy(&out->storage, &four, out->size = sizeof four);
    return true;
  }
  if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) != 1) return false;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  std::memcpy(&out->storage, &six, out->size = sizeof six);
  return true;
}

std::string address_text(const std::string& host, uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::unexpected<base::Error> bind_failure(int error, const std::string& name) {
  if (error == EADDRINUSE)
    return base::fail(base::Code::Unavailable,
                      "the port is in use by another program; stop it, or choose another with "
                      "--listen (port 0 picks a free one)",
                      name, "port_in_use");
  if (error == EACCES || error == EPERM)
    return base::fail(base::Code::PermissionDenied,
                      "the system does not let this user listen here; ports below 1024 need a "
                      "privilege, choose another with --listen",
                      name);
  return base::fail(base::Code::Io, "cannot listen: " + std::generic_category().message(error),
                    name);
}

bool somebody_listens(const SocketAddress& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = fd >= 0 && connect(fd, address.get(), address.size) == 0;
  if (fd >= 0) close(fd);
  return connected;
}

bool is_socket(const std::string& path) {
  struct stat info{};
  return lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

}  // namespace

base::Result<Listening> listen_tcp(const std::string& host, uint16_t port) {
  const std::string name = address_text(host, port);
  SocketAddress address;
  if (!parse_ip(host, port, &address))
    return base::fail(base::Code::InvalidArgument,
                      "the address to listen on must be an IP address and a port", name);
  const int family = address.storage.ss_family;
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  const bool good =
      fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      bind(fd, address.get(), address.size) == 0 && listen(fd, kBacklog) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) == 0;
  if (!good) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return bind_failure(error, name);
  }
  sockaddr_in in{};  // the port is at the same place in both families
  std::memcpy(&in, &address.storage, sizeof in);
  return Listening{fd, family, ntohs(in.sin_port)};
}

base::Result<Listening> listen_unix(const std::string& path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.size() >= sizeof un.sun_path)
    return base::fail(base::Code::InvalidArgument,
                      "the path of the control socket is longer than " +
                          std::to_string(sizeof un.sun_path - 1) + " bytes; use a shorter folder",
                      path);
  std::memcpy(un.sun_path, path.data(), path.size());
  SocketAddress address;
  std::memcpy(&address.storage, &un, address.size = sizeof un);
  if (somebody_listens(address))
    return base::fail(base::Code::Unavailable, "another server listens on this socket", path,
                      "socket_in_use");
  if (is_socket(path)) unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // Nobody can connect between bind and listen, so the mode is right before anybody can.
  const bool good = fd >= 0 && bind(fd, address.get(), address.size) == 0 &&
                    chmod(path.c_str(), 0600) == 0 && listen(fd, kBacklog) == 0;
  if (good) return Listening{fd, AF_UNIX, 0};
  const int error = errno;
  if (fd >= 0) close(fd);
  return base::fail(base::Code::Io,
                    "cannot listen on this socket: " + std::generic_category().message(error),
                    path);
}

PeerName name_peer(const void* address, size_t size) {
  char text[INET6_ADDRSTRLEN] = "unix";
  sockaddr_in four{};
  sockaddr_in6 six{};
  sa_family_t family = AF_UNIX;
  if (size >= sizeof family) std::memcpy(&family, address, sizeof family);
  if (family == AF_INET && size >= sizeof four) {
    std::memcpy(&four, address, sizeof four);
    inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return {text, ntohl(four.sin_addr.s_addr) >> 24 == 127};
  }
  if (family == AF_INET6 && size >= sizeof six) {
    std::memcpy(&six, address, sizeof six);
    inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    return {text, IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) != 0};
  }
  return {text, false};
}

}  // namespace net
