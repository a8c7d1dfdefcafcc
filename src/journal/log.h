// The log of a house on disk: every statement in order, as a Merkle tree with a signed checkpoint.
// statements.jsonl is the durable journal; checkpoint and tile/ are the public form (C2SP
// tlog-tiles), made from it again when they are behind. A statement is on the disk before append()
// returns; after a crash the log is a prefix of what was appended, and never shorter than a
// checkpoint that was signed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/merkle.h"
#include "files/files.h"
#include "govern/checkpoint.h"
#include "govern/state.h"
#include "govern/tiles.h"

namespace journal {

// Who reads along while a log opens. `visit` sees every statement in order, before anything is
// known about the rest: what it makes of them counts when the log has opened; its error ends the
// opening. `keys`, asked now and then, names those whose signatures visit will want verified: they
// are tried ahead, on all cores.
struct LogReader {
  std::function<base::Status(const govern::LoggedStatement&)> visit = {};
  std::function<std::vector<crypto::PublicKey>()> keys = {};
};

class Log {
 public:
  // An empty log in a folder that is not there yet, on the disk with its first statement.
  static base::Result<Log> create(const std::string& directory, const govern::SignerKey& key);
  // To append: takes the folder's lock (Unavailable, LOCKED, when another process holds it), cuts
  // off a torn tail and signs what a crash left unsigned. To read: changes nothing and needs no
  // private key.
  static base::Result<Log> open(const std::string& directory, const govern::SignerKey& key,
                                const LogReader& reader = {});
  static base::Result<Log> open_to_read(const std::string& directory,
                                        const govern::VerifierKey& key,
                                        const LogReader& reader = {});

  const govern::Checkpoint& checkpoint() const { return checkpoint_; }
  const std::string& checkpoint_note() const { return checkpoint_note_; }
  uint64_t size() const { return entries_.size(); }

  bool continues(const Log& older) const;  // every entry of `older` stands here at its place
  const govern::Leaf& leaf(uint64_t index) const;
  base::Result<govern::LoggedStatement> statement(uint64_t index) const;  // reads the disk
  std::vector<crypto::Digest> inclusion_proof(uint64_t index) const;  // in the checkpoint's tree
  std::vector<crypto::Digest> consistency_proof(uint64_t old_size) const;

  // All of them or, when the disk refuses, none. The leaves carry the next indexes.
  base::Status append(std::span<const govern::LoggedStatement> statements);

  // Puts witnesses' lines beside the log's signature, each replacing an older one of the same key;
  // false when the checkpoint has moved on from `note_text` and nothing was done.
  base::Result<bool> add_cosignatures(std::string_view note_text,
                                      std::span<const govern::NoteSignature> lines);

  // checkpoint and tile/ as files in a folder, for any static web server; the checkpoint comes
  // last, so that a reader never finds it without its tiles. How many files were written.
  base::Result<uint64_t> export_to(const std::string& directory) const;

  // Reads every tile, bundle and statement again and compares them with the tree: Corrupt
  // (INCONSISTENT) names the file.
  base::Status verify_files() const;

 private:
  struct Entry {
    govern::Leaf leaf;
    uint64_t offset = 0, length = 0;  // of its line in the journal
  };

  Log(std::string directory, govern::VerifierKey verifier)
      : directory_(std::move(directory)), verifier_(std::move(verifier)) {}
  base::Status read(bool may_repair, const LogReader& reader);
  base::Status read_journal(std::string_view text, uint64_t signed_size, const LogReader& reader);
  void add_entry(const govern::Leaf& leaf, const crypto::Digest& hash, uint64_t offset,
                 uint64_t length);
  base::Status publish(uint64_t old_size);
  base::Status repair_tiles() const;
  std::string tile_bytes(const govern::TilePath& path) const;
  std::string path(std::string_view name) const { return files::join(directory_, name); }

  std::string directory_;
  govern::VerifierKey verifier_;
  std::optional<govern::SignerKey> signer_;
  std::optional<files::LockFile> lock_;
  std::optional<files::AppendFile> journal_;
  std::vector<Entry> entries_;
  crypto::MerkleTree tree_;
  govern::Checkpoint checkpoint_;
  std::string checkpoint_note_;
};

}  // namespace journal
