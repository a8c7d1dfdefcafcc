#include "journal/log.h"

#include <algorithm>

#include "base/check.h"
#include "base/thread_pool.h"
#include "govern/refusal.h"

namespace journal {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kJournal = "statements.jsonl";
constexpr std::string_view kCheckpoint = "checkpoint";
constexpr std::string_view kLock = "lock";

std::string line_of(const govern::LoggedStatement& statement) {
  return json::canonical(json::Object{{"envelope", govern::envelope_to_json(statement.envelope)},
                                      {"leaf", govern::format_leaf(statement.leaf)}}) +
         '\n';
}

Result<govern::LoggedStatement> parse_line(std::string_view line) {
  TRY(const json::Value value, json::parse(line));
  TRY_VOID(json::only_fields(value, {"envelope", "leaf"}));
  TRY(const json::Value* object, json::get_object(value, "envelope"));
  TRY(const std::string leaf, json::get_string(value, "leaf"));
  govern::LoggedStatement out;
  TRY(out.envelope, govern::envelope_from_json(*object));
  TRY(out.leaf, govern::parse_leaf(leaf));
  if (govern::envelope_digest(out.envelope) != out.leaf.envelope)
    return govern::corrupt("DIGEST_MISMATCH", "the statement is not the one that its entry names",
                           std::to_string(out.leaf.seq));
  return out;
}

constexpr size_t kGroup = 1024;  // lines that are read ahead of the one that is looked at
constexpr int64_t kGrain = 32;
constexpr size_t kAheadBytesMin = 256u << 10;  // below, threads cost more than they save
constexpr uint64_t kTileLevelBits = 8;         // a tile's hash stands for 256 of the level below

crypto::Digest hash_of(const govern::Leaf& leaf) {
  return crypto::merkle_leaf(base::as_bytes(govern::format_leaf(leaf)));
}

// A line of the journal and what can be said of it without the lines before it.
struct ReadLine {
  std::string_view text;  // with its newline, when it has one
  Result<govern::LoggedStatement> statement = {};
  crypto::Digest hash{};  // of the leaf
};

std::vector<ReadLine> take_lines(std::string_view text, size_t count) {
  std::vector<ReadLine> lines;
  while (!text.empty() && lines.size() < count) {
    lines.push_back({text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1)});
    text.remove_prefix(lines.back().text.size());
  }
  return lines;
}

void read_ahead(ReadLine* line, const std::vector<crypto::PublicKey>& keys) {
  line->statement = line->text.ends_with('\n') ? parse_line(line->text)
                                               : govern::malformed("the line has no end");
  if (!line->statement) return;
  line->hash = hash_of(line->statement->leaf);
  govern::verify_ahead(&line->statement->envelope, keys);
}

}  // namespace

Result<Log> Log::create(const std::string& directory, const govern::SignerKey& key) {
  TRY_VOID(files::make_directories(directory));
  if (files::exists(files::join(directory, kJournal)))
    return base::fail(base::Code::AlreadyExists, "there is a log already", directory);
  const std::string note =
      govern::signed_checkpoint({key.name, 0, crypto::merkle_empty_root()}, key);
  TRY_VOID(files::write_unsynced(files::join(directory, kCheckpoint), note));
  TRY_VOID(files::write_unsynced(files::join(directory, kJournal),
                                 std::string_view()));  // the first append waits for both
  return open(directory, key);
}

Result<Log> Log::open(const std::string& directory, const govern::SignerKey& key,
                      const LogReader& reader) {
  Log log(directory, key.verifier());
  TRY(auto lock, files::LockFile::acquire(log.path(kLock)));
  log.lock_ = std::move(lock);
  log.signer_ = key;
  TRY_VOID(log.read(true, reader));
  return log;
}

Result<Log> Log::open_to_read(const std::string& directory, const govern::VerifierKey& key,
                              const LogReader& reader) {
  Log log(directory, key);
  TRY_VOID(log.read(false, reader));
  return log;
}

