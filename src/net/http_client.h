// The HTTP/1.1 client, for upstream providers, webhooks, identity providers and the command line.
// It runs on event loops: those of the server, so that a proxied answer never changes thread, or
// its own. Connections are kept alive and used again. No message of an error holds a header, a
// query or a body.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

namespace net {

class HttpServer;

struct ClientRequest {
  std::string method = "POST";
  std::string url;              // http:// or https://
  std::vector<Header> headers;  // Content-Length, Transfer-Encoding and Connection are the client's
  std::string body;
  base::Duration connect_timeout = base::seconds(5);       // name, TCP and TLS together
  base::Duration first_byte_timeout = base::seconds(600);  // from send to the answer's head
  base::Duration idle_timeout = base::seconds(120);        // between two pieces of the body
  size_t response_bytes_max = 64u << 20;                   // of the body
  bool follow_redirects = false;                           // at most 5, http and https only
  // Refuses private, loopback and link-local addresses after the name has been resolved: for URLs
  // that users give. Such a request takes a connection of its own, and no proxy.
  bool public_addresses_only = false;
  std::string proxy;        // "http://host:port"; empty: none, whatever the environment says
  std::string ca_file;      // PEM; empty: the system's authorities
  std::string unix_socket;  // a path: the connection goes there, whatever host the URL names
};

// A kept connection that the server closes without a byte of an answer is replaced once by a new
// one, and the request is sent again.
//
// Where an answer goes. All calls come on one loop thread, never two at once: head, data any number
// of times, end. `end` comes exactly once, also when nothing else has.
//
// The error of `end` has one of these reasons: connect_failed (the name does not resolve, or nobody
// listens: nothing has been sent), tls_failed, timeout_connect, timeout_first_byte, timeout_idle,
// cut_off (closed before the framed end), response_too_large, bad_response (not HTTP, or endless
// redirects), address_refused (public_addresses_only), invalid_request, cancelled.
class ClientSink {
 public:
  virtual ~ClientSink() = default;
  virtual void head(int status, const std::vector<Header>& headers) = 0;  // names in lower case
  virtual void data(std::string_view bytes) = 0;
  virtual void end(const base::Status& status) = 0;
};

// A request under way. Any thread.
class ClientCall {
 public:
  virtual ~ClientCall() = default;
  // Closes the connection at once (from the call's own loop thread: before this returns, unless it
  // is called by the sink's head or data); end comes with Code::Cancelled. After the end, nothing.
  virtual void cancel() = 0;
};

struct ClientOptions {
  int threads = 1;                     // of start()
  size_t idle_connections_max = 1024;  // kept for later, by each loop
};

struct ClientStats {
  int64_t calls = 0;
  int64_t calls_open = 0;
  int64_t connections_opened = 0;
};

class HttpClient {
 public:
  // With loops of its own.
  static base::Result<std::unique_ptr<HttpClient>> start(const ClientOptions& options = {});
  // On the server's loops, before or after its start. The client is destroyed before the server;
  // when the server stops, open calls end as cancelled.
  static base::Result<std::unique_ptr<HttpClient>> attach(HttpServer& server,
                                                          const ClientOptions& options = {});
  ~HttpClient();  // open calls end as cancelled
  HttpClient(const HttpClient&) = delete;

  // Any thread. On a loop's own thread the call stays there, without a hop. The sink is let go of
  // after its end. It is never called before send has returned.
  std::shared_ptr<ClientCall> send(ClientRequest request, std::shared_ptr<ClientSink> sink);

  ClientStats stats() const;

  struct State;

 private:
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct ClientResponse {
  int status = 0;
  std::vector<Header> headers;  // names in lower case
  std::string body;

  std::string_view header(std::string_view lower_case_name) const;  // empty when absent
};

// Waits for the whole answer. Not on a loop's thread.
base::Result<ClientResponse> fetch(HttpClient& client, ClientRequest request);

}  // namespace net
