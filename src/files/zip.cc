#include "files/zip.h"

#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <unordered_set>

#include "base/bytes.h"
#include "base/check.h"

namespace files {
namespace {

using base::Code;

constexpr uint32_t kLocalMark = 0x04034b50;
constexpr uint32_t kCentralMark = 0x02014b50;
constexpr uint32_t kEndMark = 0x06054b50;
constexpr size_t kLocalBytes = 30;
constexpr size_t kCentralBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr uint16_t kZstandard = 93;
constexpr uint16_t kEncryptedFlag = 1;
constexpr uint16_t kUtf8Flag = 0x0800;
constexpr uint16_t kDosDate = 0x0021;  // 1980-01-01
constexpr int kRawDeflate = -MAX_WBITS;

std::unexpected<base::Error> malformed(std::string message, std::string where = "") {
  return base::fail(Code::Malformed, std::move(message), std::move(where), "ZIP_MALFORMED");
}

template <class Number>
Number at(std::string_view bytes, size_t offset) {
  CHECK(offset + sizeof(Number) <= bytes.size());
  return base::load_le<Number>(reinterpret_cast<const uint8_t*>(bytes.data() + offset));
}

template <class Number>
void put(std::string* out, Number value) {
  for (size_t i = 0; i < sizeof(Number); ++i)
    out->push_back(static_cast<char>((static_cast<uint64_t>(value) >> (8 * i)) & 0xFF));
}

uint32_t crc_of(std::string_view bytes) {
  return static_cast<uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Exactly `size` bytes, or an error.
base::Result<std::string> inflate_all(std::string_view packed, size_t size,
                                      const std::string& name) {
  std::string out(size + 1, '\0');  // one more, to see that nothing is left
  z_stream stream{};
  if (::inflateInit2(&stream, kRawDeflate) != Z_OK)
    return base::fail(Code::Internal, "zlib does not start", name);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = ::inflate(&stream, Z_FINISH);
  const bool whole = status == Z_STREAM_END && stream.total_out == size && stream.avail_in == 0;
  ::inflateEnd(&stream);
  if (!whole) return malformed("an entry does not unpack to its stated size", name);
  out.resize(size);
  return out;
}

base::Result<std::string> zstd_all(std::string_view packed, size_t size, const std::string& name) {
  std::string out(size, '\0');
  const size_t got = ::ZSTD_decompress(out.data(), size, packed.data(), packed.size());
  if (::ZSTD_isError(got) != 0 || got != size)
    return malformed("an entry does not unpack to its stated size", name);
  return out;
}

std::string deflate_all(std::string_view bytes) {
  z_stream stream{};
  CHECK(::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kRawDeflate, 8,
                       Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(::deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.starts_with('/') || name.find('\\') != name.npos ||
      name.find('\0') != name.npos)
    return false;
  while (!name.empty()) {
    const size_t end = name.find('/');
    const std::string_view part = name.substr(0, end);
    if (part == ".." || part == "." || (part.empty() && end != name.npos)) return false;
    name.remove_prefix(end == name.npos ? name.size() : end + 1);
  }
  return true;
}

// The end record stands in the last 64 KiB, with a comment of exactly the rest behind it.
base::Result<size_t> find_end(std::string_view archive) {
  if (archive.size() < kEndBytes) return malformed("this is no ZIP archive");
  const size_t last = archive.size() - kEndBytes;
  const size_t first = last > 0xFFFF ? last - 0xFFFF : 0;
  for (size_t offset = last + 1; offset-- > first;) {
    if (at<uint32_t>(archive, offset) != kEndMark) continue;
    if (offset + kEndBytes + at<uint16_t>(archive, offset + 20) == archive.size()) return offset;
  }
  return malformed("this is no ZIP archive");
}

struct Central {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0, packed = 0, size = 0, offset = 0;
};

base::Result<Central> read_central(std::string_view archive, size_t* place, size_t end) {
  if (*place + kCentralBytes > end || at<uint32_t>(archive, *place) != kCentralMark)
    return malformed("the directory of the archive is damaged");
  Central out;
  out.flags = at<uint16_t>(archive, *place + 8);
  out.method = at<uint16_t>(archive, *place + 10);
  out.crc = at<uint32_t>(archive, *place + 16);
  out.packed = at<uint32_t>(archive, *place + 20);
  out.size = at<uint32_t>(archive, *place + 24);
  const size_t name_bytes = at<uint16_t>(archive, *place + 28);
  const size_t more =
      size_t{at<uint16_t>(archive, *place + 30)} + at<uint16_t>(archive, *place + 32);
  out.offset = at<uint32_t>(archive, *place + 42);
  if (*place + kCentralBytes + name_bytes + more > end)
    return malformed("the directory of the archive is damaged");
  out.name = archive.substr(*place + kCentralBytes, name_bytes);
  *place += kCentralBytes + name_bytes + more;
  if (!is_safe_name(out.name))
    return malformed("an entry's name leads out of the archive", out.name);
  if (out.packed == UINT32_MAX || out.size == UINT32_MAX || out.offset == UINT32_MAX)
    return base::fail(Code::Unimplemented, "ZIP64 is not read here", out.name);
  return out;
}

base::Result<std::string> read_entry(std::string_view archive, const Central& entry) {
  if (entry.offset + kLocalBytes > archive.size() ||
      at<uint32_t>(archive, entry.offset) != kLocalMark)
    return malformed("an entry is not where the directory says", entry.name);
  if ((entry.flags & kEncryptedFlag) != 0)
    return base::fail(Code::Unimplemented, "the entry is encrypted", entry.name);
  const size_t start = size_t{entry.offset} + kLocalBytes +
                       at<uint16_t>(archive, entry.offset + 26) +
                       at<uint16_t>(archive, entry.offset + 28);
  if (start > archive.size() || entry.packed > archive.size() - start)
    return malformed("an entry reaches beyond the archive", entry.name);
  const std::string_view packed = archive.substr(start, entry.packed);
  std::string bytes;
  if (entry.method == kStored) {
    if (entry.packed != entry.size) return malformed("a stored entry has two sizes", entry.name);
    bytes = packed;
  } else if (entry.method == kDeflated) {
    TRY(bytes, inflate_all(packed, entry.size, entry.name));
  } else if (entry.method == kZstandard) {
    TRY(bytes, zstd_all(packed, entry.size, entry.name));
  } else {
    return base::fail(Code::Unimplemented,
                      "the entry is compressed by method " + std::to_string(entry.method) +
                          "; pack it again with deflate",
                      entry.name);
  }
  if (crc_of(bytes) != entry.crc) return malformed("an entry's checksum is wrong", entry.name);
  return bytes;
}

}  // namespace

base::Result<std::vector<ZipEntry>> read_zip(std::string_view archive, const ZipLimits& limits) {
  TRY(const size_t end, find_end(archive));
  const uint64_t count = at<uint16_t>(archive, end + 10);
  const size_t directory_bytes = at<uint32_t>(archive, end + 12);
  size_t place = at<uint32_t>(archive, end + 16);
  if (place > end || directory_bytes != end - place)
    return malformed("the directory of the archive is damaged");
  if (count > limits.entries_max)
    return base::fail(Code::TooLarge, "the archive has too many entries");
  std::vector<ZipEntry> out;
  std::unordered_set<std::string> names;
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    TRY(const Central entry, read_central(archive, &place, end));
    if (!names.insert(entry.name).second) return malformed("two entries share a name", entry.name);
    if (entry.name.ends_with('/')) continue;
    total += entry.size;
    if (total > limits.bytes_max)
      return base::fail(Code::TooLarge, "the archive unpacks to more than is allowed", entry.name);
    TRY(std::string bytes, read_entry(archive, entry));
    out.push_back({entry.name, std::move(bytes)});
  }
  if (place != end) return malformed("the directory of the archive is damaged");
  return out;
}

std::string write_zip(const std::vector<ZipEntry>& entries) {
  CHECK(entries.size() < UINT16_MAX);
  std::string out;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    CHECK(is_safe_name(entry.name) && entry.name.size() < UINT16_MAX);
    const std::string packed = deflate_all(entry.bytes);
    const size_t offset = out.size();
    CHECK(offset < UINT32_MAX && entry.bytes.size() < UINT32_MAX);
    std::string common;  // what the local and the central header share
    put<uint16_t>(&common, 20);
    put<uint16_t>(&common, kUtf8Flag);
    put<uint16_t>(&common, kDeflated);
    put<uint16_t>(&common, 0);
    put<uint16_t>(&common, kDosDate);
    put<uint32_t>(&common, crc_of(entry.bytes));
    put<uint32_t>(&common, static_cast<uint32_t>(packed.size()));
    put<uint32_t>(&common, static_cast<uint32_t>(entry.bytes.size()));
    put<uint16_t>(&common, static_cast<uint16_t>(entry.name.size()));
    put<uint16_t>(&common, 0);
    put<uint32_t>(&out, kLocalMark);
    out += common + entry.name + packed;
    put<uint32_t>(&directory, kCentralMark);
    put<uint16_t>(&directory, 20);
    directory += common;
    put<uint16_t>(&directory, 0);  // comment
    put<uint16_t>(&directory, 0);  // disk
    put<uint16_t>(&directory, 0);  // internal attributes
    put<uint32_t>(&directory, uint32_t{0100644} << 16);
    put<uint32_t>(&directory, static_cast<uint32_t>(offset));
    directory += entry.name;
  }
  const size_t start = out.size();
  CHECK(start < UINT32_MAX);
  out += directory;
  put<uint32_t>(&out, kEndMark);
  put<uint32_t>(&out, 0);
  put<uint16_t>(&out, static_cast<uint16_t>(entries.size()));
  put<uint16_t>(&out, static_cast<uint16_t>(entries.size()));
  put<uint32_t>(&out, static_cast<uint32_t>(directory.size()));
  put<uint32_t>(&out, static_cast<uint32_t>(start));
  put<uint16_t>(&out, 0);
  return out;
}

}  // namespace files
