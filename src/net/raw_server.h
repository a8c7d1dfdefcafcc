// For tests: a server whose every connection is handed, with the request that came, to a function
// that writes exactly the bytes it wants to.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace net {

class RawServer {
 public:
  class Peer {
   public:
    explicit Peer(int fd) : fd_(fd) {}
    // The next request, its body too when it has a Content-Length; empty when the client has gone.
    std::string read_request() {
      size_t head = 0;
      while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!read_some()) return {};
      }
      const size_t at = lower(buffer_.substr(0, head)).find("content-length: ");
      const size_t body =
          at == std::string::npos ? 0 : std::strtoul(buffer_.c_str() + at + 16, nullptr, 10);
      while (buffer_.size() < head + 4 + body && read_some()) {
      }
      const std::string request = buffer_.substr(0, head + 4 + body);
      buffer_.erase(0, head + 4 + body);
      return request;
    }
    bool send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(count));
      }
      return true;
    }
    // Waits until the client closes; false when it has not after 10 s.
    bool wait_for_close() {
      while (read_some()) {
      }
      return !timed_out_;
    }

   private:
    static std::string lower(std::string text) {
      for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      return text;
    }
    bool read_some() {
      pollfd poll_fd{fd_, POLLIN, 0};
      timed_out_ = poll(&poll_fd, 1, 10'000) <= 0;
      if (timed_out_) return false;
      char bytes[16384];
      const ssize_t count = recv(fd_, bytes, sizeof bytes, 0);
      if (count > 0) buffer_.append(bytes, static_cast<size_t>(count));
      return count > 0;
    }
    int fd_;
    bool timed_out_ = false;
    std::string buffer_;
  };

  // `serve` runs on a thread of its own for each connection, which closes when it returns.
  explicit RawServer(std::function<void(Peer&)> serve)
      : serve_(std::move(serve)), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        listen(fd_, 1024) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~RawServer() {
    shutdown(fd_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);  // wakes who waits for its client
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(fd_);
  }
  RawServer(const RawServer&) = delete;

  uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (int fd; (fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      ++connections_;
      {
        const std::lock_guard lock(mutex_);
        open_.insert(fd);
      }
      threads_.emplace_back([this, fd] {
        Peer peer(fd);
        serve_(peer);
        const std::lock_guard lock(mutex_);
        open_.erase(fd);
        ::close(fd);
      });
    }
  }

  const std::function<void(Peer&)> serve_;
  int fd_;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::set<int> open_;  // under mutex_
  std::thread acceptor_;
  std::vector<std::thread> threads_;  // of the acceptor's thread until that has ended
};

}  // namespace net