Status Log::read(bool may_repair, const LogReader& reader) {
  TRY(checkpoint_note_, files::read_file(path(kCheckpoint), 1 << 20));
  TRY(checkpoint_, govern::open_checkpoint(checkpoint_note_, verifier_));
  const uint64_t signed_size = checkpoint_.size;
  {
    TRY(const auto file, files::MappedFile::open(path(kJournal)));
    TRY_VOID(read_journal(base::as_text(file->bytes()), signed_size, reader));
  }
  if (!may_repair) return {};
  const uint64_t kept = entries_.empty() ? 0 : entries_.back().offset + entries_.back().length;
  TRY(auto journal, files::AppendFile::open(path(kJournal)));
  if (kept < journal.size()) TRY_VOID(journal.truncate(kept));
  if (kept < journal.size() || size() > signed_size) TRY_VOID(journal.sync());
  journal_ = std::move(journal);
  TRY_VOID(repair_tiles());
  return size() > signed_size ? publish(signed_size) : Status{};
}

// What lies beyond the signed size was never answered for: a line there that does not read ends the
// log.
Status Log::read_journal(std::string_view text, uint64_t signed_size, const LogReader& reader) {
  base::ThreadPool pool(text.size() < kAheadBytesMin ? 1 : base::default_thread_count());
  uint64_t offset = 0;
  for (size_t group = 1; offset < text.size(); group = kGroup) {  // the first one brings the keys
    const auto keys = reader.keys ? reader.keys() : std::vector<crypto::PublicKey>();
    std::vector<ReadLine> lines = take_lines(text.substr(offset), group);
    pool.parallel_for(static_cast<int64_t>(lines.size()), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) read_ahead(&lines[static_cast<size_t>(i)], keys);
    });
    for (ReadLine& line : lines) {
      if (line.statement && line.statement->leaf.seq != size())
        line.statement = govern::malformed("the entry has another number than its place");
      if (!line.statement && size() >= signed_size) return {};
      if (!line.statement)
        return base::wrap(line.statement.error(),
                          "entry " + std::to_string(size()) +
                              " of the log, which its checkpoint covers, does not read",
                          path(kJournal));
      add_entry(line.statement->leaf, line.hash, offset, line.text.size());
      if (size() == signed_size && tree_.root() != checkpoint_.root)
        return govern::corrupt("INCONSISTENT",
                               "the log's entries are not those that its checkpoint signs",
                               path(kJournal));
      if (reader.visit) TRY_VOID(reader.visit(*line.statement));
      offset += line.text.size();
    }
  }
  if (size() < signed_size)
    return govern::corrupt("INCONSISTENT",
                           "the log has " + std::to_string(size()) +
                               " entries, its signed checkpoint says " +
                               std::to_string(signed_size) + "; restore the file from a backup",
                           path(kJournal));
  return {};
}

void Log::add_entry(const govern::Leaf& leaf, const crypto::Digest& hash, uint64_t offset,
                    uint64_t length) {
  entries_.push_back({leaf, offset, length});
  tree_.append(hash);
}

bool Log::continues(const Log& older) const {
  return older.size() <= size() && tree_.root(older.size()) == older.tree_.root();
}

const govern::Leaf& Log::leaf(uint64_t index) const {
  CHECK(index < size());
  return entries_[index].leaf;
}

Result<govern::LoggedStatement> Log::statement(uint64_t index) const {
  CHECK(index < size());
  TRY(const auto file, files::MappedFile::open(path(kJournal)));
  const Entry& entry = entries_[index];
  if (file->bytes().size() < entry.offset + entry.length)
    return govern::corrupt("INCONSISTENT", "the file has become shorter", file->path());
  return parse_line(base::as_text(file->bytes().subspan(entry.offset, entry.length)));
}

std::vector<crypto::Digest> Log::inclusion_proof(uint64_t index) const {
  return tree_.inclusion_proof(index, checkpoint_.size);
}

std::vector<crypto::Digest> Log::consistency_proof(uint64_t old_size) const {
  return tree_.consistency_proof(old_size, checkpoint_.size);
}

Status Log::append(std::span<const govern::LoggedStatement> statements) {
  CHECK(journal_ && signer_);
  const uint64_t old_size = size();
  const uint64_t old_bytes = journal_->size();
  std::string lines;
  std::vector<uint64_t> ends;
  for (size_t i = 0; i < statements.size(); ++i) {
    CHECK(statements[i].leaf.seq == old_size + i);
    lines += line_of(statements[i]);
    ends.push_back(lines.size());
  }
  Status written = journal_->append(lines);
  if (written) written = journal_->sync();
  if (!written) {
    static_cast<void>(
        journal_->truncate(old_bytes));  // what stays of it is cut off at the next start
    return written;
  }
  for (size_t i = 0; i < statements.size(); ++i) {
    const uint64_t begin = i == 0 ? 0 : ends[i - 1];
    add_entry(statements[i].leaf, hash_of(statements[i].leaf), old_bytes + begin, ends[i] - begin);
  }
  return publish(old_size);
}

