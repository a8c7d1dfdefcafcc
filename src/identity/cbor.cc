#include "identity/cbor.h"

#include "base/utf8.h"

namespace identity {
namespace {

constexpr int kDepthMax = 8;

std::unexpected<base::Error> bad(std::string_view why) {
  return base::fail(base::Code::Malformed, "the CBOR does not parse: " + std::string(why), {},
                    "BAD_CBOR");
}

class Reader {
 public:
  explicit Reader(base::ByteSpan bytes) : all_(bytes) {}
  size_t used() const { return at_; }

  base::Result<Cbor> value(int depth) {
    if (depth > kDepthMax) return bad("nested too deeply");
    if (at_ == all_.size()) return bad("it ends too early");
    const uint8_t first = all_[at_++];
    const int major = first >> 5;
    if (major == 7) return simple(first & 31);
    TRY(const uint64_t argument, this->argument(first & 31));
    switch (major) {
      case 0:
        return integer(argument, false);
      case 1:
        return integer(argument, true);
      case 2: {
        TRY(const base::ByteSpan bytes, take(argument));
        return Cbor(base::Bytes(bytes.begin(), bytes.end()));
      }
      case 3: {
        TRY(const base::ByteSpan bytes, take(argument));
        const std::string_view text = base::as_text(bytes);
        if (!base::is_utf8(text)) return bad("a text is not UTF-8");
        return Cbor(std::string(text));
      }
      case 4:
        return array(argument, depth);
      case 5:
        return map(argument, depth);
      default:
        return bad("tags are not used here");
    }
  }

 private:
  base::Result<uint64_t> argument(int bits) {
    if (bits < 24) return static_cast<uint64_t>(bits);
    if (bits > 27) return bad("a length is indefinite or reserved");
    const int length = 1 << (bits - 24);
    TRY(const base::ByteSpan bytes, take(static_cast<uint64_t>(length)));
    uint64_t value = 0;
    for (const uint8_t byte : bytes) value = value << 8 | byte;
    const uint64_t least = length == 1 ? 24 : uint64_t{1} << (4 * length);
    if (value < least) return bad("a number is longer than it needs to be");
    return value;
  }
  base::Result<base::ByteSpan> take(uint64_t count) {
    if (count > all_.size() - at_) return bad("it ends too early");
    const base::ByteSpan bytes = all_.subspan(at_, count);
    at_ += count;
    return bytes;
  }
  static base::Result<Cbor> integer(uint64_t argument, bool negative) {
    if (argument > INT64_MAX) return bad("a number does not fit 64 bits");
    const auto value = static_cast<int64_t>(argument);
    return Cbor(negative ? -1 - value : value);
  }
  static base::Result<Cbor> simple(int value) {
    if (value == 20 || value == 21) return Cbor(value == 21);
    if (value == 22) return Cbor();
    return bad("a value is neither false, true nor null");
  }
  base::Result<Cbor> array(uint64_t count, int depth) {
    if (count > all_.size() - at_) return bad("it ends too early");  // a byte each, at the least
    Cbor::Array items;
    for (uint64_t i = 0; i < count; ++i) {
      TRY(Cbor item, value(depth + 1));
      items.push_back(std::move(item));
    }
    return Cbor(std::move(items));
  }
  base::Result<Cbor> map(uint64_t count, int depth) {
    if (count > (all_.size() - at_) / 2) return bad("it ends too early");
    Cbor::Map members;
    for (uint64_t i = 0; i < count; ++i) {
      TRY(Cbor key, value(depth + 1));
      if (key.integer() == nullptr && key.text() == nullptr)
        return bad("a key is neither a number nor a text");
      for (const auto& [other, ignored] : members)
        if (other == key) return bad("a key comes twice");
      TRY(Cbor member, value(depth + 1));
      members.emplace_back(std::move(key), std::move(member));
    }
    return Cbor(std::move(members));
  }

  base::ByteSpan all_;
  size_t at_ = 0;
};

template <class Key>
const Cbor* find_in(const Cbor::Map* map, const Key& same) {
  if (map == nullptr) return nullptr;
  for (const auto& [key, value] : *map)
    if (same(key)) return &value;
  return nullptr;
}

}  // namespace

const Cbor* Cbor::find(int64_t key) const {
  return find_in(map(), [key](const Cbor& k) { return k.integer() && *k.integer() == key; });
}

const Cbor* Cbor::find(std::string_view key) const {
  return find_in(map(), [key](const Cbor& k) { return k.text() && *k.text() == key; });
}

base::Result<Cbor> parse_cbor_prefix(base::ByteSpan bytes, size_t* used) {
  Reader reader(bytes);
  TRY(Cbor value, reader.value(0));
  *used = reader.used();
  return value;
}

base::Result<Cbor> parse_cbor(base::ByteSpan bytes) {
  size_t used = 0;
  TRY(Cbor value, parse_cbor_prefix(bytes, &used));
  if (used != bytes.size()) return bad("something follows the value");
  return value;
}

}  // namespace identity
