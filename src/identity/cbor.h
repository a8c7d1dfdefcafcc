// A strict reader of CBOR (RFC 8949) as WebAuthn uses it: definite lengths, shortest integers,
// map keys that are integers or texts and come once, nothing after the value, bounded depth.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace identity {

class Cbor {
 public:
  using Array = std::vector<Cbor>;
  using Map = std::vector<std::pair<Cbor, Cbor>>;

  Cbor() = default;
  template <class T>
  explicit Cbor(T value) : data_(std::move(value)) {}

  const int64_t* integer() const { return std::get_if<int64_t>(&data_); }
  const base::Bytes* bytes() const { return std::get_if<base::Bytes>(&data_); }
  const std::string* text() const { return std::get_if<std::string>(&data_); }
  const Array* array() const { return std::get_if<Array>(&data_); }
  const Map* map() const { return std::get_if<Map>(&data_); }
  const Cbor* find(int64_t key) const;  // null when absent, or when this is not a map
  const Cbor* find(std::string_view key) const;

  friend bool operator==(const Cbor&, const Cbor&) = default;

 private:
  std::variant<std::monostate, bool, int64_t, base::Bytes, std::string, Array, Map> data_;
};

// Malformed, reason BAD_CBOR. Tags and floating-point numbers are refused: WebAuthn has none.
base::Result<Cbor> parse_cbor(base::ByteSpan bytes);
// The value at the beginning; `*used` is its length. For what is followed by other bytes.
base::Result<Cbor> parse_cbor_prefix(base::ByteSpan bytes, size_t* used);

}  // namespace identity