Result<bool> Log::add_cosignatures(std::string_view note_text,
                                   std::span<const govern::NoteSignature> lines) {
  CHECK(signer_);
  TRY(govern::Note note, govern::parse_note(checkpoint_note_));
  if (note.text != note_text) return false;
  for (const govern::NoteSignature& line : lines) {
    std::erase_if(note.signatures, [&](const govern::NoteSignature& s) {
      return s.name == line.name && s.id == line.id && line.name != signer_->name;
    });
    note.signatures.push_back(line);
  }
  const std::string text = govern::format_note(note);
  TRY_VOID(govern::open_checkpoint(text, verifier_));
  TRY_VOID(files::write_atomic(path(kCheckpoint), text));
  checkpoint_note_ = text;
  return true;
}

Status Log::publish(uint64_t old_size) {
  for (const govern::TilePath& tile : govern::tiles_to_write(old_size, size())) {
    const std::string file = path(govern::format_tile_path(tile));
    TRY_VOID(files::make_directories(files::parent(file)));
    TRY_VOID(files::write_unsynced(file, tile_bytes(tile)));  // can be made again: see repair_tiles
  }
  const govern::Checkpoint next{signer_->name, size(), tree_.root()};
  const std::string note = govern::signed_checkpoint(next, *signer_);
  TRY_VOID(files::write_atomic(path(kCheckpoint), note));
  checkpoint_ = next;
  checkpoint_note_ = note;
  return {};
}

// Tiles are not waited for when they are written, so a crash may have left one out or empty.
Status Log::repair_tiles() const {
  for (const govern::TilePath& tile : govern::tiles_to_write(0, checkpoint_.size)) {
    const std::string file = path(govern::format_tile_path(tile));
    const auto present = files::file_size(file);
    const bool whole = present && (tile.is_entries ? *present > 0 : *present == tile.width * 32);
    if (whole) continue;
    TRY_VOID(files::make_directories(files::parent(file)));
    TRY_VOID(files::write_unsynced(file, tile_bytes(tile)));
  }
  return {};
}

std::string Log::tile_bytes(const govern::TilePath& tile) const {
  std::string bytes;
  for (uint64_t i = tile.index * govern::kTileWidth;
       i < tile.index * govern::kTileWidth + tile.width; ++i) {
    if (tile.is_entries) {
      const auto added = govern::append_entry(&bytes, govern::format_leaf(entries_[i].leaf));
      CHECK(added.has_value());  // a leaf has some 300 bytes
    } else {
      bytes += base::as_text(tree_.node(kTileLevelBits * tile.level, i));
    }
  }
  return bytes;
}

Result<uint64_t> Log::export_to(const std::string& directory) const {
  std::vector<std::string> written;
  for (const govern::TilePath& tile : govern::tiles_to_write(0, checkpoint_.size)) {
    const std::string file = files::join(directory, govern::format_tile_path(tile));
    const std::string bytes = tile_bytes(tile);
    if (const auto size = files::file_size(file); size && *size == bytes.size()) {
      TRY(const std::string present, files::read_file(file, 32u << 20));
      if (present == bytes) continue;
      return govern::corrupt("INCONSISTENT", "the folder holds another log's tile", file);
    }
    TRY_VOID(files::make_directories(files::parent(file)));
    TRY_VOID(files::write_unsynced(file, bytes));
    written.push_back(file);
  }
  TRY_VOID(files::sync_files(written));
  TRY_VOID(files::make_directories(directory));
  TRY_VOID(files::write_atomic(files::join(directory, kCheckpoint), checkpoint_note_));
  return written.size() + 1;
}

Status Log::verify_files() const {
  for (const govern::TilePath& tile : govern::tiles_to_write(0, checkpoint_.size)) {
    const std::string file = path(govern::format_tile_path(tile));
    TRY(const std::string bytes, files::read_file(file, 32u << 20));
    if (bytes != tile_bytes(tile))
      return govern::corrupt("INCONSISTENT", "the tile does not hold what the log's entries give",
                             file);
  }
  for (uint64_t i = 0; i < size(); ++i) TRY_VOID(statement(i));
  return {};
}

}  // namespace journal
