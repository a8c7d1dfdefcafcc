#include "lab/checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/bytes.h"
#include "crypto/sha256.h"
#include "files/files.h"

namespace lab {
namespace {

constexpr std::string_view kMagic = "CHARTER-CKPT-1\n";
constexpr std::string_view kSuffix = ".ckpt";
constexpr size_t kDigestBytes = 32;
constexpr size_t kKept = 2;
constexpr uint64_t kHeaderBytesMax = 16u << 20;

void append_u64(base::Bytes* out, uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out->push_back(static_cast<uint8_t>(value >> shift));
}

void append(base::Bytes* out, base::ByteSpan bytes) {
  out->insert(out->end(), bytes.begin(), bytes.end());
}

std::string file_name(int64_t step) {
  char name[40];
  std::snprintf(name, sizeof name, "step-%08lld.ckpt", static_cast<long long>(step));
  return name;
}

base::Result<std::vector<std::string>> checkpoint_names(const std::string& directory) {
  TRY(std::vector<std::string> names, files::list_files(directory));
  std::erase_if(names, [](const std::string& name) {
    return !name.starts_with("step-") || !name.ends_with(kSuffix);
  });
  std::ranges::sort(names);
  return names;
}

std::unexpected<base::Error> corrupt(const std::string& path, const std::string& what) {
  return base::fail(
      base::Code::Corrupt,
      "The checkpoint " + files::base_name(path) + " " + what + "; it cannot be resumed from.",
      path, "CHECKPOINT_CORRUPT");
}

// Layout: magic, u64 header bytes, header, then for each array u64 count and its floats, then the
// digest.
class Reader {
 public:
  explicit Reader(base::ByteSpan bytes) : bytes_(bytes) {}

  bool take(size_t count, base::ByteSpan* out) {
    if (count > bytes_.size()) return false;
    *out = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return true;
  }
  bool take_u64(uint64_t* value) {
    base::ByteSpan bytes;
    if (!take(8, &bytes)) return false;
    *value = base::load_le<uint64_t>(bytes.data());
    return true;
  }
  bool empty() const { return bytes_.empty(); }
  size_t left() const { return bytes_.size(); }

 private:
  base::ByteSpan bytes_;
};

}  // namespace

base::Status save_checkpoint(const std::string& directory, const CheckpointView& checkpoint) {
  const std::string header =
      json::dump(json::Object{{"step", checkpoint.step},
                              {"arrays", static_cast<int64_t>(checkpoint.arrays.size())},
                              {"state", checkpoint.state}});
  base::Bytes bytes;
  size_t total = kMagic.size() + 8 + header.size() + kDigestBytes;
  for (const auto& array : checkpoint.arrays) total += 8 + array.size_bytes();
  bytes.reserve(total);
  append(&bytes, base::as_bytes(kMagic));
  append_u64(&bytes, header.size());
  append(&bytes, base::as_bytes(header));
  for (const auto& array : checkpoint.arrays) {
    append_u64(&bytes, array.size());
    append(&bytes, {reinterpret_cast<const uint8_t*>(array.data()), array.size_bytes()});
  }
  append(&bytes, crypto::sha256(bytes));
  TRY_VOID(files::make_directories(directory));
  TRY_VOID(files::write_atomic(files::join(directory, file_name(checkpoint.step)), bytes));
  TRY(const std::vector<std::string> names, checkpoint_names(directory));
  for (size_t i = 0; i + kKept < names.size(); ++i)
    TRY_VOID(files::remove_file(files::join(directory, names[i])));
  return {};
}

base::Result<Checkpoint> read_checkpoint(const std::string& path) {
  TRY(const auto file, files::MappedFile::open(path));
  const base::ByteSpan all = file->bytes();
  if (all.size() < kMagic.size() + 8 + kDigestBytes) return corrupt(path, "is cut short");
  if (base::as_text(all.first(kMagic.size())) != kMagic)
    return corrupt(path, "is not a checkpoint of Charter");
  const base::ByteSpan body = all.first(all.size() - kDigestBytes);
  const crypto::Digest digest = crypto::sha256(body);
  if (!std::ranges::equal(digest, all.last(kDigestBytes))) {
    return corrupt(path, "is cut short or changed: its digest does not match");
  }
  Reader reader(body.subspan(kMagic.size()));
  uint64_t header_bytes = 0;
  base::ByteSpan header_span;
  if (!reader.take_u64(&header_bytes) || header_bytes > kHeaderBytesMax ||
      !reader.take(header_bytes, &header_span)) {
    return corrupt(path, "has a broken header");
  }
  TRY(const json::Value header, json::parse(base::as_text(header_span)));
  TRY(const int64_t arrays, json::get_int(header, "arrays"));
  Checkpoint checkpoint;
  TRY(checkpoint.step, json::get_int(header, "step"));
  checkpoint.state = header["state"];
  for (int64_t i = 0; i < arrays; ++i) {
    uint64_t count = 0;
    base::ByteSpan floats;
    if (!reader.take_u64(&count) || count > reader.left() / sizeof(float) ||
        !reader.take(count * sizeof(float), &floats)) {
      return corrupt(path, "has a broken array");
    }
    std::vector<float>& array = checkpoint.arrays.emplace_back(count);
    if (count > 0) std::memcpy(array.data(), floats.data(), floats.size());
  }
  if (!reader.empty()) return corrupt(path, "has bytes that belong to nothing");
  return checkpoint;
}

base::Result<FoundCheckpoint> find_checkpoint(const std::string& directory) {
  std::vector<std::string> names;
  if (files::is_directory(directory)) {
    TRY(names, checkpoint_names(directory));
  }
  if (names.empty()) {
    return base::fail(base::Code::NotFound,
                      "There is no checkpoint to resume from; start the run without --resume.",
                      directory, "NO_CHECKPOINT");
  }
  FoundCheckpoint found;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    found.path = files::join(directory, *name);
    auto checkpoint = read_checkpoint(found.path);
    if (checkpoint) {
      found.checkpoint = *std::move(checkpoint);
      return found;
    }
    found.refused.push_back(checkpoint.error().message);
  }
  return base::fail(base::Code::Corrupt, "No checkpoint verifies: " + found.refused.front(),
                    directory, "CHECKPOINT_CORRUPT");
}

}  // namespace lab
