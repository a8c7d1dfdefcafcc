#include "net/client_call.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "net/address.h"
#include "net/client_loop.h"

namespace net {
namespace {

constexpr size_t kHeadBytesMax = 256u << 10;
constexpr size_t kHeadFieldsMax = 1000;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_field_name(std::string_view name) {
  for (const char c : name) {
    if (c <= 0x20 || c >= 0x7f || std::string_view("\"(),/:;<=>?@[\\]{}").find(c) != name.npos)
      return false;
  }
  return !name.empty();
}

// "https://api.example.com:8443": what an error may say of a URL. Its path, query and user part may
// hold a key.
std::string origin_of(std::string_view url) {
  const size_t start = url.find("://");
  if (start == std::string_view::npos) return {};
  const std::string_view authority =
      url.substr(start + 3, url.find_first_of("/?#", start + 3) - (start + 3));
  const size_t at = authority.rfind('@');
  return std::string(url.substr(0, start + 3)) +
         std::string(authority.substr(at == std::string_view::npos ? 0 : at + 1));
}

template <class T>
void set(CURL* easy, CURLoption option, T value) {
  CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

long milliseconds_of(base::Duration duration) {
  return static_cast<long>(std::max<int64_t>(1, duration.ns / 1'000'000));
}

}  // namespace

Call::Call(ClientLoop& loop, ClientRequest request, std::shared_ptr<ClientSink> sink)
    : loop_(&loop),
      request_(std::move(request)),
      sink_(std::move(sink)),
      started_ns_(base::monotonic_ns()) {}

Call::~Call() { curl_slist_free_all(header_list_); }

void Call::cancel() {
  ClientLoop* here = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!loop_ || cancelled_.exchange(true)) return;
    if (loop_->on_thread()) {
      here = loop_;
    } else {
      boost::asio::post(loop_->context(), [self = shared_from_this()] {
        if (self->loop_) self->loop_->cancel(*self);  // only this thread makes it null
      });
    }
  }
  if (here) here->cancel(*this);
}

base::Status Call::failure(base::Code code, std::string message, std::string reason) const {
  return base::fail(code, std::move(message), origin_of(request_.url), std::move(reason));
}

base::Status Call::cancelled_status() const {
  return failure(base::Code::Cancelled, "the request was cancelled", "cancelled");
}

base::Status Call::set_up(CURL* easy) {
  easy_ = easy;
  const std::string_view url = request_.url;
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return failure(base::Code::InvalidArgument, "the URL must begin with http:// or https://",
                   "invalid_request");
  if (curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str()) != CURLE_OK ||
      url.find_first_of(std::string_view("\r\n\0 ", 4)) != std::string_view::npos)
    return failure(base::Code::InvalidArgument, "the URL is not well-formed", "invalid_request");
  if (!is_field_name(request_.method))
    return failure(base::Code::InvalidArgument, "the method is not a token", "invalid_request");
  if (request_.public_addresses_only && !request_.proxy.empty())
    return failure(base::Code::InvalidArgument,
                   "a request that is limited to public addresses cannot take a proxy",
                   "invalid_request");
  TRY_VOID(add_headers());
  set_method();
  set_connection();
  return {};
}

base::Status Call::add_headers() {
  bool has_content_type = false;
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(header_list_, line.c_str());
    CHECK(longer);
    header_list_ = longer;
  };
  for (const Header& header : request_.headers) {
    const std::string name = lower(header.name);
    if (!is_field_name(name) ||
        header.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return failure(base::Code::InvalidArgument,
                     "a header's name is not a token, or its value has a line break",
                     "invalid_request");
    if (name == "content-length" || name == "transfer-encoding" || name == "connection" ||
        name == "expect")
      continue;
    has_content_type |= name == "content-type";
    add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (!has_content_type) add("Content-Type:");  // not curl's guess
  add("Expect:");                               // no waiting for 100 Continue
  set(easy_, CURLOPT_HTTPHEADER, header_list_);
  return {};
}

void Call::prepare(CURL* easy, ClientLoop& loop) {
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_PATH_AS_IS, 1L);
  set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_PROXY, "");  // not the environment's either
  set(easy, CURLOPT_POST, 1L);
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &Call::on_open_socket);
  set(easy, CURLOPT_CLOSESOCKETFUNCTION, &ClientLoop::close_socket);
  set(easy, CURLOPT_CLOSESOCKETDATA, &loop);
  set(easy, CURLOPT_HEADERFUNCTION, &Call::on_header);
  set(easy, CURLOPT_WRITEFUNCTION, &Call::on_body);
}

// Whether the handle must be reset after this call: it has options that prepare() and a plain POST
// do not set again.
bool Call::is_special() const {
  return request_.method != "POST" || !request_.proxy.empty() || !request_.ca_file.empty() ||
         request_.follow_redirects || request_.public_addresses_only ||
         !request_.unix_socket.empty();
}

