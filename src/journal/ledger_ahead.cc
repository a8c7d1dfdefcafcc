#include "journal/ledger_ahead.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/random.h"
#include "files/files.h"
#include "journal/ledger_entry.h"

namespace journal {
namespace {

using base::Code;

constexpr uint64_t kMagic = 0x31'64'61'65'68'61'68'63;  // "chahead1"
constexpr uint64_t kFirstBytes = 256 << 10;
constexpr uint64_t kTurnBytes = 8 << 20;  // then it is the other file's turn
constexpr uint64_t kFileBytesMax = 1 << 30;
constexpr size_t kAlign = 8;

// At the start of a file, once a turn.
struct FileHead {
  uint64_t magic = kMagic;
  uint64_t nonce = 0;
};

// Before the records of each group.
struct FrameHead {
  uint64_t nonce = 0;
  uint64_t bytes = 0;  // of the records
  int64_t first_seq = 0;
  int64_t count = 0;
  int64_t synced_seq = 0;  // what was known to be on the disk when this was written
  crypto::Digest previous{};
  uint64_t check = 0;  // of the above: a head may be cut off as well
};
static_assert(sizeof(FrameHead) == 80 && sizeof(FileHead) == 16);

uint64_t aligned(uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <class T>
T read_at(std::string_view bytes, uint64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::unexpected<base::Error> refused(const std::string& path, std::string_view doing) {
  return base::fail(Code::Unavailable,
                    std::string(doing) + " failed: " + std::strerror(errno) +
                        "; free space on the disk, nothing acknowledged is lost",
                    path, "STORAGE_UNAVAILABLE");
}

std::unexpected<base::Error> damaged(const std::string& path, const std::string& what) {
  return base::fail(Code::Corrupt,
                    what + "; stop, keep the files, and restore the last good backup", path,
                    "LEDGER_DAMAGED");
}

uint64_t new_nonce() {
  uint64_t nonce = 0;
  const base::Bytes bytes = crypto::random_bytes(sizeof nonce);
  std::memcpy(&nonce, bytes.data(), sizeof nonce);
  return nonce;
}

uint64_t check_of(FrameHead head) {
  head.check = 0;
  const crypto::Digest digest = crypto::sha256(bytes_of(head));
  return base::load_le<uint64_t>(digest.data());
}

// The records of the frame at `at`, as far as they are whole; sets `whole` when all of them are.
std::vector<AheadRecord> read_frame(std::string_view file, uint64_t at, bool* whole) {
  const auto head = read_at<FrameHead>(file, at);
  std::vector<AheadRecord> records;
  std::string_view rest = file.substr(at + sizeof head, head.bytes);
  crypto::Digest previous = head.previous;
  for (int64_t i = 0; i < head.count; ++i) {
    AheadRecord record{.seq = head.first_seq + i, .previous = previous};
    if (rest.size() < sizeof(uint32_t)) break;
    const auto size = read_at<uint32_t>(rest, 0);
    if (rest.size() < sizeof size + size + record.digest.size()) break;
    record.encoded = rest.substr(sizeof size, size);
    std::memcpy(record.digest.data(), rest.data() + sizeof size + size, record.digest.size());
    if (entry_digest(previous, record.encoded) != record.digest) break;
    rest.remove_prefix(sizeof size + size + record.digest.size());
    previous = record.digest;
    records.push_back(std::move(record));
  }
  *whole = static_cast<int64_t>(records.size()) == head.count && rest.empty();
  return records;
}

bool is_frame(std::string_view file, uint64_t at, uint64_t nonce) {
  if (at + sizeof(FrameHead) > file.size()) return false;
  const auto head = read_at<FrameHead>(file, at);
  return head.nonce == nonce && head.count > 0 && head.first_seq > 0 &&
         head.bytes <= file.size() - at - sizeof head && head.check == check_of(head);
}

// What one file holds of this turn: the whole records, and the highest entry that a frame says was
// on the disk before it.
struct Found {
  std::vector<AheadRecord> records;
  int64_t synced_seq = 0;
};

Found read_file_frames(std::string_view file) {
  Found found;
  if (file.size() < sizeof(FileHead)) return found;
  const auto head = read_at<FileHead>(file, 0);
  if (head.magic != kMagic) return found;
  // Behind a frame that is damaged there may be others: they tell whether it was the last one.
  for (uint64_t at = sizeof head; at + sizeof(FrameHead) <= file.size();) {
    if (!is_frame(file, at, head.nonce)) {
      at += kAlign;
      continue;
    }
    bool whole = false;
    auto records = read_frame(file, at, &whole);
    const auto frame = read_at<FrameHead>(file, at);
    found.synced_seq = std::max(found.synced_seq, frame.synced_seq);
    std::ranges::move(records, std::back_inserter(found.records));
    at += whole ? aligned(sizeof frame + frame.bytes) : kAlign;
  }
  return found;
}

}  // namespace

void append_record(std::string_view encoded, const crypto::Digest& digest, Group* group) {
  const auto size = static_cast<uint32_t>(encoded.size());
  group->bytes.append(bytes_of(size)).append(encoded).append(bytes_of(digest));
  ++group->count;
}

base::Result<std::vector<AheadRecord>> read_records(const Group& group) {
  const FrameHead head{.bytes = group.bytes.size(),
                       .first_seq = group.first_seq,
                       .count = group.count,
                       .previous = group.previous,
                       .check = 0};
  bool whole = false;
  auto records = read_frame(std::string(bytes_of(head)) + group.bytes, 0, &whole);
  if (!whole) return damaged("", "a group of entries is not whole");
  return records;
}

base::Result<AheadFiles> AheadFiles::open(const std::string& path) {
  AheadFiles files;
  for (size_t i = 0; i < files.files_.size(); ++i) {
    File& file = files.files_[i];
    file.path = path + ".ahead" + std::to_string(i);
    file.fd = ::open(file.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file.fd < 0) return refused(file.path, "opening the write-ahead file");
    struct stat info = {};
    if (fstat(file.fd, &info) != 0) return refused(file.path, "reading the write-ahead file");
    file.allocated = static_cast<uint64_t>(info.st_size);
  }
  TRY_VOID(files::sync_directory(files::parent(path)));
  return files;
}

AheadFiles::AheadFiles(AheadFiles&& other) noexcept
    : files_(other.files_),
      active_(other.active_),
      safe_seq_(other.safe_seq_),
      synced_seq_(other.synced_seq_) {
  for (File& file : other.files_) file.fd = -1;
}

AheadFiles::~AheadFiles() {
  for (const File& file : files_)
    if (file.fd >= 0) close(file.fd);
}

base::Result<std::vector<AheadRecord>> AheadFiles::recover(int64_t first_seq) {
  std::map<int64_t, AheadRecord> found;
  int64_t synced = 0;
  for (const File& file : files_) {
    FileHead head;
    const bool used = pread(file.fd, &head, sizeof head, 0) == sizeof head && head.nonce != 0;
    if (!used) continue;
    TRY(const std::string bytes, files::read_file(file.path, kFileBytesMax));
    Found in_file = read_file_frames(bytes);
    synced = std::max(synced, in_file.synced_seq);
    for (AheadRecord& record : in_file.records)
      if (record.seq >= first_seq) found.insert_or_assign(record.seq, std::move(record));
  }
  std::vector<AheadRecord> records;
  for (auto& [seq, record] : found) {
    if (seq != first_seq + static_cast<int64_t>(records.size())) break;
    if (!records.empty() && record.previous != records.back().digest) break;
    records.push_back(std::move(record));
  }
  const int64_t last = first_seq + static_cast<int64_t>(records.size()) - 1;
  if (last < synced)
    return damaged(files_[0].path, "entry " + std::to_string(last + 1) +
                                       " of the ledger was acknowledged and is missing or damaged");
  return records;
}

void AheadFiles::reset() {
  for (File& file : files_) file.end = 0;
  active_ = 0;
}

void AheadFiles::forget() {
  reset();
  // A file that keeps its frames does no harm: they are known to be old when they are read.
  for (File& file : files_)
    if (file.allocated > 0) (void)write(&file, 0, bytes_of(FileHead{}));
}

base::Status AheadFiles::write(File* file, uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = pwrite(file->fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return refused(file->path, "writing the write-ahead file");
    bytes.remove_prefix(static_cast<size_t>(done));
    offset += static_cast<uint64_t>(done);
  }
  return {};
}

// Zeros ahead of time, on the disk with their metadata.
base::Status AheadFiles::reserve(File* file, uint64_t bytes) {
  if (bytes <= file->allocated) return {};
  const uint64_t wanted = std::max({bytes, kFirstBytes, std::min(kTurnBytes, 2 * file->allocated)});
  const std::string zeros(wanted - file->allocated, '\0');
  TRY_VOID(write(file, file->allocated, zeros));
  if (fsync(file->fd) != 0) return refused(file->path, "flushing the write-ahead file");
  file->allocated = wanted;
  return {};
}

base::Status AheadFiles::begin_turn(File* file) {
  file->nonce = new_nonce();
  TRY_VOID(reserve(file, kFirstBytes));
  TRY_VOID(write(file, 0, bytes_of(FileHead{.nonce = file->nonce})));
  file->end = sizeof(FileHead);
  return {};
}

base::Status AheadFiles::append(const Group& group) {
  CHECK(group.count > 0);
  File& other = files_[1 - active_];
  const bool full = files_[active_].end >= kTurnBytes;
  if (full && (other.end == 0 || other.last_seq <= safe_seq_)) {
    active_ = 1 - active_;
    other.end = 0;
  }
  File& file = files_[active_];
  if (file.end == 0) TRY_VOID(begin_turn(&file));
  FrameHead head{.nonce = file.nonce,
                 .bytes = group.bytes.size(),
                 .first_seq = group.first_seq,
                 .count = group.count,
                 .synced_seq = synced_seq_,
                 .previous = group.previous};
  head.check = check_of(head);
  const uint64_t size = aligned(sizeof head + group.bytes.size());
  if (file.end + size > kFileBytesMax)
    return base::fail(Code::Unavailable,
                      "the write-ahead file is full, because ledger.db takes no entries; see why "
                      "in the log",
                      file.path, "STORAGE_UNAVAILABLE");
  TRY_VOID(reserve(&file, file.end + size));
  std::string frame;
  frame.reserve(size);
  frame.append(bytes_of(head)).append(group.bytes).resize(size);
  TRY_VOID(write(&file, file.end, frame));
  if (fdatasync(file.fd) != 0) return refused(file.path, "flushing the write-ahead file");
  file.end += size;
  file.last_seq = group.first_seq + group.count - 1;
  synced_seq_ = file.last_seq;
  return {};
}

bool AheadFiles::wants_room() const {
  const File& file = files_[active_];
  const File& other = files_[1 - active_];
  return file.end >= kTurnBytes / 2 && other.end != 0 && other.last_seq > safe_seq_;
}

}  // namespace journal
