// A data folder copied while its server runs, and put back: databases by SQLite's own backup, files
// as they are, and a manifest with the SHA-256 of each. `secrets.key` is in no backup: whoever has
// both could read the sealed secrets, so it is kept somewhere else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace server {

inline constexpr std::string_view kManifestFile = "backup.json";
inline constexpr std::string_view kSecretsFile = "secrets.key";

struct BackupOptions {
  bool models = true;  // weights can be large, and be made again from their sources
  bool blobs = true;   // files that clients uploaded
};

struct BackedUpFile {
  std::string path = {};  // below the folder, "log/checkpoint"
  uint64_t bytes = 0;
  std::string sha256 = {};  // hex
};

struct Backup {
  base::Time created = {};
  std::string version = {};  // of the program that made it
  std::vector<BackedUpFile> files = {};
  uint64_t bytes() const;
};

// Each database is consistent in itself; the ledger comes last, so that nothing that another one
// speaks of was not yet paid for. The manifest is written when all else is on the disk: a folder
// without it is no backup. Errors: AlreadyExists when `to` is not empty.
base::Result<Backup> back_up(const std::string& data, const std::string& to,
                             const BackupOptions& options, base::Time now);

// Reads every byte again: Corrupt names the file that is changed, missing, or one too many, and the
// database that SQLite finds damaged.
base::Result<Backup> verify_backup(const std::string& from);

// Verifies, then makes `data`, which must be empty or hold nothing but its secrets.key. Until all
// is on the disk the folder stays as it was.
base::Result<Backup> restore(const std::string& from, const std::string& data);

// Puts the databases and files of a backup in place of those that stand in `data`, whose server
// must not run; what was there is moved to `aside`.
base::Result<Backup> roll_back(const std::string& from, const std::string& data,
                               const std::string& aside);

// DATA/backups, where what an upgrade found is kept under names of this prefix.
inline constexpr std::string_view kUpgradePrefix = "upgrade-";
std::string backups_of(const std::string& data);
std::string stamp(base::Time now);  // "2026-11-21T19-34-12Z": sorts by time, a name everywhere

// The schema version of each database of a folder, by name.
struct SchemaVersion {
  std::string database = {};
  int64_t version = 0;
  friend bool operator==(const SchemaVersion&, const SchemaVersion&) = default;
};
base::Result<std::vector<SchemaVersion>> schema_versions(const std::string& data);
// Those that this program brings a folder to.
std::span<const SchemaVersion> known_versions();

// Where opening the folder will change the schema of a database: a backup of the databases, the
// charter and the log first, for `charter rollback`. Returns where it is; empty: nothing changes.
base::Result<std::string> back_up_before_migration(const std::string& data, base::Time now);

}  // namespace server
