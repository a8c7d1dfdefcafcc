#include "net/http_head.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace net {
namespace {

bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

using Failure = std::optional<HeadFailure>;

Failure bad(std::string message) { return HeadFailure{400, std::move(message)}; }

// "http://host:1/path?query" and "/path?query" both give path and query.
bool split_target(std::string_view target, Request* request) {
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const size_t slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  const bool server_wide = target == "*" && request->method == "OPTIONS";
  if (!target.starts_with('/') && !server_wide) return false;
  const size_t question = target.find('?');
  request->path = target.substr(0, question);
  request->query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return true;
}

Failure read_request_line(std::string_view line, Head* head) {
  Request& request = head->request;
  const size_t first = line.find(' ');
  const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos)
    return bad("The request line is not \"METHOD TARGET HTTP/1.1\".");
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);

  if (!is_token(request.method) || request.method.size() > 32)
    return bad("The request method is not a token.");
  if (version == "HTTP/2.0") return HeadFailure{505, "This server speaks HTTP/1.1 only."};
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return bad("The request line is not \"METHOD TARGET HTTP/1.1\".");
  request.version_minor = version.back() - '0';
  head->keep_alive = request.version_minor == 1;
  const bool visible =
      std::ranges::all_of(request.target, [](char c) { return c > 0x20 && c < 0x7f; });
  if (request.target.empty() || !visible || !split_target(request.target, &request)) {
    return bad("The request target is not a path of visible ASCII characters.");
  }
  return {};
}

Failure read_content_length(std::string_view value, Head* head) {
  if (head->content_length) return bad("The request has more than one Content-Length.");
  uint64_t length = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (value.empty() || stop != end || error != std::errc() || value.size() > 18) {
    return bad("The Content-Length is not a number.");
  }
  head->content_length = length;
  return {};
}

Failure read_transfer_encoding(std::string_view value, Head* head) {
  if (head->chunked) return bad("The request has more than one Transfer-Encoding.");
  if (head->request.version_minor == 0) return bad("HTTP/1.0 has no Transfer-Encoding.");
  if (lower(value) != "chunked")
    return HeadFailure{501, "The only Transfer-Encoding understood is \"chunked\"."};
  head->chunked = true;
  return {};
}

Failure check_host(std::string_view value) {
  const bool good = std::ranges::all_of(
      value, [](char c) { return is_token_char(c) || c == ':' || c == '[' || c == ']'; });
  if (!good) return bad("The Host is not a host name.");
  return {};
}

// The comma-separated list `value` has the item "close".
bool says_close(std::string_view value) {
  while (!value.empty()) {
    const std::string_view item = value.substr(0, value.find(','));
    if (lower(trim(item)) == "close") return true;
    value.remove_prefix(item.size() == value.size() ? item.size() : item.size() + 1);
  }
  return false;
}

Failure read_field(std::string_view line, Head* head) {
  if (line.front() == ' ' || line.front() == '\t')
    return bad("A header field is folded over two lines.");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("A header field has no colon.");
  if (!is_token(line.substr(0, colon))) return bad("A header field's name is not a token.");
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) return bad("A header field's value has a control character.");
  if (head->request.headers.size() == kHeadFieldsMax) {
    return HeadFailure{
        431, "The request has more than " + std::to_string(kHeadFieldsMax) + " header fields."};
  }
  std::string name = lower(line.substr(0, colon));

  Failure failure;
  if (name == "content-length") failure = read_content_length(value, head);
  if (name == "transfer-encoding") failure = read_transfer_encoding(value, head);
  if (name == "host")
    failure = head->request.has_header("host") ? bad("The request has more than one Host.")
                                               : check_host(value);
  if (name == "connection" && says_close(value)) head->keep_alive = false;
  if (name == "expect") {
    if (lower(value) != "100-continue")
      return HeadFailure{417, "The only expectation understood is \"100-continue\"."};
    head->expects_continue = head->request.version_minor == 1;
  }
  head->request.headers.push_back({std::move(name), std::string(value)});
  return failure;
}

Failure read_lines(std::string_view bytes, Head* head) {
  bool first = true;
  while (true) {
    const size_t end = bytes.find("\r\n");
    if (end == std::string_view::npos)
      return bad("The request's head does not end with an empty line.");
    const std::string_view line = bytes.substr(0, end);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return bad("The request's head has a stray line break or NUL.");
    }
    bytes.remove_prefix(end + 2);
    if (line.empty())
      return bytes.empty() ? Failure() : bad("The request's head has bytes after its end.");
    Failure failure = first ? read_request_line(line, head) : read_field(line, head);
    if (failure) return failure;
    first = false;
  }
}

Failure check_whole(const Head& head) {
  if (head.request.method.empty()) return bad("The request is empty.");
  if (head.request.version_minor == 1 && !head.request.has_header("host"))
    return bad("The request has no Host.");
  if (head.chunked && head.content_length)
    return bad("The request has both Content-Length and Transfer-Encoding.");
  return {};
}

}  // namespace

size_t head_length(std::string_view bytes) {
  // A bare line feed also ends the waiting, so that the gate refuses it now instead of a deadline
  // later.
  const size_t strict = bytes.find("\r\n\r\n");
  const size_t bare = bytes.find("\n\n");
  const size_t strict_end = strict == std::string_view::npos ? strict : strict + 4;
  const size_t bare_end = bare == std::string_view::npos ? bare : bare + 2;
  const size_t end = std::min(strict_end, bare_end);
  return end == std::string_view::npos ? 0 : end;
}

HeadResult parse_head(std::string_view bytes) {
  Head head;
  Failure failure = read_lines(bytes, &head);
  if (!failure) failure = check_whole(head);
  if (failure) return {std::nullopt, std::move(failure)};
  return {std::move(head), std::nullopt};
}

}  // namespace net
