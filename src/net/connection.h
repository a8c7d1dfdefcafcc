// One connection of the server, on its thread for life: read a head, pass the gate, admit, read the
// body, hand the exchange over, send what it says, and again. Within net/ only.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

#include "net/http_server.h"

namespace boost::asio {
class io_context;
namespace ssl {
class context;
}
}  // namespace boost::asio

namespace net {

class Connection;

// What the connections of one thread share. Touched on that thread only, but for the counters.
struct Loop {
  boost::asio::io_context* context = nullptr;
  const ServerOptions* options = nullptr;
  Service* service = nullptr;
  bool draining = false;
  std::unordered_set<Connection*> connections;
  std::vector<std::function<void()>> at_stop;  // on its thread, when the connections are closed
  std::atomic<bool> running{false};            // its thread is
  std::atomic<int64_t> open{0}, busy{0}, requests{0}, refusals{0};
};

struct Accepted {
  int fd = -1;
  int family = 0;  // AF_INET, AF_INET6 or AF_UNIX
  std::string remote_address;
  bool remote_is_loopback = false;
  std::shared_ptr<boost::asio::ssl::context> tls;  // null: plain
  bool one_too_many = false;                       // its first request is answered with 503
};

// Takes over the connected socket. Call on the loop's thread.
void start_connection(Loop& loop, Accepted accepted);
// Closes what is past its deadline, writes comments into quiet streams.
void tick_connections(Loop& loop, int64_t now_ns);
void drain_connections(Loop& loop);  // closes idle ones; busy ones close after their answer
void close_connections(Loop& loop);

}  // namespace net
