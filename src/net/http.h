// HTTP as values: a request as it came through the gate, and an answer as it goes out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace net {

struct Header {
  std::string name;  // of a request: lower case
  std::string value;
};

// A request's body in an unlinked temporary file, mapped into memory: it takes pages of the file
// cache, not heap. It lives as long as anybody holds it.
class SpooledBody {
 public:
  virtual ~SpooledBody() = default;
  virtual std::string_view bytes() const = 0;
};

struct Request {
  std::string method;     // "GET", as sent
  std::string target;     // as sent: path, perhaps '?' and query
  std::string path;       // as sent, still percent-encoded; "*" for OPTIONS *
  std::string query;      // without the '?'
  int version_minor = 1;  // HTTP/1.0 or HTTP/1.1
  std::vector<Header> headers;
  std::string body;            // empty when it was spooled; body_view() gives both
  std::string remote_address;  // "127.0.0.1"; "unix" through the unix-domain socket
  bool remote_is_loopback = false;
  bool via_unix_socket = false;  // the socket's file permissions have let the peer in
  bool via_tls = false;
  bool spool = false;  // Service::admit: a large body goes to a file (ServerOptions::spool_*)
  std::shared_ptr<const SpooledBody> spooled;
  int64_t received_ns = 0;        // base::monotonic_ns() when the head was complete
  size_t body_bytes_max = 0;      // set by the server's options; Service::admit may change it
  std::shared_ptr<void> context;  // whatever admit learnt, for handle

  std::string_view header(
      std::string_view lower_case_name) const;  // empty when absent; the first of several
  bool has_header(std::string_view lower_case_name) const;
  std::string_view body_view() const { return spooled ? spooled->bytes() : body; }
};

struct Response {
  int status = 200;
  std::vector<Header>
      headers;  // Content-Length, Transfer-Encoding, Date and Connection are the server's
  std::string body;
  // Instead of `body`: sent piece by piece as the peer reads, never whole in memory.
  std::shared_ptr<const SpooledBody> mapped_body = {};
};

std::string_view status_text(int status);

// "a%2Fb" -> "a/b". False when an escape is cut short or not hexadecimal, or decodes to a NUL.
bool decode_percent(std::string_view text, std::string* out, bool plus_is_space = false);

// The parameters of a query, names and values decoded; a part with a bad escape is left out.
std::vector<Header> parse_query(std::string_view query);

}  // namespace net
