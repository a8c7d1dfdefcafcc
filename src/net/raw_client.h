// For tests: a socket that sends exactly the bytes it is told to, hostile ones too, and reads what
// comes back.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

namespace net {

class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  explicit RawClient(const std::string& unix_socket)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    unix_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  void close_sending() { shutdown(fd_, SHUT_WR); }  // and read on
  void reset() {  // leaves without a word: RST instead of FIN
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  // False when the peer has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  // Reads until `text` has been seen, the peer closes, or 10 s pass without a byte. Returns all
  // that was read.
  std::string read_until(std::string_view text) {
    while (buffer_.find(text) == std::string::npos && read_some()) {
    }
    const size_t at = buffer_.find(text);
    return take(at == std::string::npos ? buffer_.size() : at + text.size());
  }
  std::string read_all() { return read_until(std::string_view("\0no such text\0", 14)); }

  // One answer with a Content-Length, or a whole chunked one (not decoded).
  std::string read_response() {
    std::string response = read_until("\r\n\r\n");
    const size_t at = response.find("content-length: ");
    if (response.find("transfer-encoding: chunked") != std::string::npos)
      return response + read_until("0\r\n\r\n");
    if (at == std::string::npos) return response;
    const size_t length = std::strtoul(response.c_str() + at + 16, nullptr, 10);
    while (buffer_.size() < length && read_some()) {
    }
    return response + take(std::min(length, buffer_.size()));
  }
  bool at_end() {
    return buffer_.empty() && !read_some() && !timed_out_;
  }  // true once the peer has closed

 private:
  bool read_some() {
    pollfd poll_fd{fd_, POLLIN, 0};
    timed_out_ = poll(&poll_fd, 1, 10'000) <= 0;
    if (timed_out_) return false;
    char bytes[16384];
    const ssize_t count = recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(count));
    return true;
  }
  std::string take(size_t count) {
    std::string out = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return out;
  }

  int fd_;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string buffer_;
};

}  // namespace net
