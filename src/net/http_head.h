// The gate: one strict reading of a request's head, from its raw bytes (RFC 9112 without its
// leniencies). What two programs could read in two ways is refused here: several Hosts, several
// lengths, a length beside chunks, folded lines, bare line feeds, any transfer coding but
// "chunked". Pure functions, fuzzed by http_head_fuzz.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace net {

struct HeadFailure {
  int status;           // 400, 417, 431, 501 or 505
  std::string message;  // a sentence that names the fault
};

struct Head {
  Request request;                         // method to headers
  std::optional<uint64_t> content_length;  // never together with chunked
  bool chunked = false;
  bool keep_alive = true;  // HTTP/1.1 without "Connection: close"
  bool expects_continue = false;
};

constexpr size_t kHeadFieldsMax = 100;

// Length of the head in `bytes`, its final empty line included; 0 while that line has not come yet.
size_t head_length(std::string_view bytes);

// Reads a whole head. Exactly one of the two is set.
struct HeadResult {
  std::optional<Head> head;
  std::optional<HeadFailure> failure;
};
HeadResult parse_head(std::string_view bytes);

}  // namespace net