void Call::set_method() {
  const std::string& method = request_.method;
  const bool has_body = method == "POST" || !request_.body.empty();
  if (method == "HEAD") {
    set(easy_, CURLOPT_NOBODY, 1L);
  } else if (has_body) {
    set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(easy_, CURLOPT_POSTFIELDS, request_.body.data());  // not copied
  } else {
    set(easy_, CURLOPT_HTTPGET, 1L);
  }
  if (method != "POST" && method != "HEAD" && (has_body || method != "GET"))
    set(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
}

void Call::set_connection() {
  set(easy_, CURLOPT_PRIVATE, this);
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, milliseconds_of(request_.connect_timeout));
  if (!request_.proxy.empty()) set(easy_, CURLOPT_PROXY, request_.proxy.c_str());
  if (!request_.ca_file.empty()) set(easy_, CURLOPT_CAINFO, request_.ca_file.c_str());
  if (!request_.unix_socket.empty())
    set(easy_, CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  if (request_.follow_redirects) {
    set(easy_, CURLOPT_FOLLOWLOCATION, 1L);
    set(easy_, CURLOPT_MAXREDIRS, 5L);
    set(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  }
  if (request_.public_addresses_only) {
    // A pooled connection was perhaps opened for somebody who may go anywhere.
    set(easy_, CURLOPT_FRESH_CONNECT, 1L);
    set(easy_, CURLOPT_FORBID_REUSE, 1L);
  }
  set(easy_, CURLOPT_OPENSOCKETDATA, this);
  set(easy_, CURLOPT_HEADERDATA, this);
  set(easy_, CURLOPT_WRITEDATA, this);
}

CURL* Call::release_easy() { return std::exchange(easy_, nullptr); }

curl_socket_t Call::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  Call& call = *static_cast<Call*>(self);
  if (call.request_.public_addresses_only && !is_public_address(address->addr)) {
    call.address_refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return call.loop_->open_socket(*address);
}

size_t Call::on_header(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<Call*>(self)->take_header_line({bytes, size * count}) ? size * count : 0;
}

size_t Call::on_body(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<Call*>(self)->take_body({bytes, size * count}) ? size * count : 0;
}

// Curl gives one whole line of a head at a time: of every head, those of 1xx answers and of
// redirects too, and of the trailers after a chunked body.
bool Call::take_header_line(std::string_view line) {
  if (head_delivered_) return !is_cancelled();
  last_byte_ns_ = base::monotonic_ns();
  if (line.starts_with("HTTP/")) {
    const size_t digits = std::min(line.find(' '), line.size() - 1) + 1;
    status_ = 0;
    std::from_chars(line.data() + digits, line.data() + line.size(), status_);
    headers_.clear();
    head_complete_ = false;
    return !is_cancelled();
  }
  head_bytes_ += line.size();
  if (head_bytes_ > kHeadBytesMax || headers_.size() > kHeadFieldsMax) {
    head_too_large_ = true;
    return false;
  }
  if (trim(line).empty()) {
    head_complete_ = status_ >= 200;
    if (head_complete_ && !request_.follow_redirects) deliver_head();
  } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    headers_.push_back({lower(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
  }
  return !is_cancelled();
}

void Call::deliver_head() {
  if (head_delivered_ || !head_complete_ || is_cancelled()) return;
  head_delivered_ = true;
  sink_->head(status_, headers_);
}

bool Call::take_body(std::string_view bytes) {
  deliver_head();
  last_byte_ns_ = base::monotonic_ns();
  body_bytes_ += bytes.size();
  too_large_ = body_bytes_ > request_.response_bytes_max;
  if (too_large_ || is_cancelled()) return false;
  sink_->data(bytes);
  return !is_cancelled();
}

base::Status Call::check_deadline(int64_t now_ns) const {
  if (head_delivered_ || head_complete_) {
    if (now_ns - last_byte_ns_ <= request_.idle_timeout.ns) return {};
    return failure(base::Code::Unavailable, "the server fell silent in the middle of its answer",
                   "timeout_idle");
  }
  if (now_ns - started_ns_ <= request_.first_byte_timeout.ns) return {};
  return failure(base::Code::Unavailable, "the server did not begin to answer in time",
                 "timeout_first_byte");
}

base::Status Call::status_of(CURLcode code) {
  using base::Code;
  if (is_cancelled()) return cancelled_status();
  switch (code) {
    case CURLE_OK:
      // Curl takes a head that breaks off between two lines for an answer without a body.
      if (!head_complete_)
        return failure(Code::Unavailable, "the answer was cut off in its head", "cut_off");
      deliver_head();
      return {};
    case CURLE_WRITE_ERROR:
      if (too_large_)
        return failure(
            Code::TooLarge,
            "the answer is larger than " + std::to_string(request_.response_bytes_max) + " bytes",
            "response_too_large");
      return failure(Code::Unavailable, "the answer's head is too large", "bad_response");
    case CURLE_OPERATION_TIMEDOUT:
      return failure(Code::Unavailable, "no connection within the time allowed", "timeout_connect");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return failure(Code::Unavailable, "the host's name does not resolve", "connect_failed");
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      if (address_refused_)
        return failure(Code::PermissionDenied,
                       "the host is not at a public address; only those are allowed here",
                       "address_refused");
      return failure(Code::Unavailable, "the host does not accept the connection",
                     "connect_failed");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return failure(Code::Unavailable,
                     "no TLS connection: " + std::string(curl_easy_strerror(code)), "tls_failed");
    case CURLE_URL_MALFORMAT:
      return failure(Code::InvalidArgument, "the URL is not well-formed", "invalid_request");
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return failure(Code::Unavailable,
                     head_complete_ ? "the answer was cut off before its end"
                                    : "the connection was closed without an answer",
                     "cut_off");
    default:
      return failure(Code::Unavailable,
                     "the answer is not usable HTTP: " + std::string(curl_easy_strerror(code)),
                     "bad_response");
  }
}

void Call::end(const base::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }
  const std::shared_ptr<ClientSink> sink = std::exchange(sink_, nullptr);
  sink->end(status);
}

}  // namespace net
