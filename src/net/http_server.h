// The HTTP/1.1 server. Each of its threads has its own event loop, and a connection never leaves
// its thread: no lock, no strand. The parsing is net/http_head.h, not Beast's: the guards that
// Beast 1.81 needs (one Host, one length, no folded lines, bounded extensions and trailers,
// 100-continue, authentication before the body) are a strict parser.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/exchange.h"
#include "net/http.h"

namespace net {

struct Loop;

// What the server calls. All three run on a connection's thread and must not block it.
class Service {
 public:
  virtual ~Service() = default;
  // The head has passed the gate and the body has not been read: find the route, authenticate, set
  // body_bytes_max. An answer here is final; the body is then never read.
  virtual std::optional<Response> admit(Request& request) = 0;
  virtual void handle(std::shared_ptr<Exchange> exchange) = 0;
  // The shape of the server's own refusals (malformed head, body too large, ...). The path may be
  // empty.
  virtual Response refuse(int status, std::string_view message, std::string_view path) = 0;
};

struct TcpAddress {
  std::string host = "127.0.0.1";  // an IP address
  uint16_t port = 0;               // 0: any free one
  bool tls = false;
};

struct ServerOptions {
  std::string host = "127.0.0.1";  // empty: no TCP, the unix-domain socket alone
  uint16_t port = 0;               // 0: any free one
  bool tls = false;
  std::vector<TcpAddress> more_addresses = {};
  std::string unix_socket;                 // path, made with mode 0600; empty: none
  std::string certificate_file, key_file;  // PEM, with the chain; for the addresses with tls
  std::string spool_directory;             // empty: no body is spooled
  size_t spool_bytes_min = 1u << 20;       // larger bodies of requests that say so are spooled
  int threads = 1;
  size_t head_bytes_max = 32u << 10;
  size_t body_bytes_max = 32u << 20;
  size_t queued_bytes_max = 1u << 20;                // of one streamed answer whose reader is slow
  size_t connections_max = 8192;                     // the next ones are answered with 503
  base::Duration head_timeout = base::seconds(10);   // from a head's first byte to its last
  base::Duration body_timeout = base::seconds(30);   // without a byte of the body
  base::Duration idle_timeout = base::seconds(600);  // between requests; clients pool connections
  base::Duration write_timeout = base::seconds(30);  // without a byte taken by the peer
  base::Duration comment_interval = base::seconds(15);  // a quiet event stream gets a comment
  base::Duration tick = base::milliseconds(250);        // how exactly the above are kept
};

struct ServerStats {
  int64_t connections_open = 0;
  int64_t connections_accepted = 0;
  int64_t connections_refused = 0;  // over connections_max
  int64_t requests = 0;
  int64_t refusals = 0;  // by the gate, a limit or a deadline
};

class HttpServer {
 public:
  // Binds at once: a port in use is Code::Unavailable and names the address. Serves from start()
  // on.
  static base::Result<std::unique_ptr<HttpServer>> listen(const ServerOptions& options);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;

  void start(Service& service);         // the service outlives the server
  uint16_t port() const;                // of the first address
  std::vector<uint16_t> ports() const;  // of all TCP addresses, in their order
  // Reads the certificate and the key again; new connections get them. On an error, which names the
  // file, the old ones stay.
  base::Status reload_tls();
  ServerStats stats() const;

  // Takes no new connections or requests and waits until the running answers have ended, at most
  // `limit`. True when all have. Then, or by stop(), every connection is closed and the threads
  // end.
  bool drain(base::Duration limit);
  void stop();

  struct State;

 private:
  friend class HttpClient;
  explicit HttpServer(std::unique_ptr<State> state);
  std::vector<Loop*> loops();
  std::unique_ptr<State> state_;
};

}  // namespace net
