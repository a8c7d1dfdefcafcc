#include "server/backup.h"

#include <algorithm>
#include <utility>

#include "crypto/sha256.h"
#include "db/database.h"
#include "files/files.h"
#include "json/json.h"

namespace server {
namespace {

using base::Code;

constexpr int64_t kFormat = 1;
constexpr size_t kChunkBytes = 1u << 20;
constexpr std::string_view kLedger = "ledger.db";

// Folders of a data folder that are copied as they are, the log's checkpoint before its tiles.
struct Folder {
  std::string_view name;
  bool BackupOptions::* wanted;  // null: always
};
constexpr Folder kFolders[] = {{"charter", nullptr},
                               {"log", nullptr},
                               {"blobs", &BackupOptions::blobs},
                               {"models", &BackupOptions::models}};
constexpr std::string_view kConfigFile = "config.toml";

base::Result<std::vector<std::string>> databases_of(const std::string& directory) {
  TRY(std::vector<std::string> names, files::list_files(directory));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".db"); });
  std::ranges::sort(names, {},
                    [](const std::string& name) { return std::pair(name == kLedger, name); });
  return names;
}

base::Result<BackedUpFile> describe(const std::string& directory, std::string path) {
  TRY(const auto mapped, files::MappedFile::open(files::join(directory, path)));
  return BackedUpFile{std::move(path), mapped->bytes().size(),
                      crypto::hex(crypto::sha256(mapped->bytes()))};
}

base::Status copy_file(const std::string& from, const std::string& to) {
  TRY(const auto mapped, files::MappedFile::open(from));
  TRY_VOID(files::make_directories(files::parent(to), 0700));
  TRY(files::AtomicFile out, files::AtomicFile::create(to, 0600));
  for (base::ByteSpan rest = mapped->bytes(); !rest.empty();) {
    const size_t count = std::min(rest.size(), kChunkBytes);
    TRY_VOID(out.append(rest.first(count)));
    rest = rest.subspan(count);
  }
  return out.commit();
}

base::Status copy_folder(const std::string& data, const std::string& to, std::string_view name,
                         Backup* backup) {
  const std::string folder = files::join(data, name);
  if (!files::is_directory(folder)) return {};
  TRY(const std::vector<std::string> paths, files::list_files_recursive(folder));
  for (const std::string& below : paths) {
    std::string path = files::join(name, below);
    if (files::base_name(path) == kSecretsFile || path.ends_with(".lock")) continue;
    TRY_VOID(copy_file(files::join(data, path), files::join(to, path)));
    TRY(BackedUpFile file, describe(to, std::move(path)));
    backup->files.push_back(std::move(file));
  }
  return {};
}

json::Value manifest_json(const Backup& backup) {
  json::Array list;
  for (const BackedUpFile& file : backup.files)
    list.emplace_back(json::Object{
        {"path", file.path}, {"bytes", static_cast<int64_t>(file.bytes)}, {"sha256", file.sha256}});
  return json::Object{{"charter_backup", kFormat},
                      {"version", backup.version},
                      {"created", base::rfc3339(backup.created)},
                      {"files", std::move(list)}};
}

// A path that stays below its folder.
bool is_safe(std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.find('\0') != std::string_view::npos)
    return false;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(std::min(path.size(), part.size() + 1));
  }
  return true;
}

base::Result<Backup> read_manifest(const std::string& from) {
  const std::string path = files::join(from, kManifestFile);
  if (!files::exists(path))
    return base::fail(Code::NotFound,
                      "this is no backup, or one that was not finished: it has no manifest", path,
                      "NO_MANIFEST");
  TRY(const std::string text, files::read_file(path));
  TRY(const json::Value manifest, json::parse(text));
  TRY(const int64_t format, json::get_int(manifest, "charter_backup"));
  if (format != kFormat)
    return base::fail(Code::FailedPrecondition,
                      "this backup has a form that is not known; use the Charter that made it",
                      path, "BACKUP_TOO_NEW");
  Backup backup;
  TRY(backup.version, json::get_string(manifest, "version"));
  TRY(const std::string created, json::get_string(manifest, "created"));
  TRY(backup.created, base::parse_rfc3339(created));
  TRY(const json::Array* list, json::get_array(manifest, "files"));
  for (const json::Value& item : *list) {
    BackedUpFile file;
    TRY(file.path, json::get_string(item, "path"));
    TRY(const int64_t bytes, json::get_int(item, "bytes"));
    TRY(file.sha256, json::get_string(item, "sha256"));
    file.bytes = static_cast<uint64_t>(bytes);
    if (!is_safe(file.path) || file.path == kSecretsFile)
      return base::fail(Code::Corrupt, "the manifest names a file that may not be there",
                        file.path);
    backup.files.push_back(std::move(file));
  }
  return backup;
}

base::Status check_files(const std::string& from, const Backup& backup) {
  std::vector<std::string> named;
  for (const BackedUpFile& file : backup.files) {
    if (!files::exists(files::join(from, file.path)))
      return base::fail(Code::Corrupt, "a file of the backup is missing", file.path);
    TRY(const BackedUpFile there, describe(from, file.path));
    if (there.sha256 != file.sha256 || there.bytes != file.bytes)
      return base::fail(Code::Corrupt, "a file of the backup was changed", file.path);
    named.push_back(file.path);
  }
  std::ranges::sort(named);
  TRY(const std::vector<std::string> all, files::list_files_recursive(from));
  for (const std::string& path : all)
    if (path != kManifestFile && !std::ranges::binary_search(named, path))
      return base::fail(Code::Corrupt, "a file is not in the backup's manifest", path);
  return {};
}

base::Status check_databases(const std::string& directory, const Backup& backup) {
  for (const BackedUpFile& file : backup.files) {
    if (!file.path.ends_with(".db")) continue;
    TRY(db::Database database, db::Database::open_readonly(files::join(directory, file.path)));
    TRY_VOID(database.check_integrity());
  }
  return {};
}

// Nothing, or only the key file that a backup does not hold.
base::Result<bool> is_empty(const std::string& data) {
  if (!files::exists(data)) return true;
  TRY(const std::vector<std::string> names, files::list_files(data));
  TRY(const std::vector<std::string> folders, files::list_directories(data));
  return folders.empty() &&
         std::ranges::all_of(names, [](const std::string& name) { return name == kSecretsFile; });
}

base::Status copy_all(const std::string& from, const Backup& backup, const std::string& to) {
  for (const BackedUpFile& file : backup.files)
    TRY_VOID(copy_file(files::join(from, file.path), files::join(to, file.path)));
  return {};
}

}  // namespace

uint64_t Backup::bytes() const {
  uint64_t sum = 0;
  for (const BackedUpFile& file : files) sum += file.bytes;
  return sum;
}

base::Result<Backup> back_up(const std::string& data, const std::string& to,
                             const BackupOptions& options, base::Time now) {
  if (!files::exists(files::join(data, "identity.db")))
    return base::fail(Code::NotFound, "there is no data folder of Charter here", data,
                      "NO_DATA_FOLDER");
  TRY(const bool empty, is_empty(to));
  if (!empty || files::exists(files::join(to, kSecretsFile)))
    return base::fail(Code::AlreadyExists, "the folder for the backup is not empty; name a new one",
                      to, "NOT_EMPTY");
  TRY_VOID(files::make_directories(to, 0700));
  Backup backup{now, CHARTER_VERSION, {}};
  for (const Folder& folder : kFolders)
    if (folder.wanted == nullptr || options.*folder.wanted)
      TRY_VOID(copy_folder(data, to, folder.name, &backup));
  if (const std::string config(kConfigFile); files::exists(files::join(data, config))) {
    TRY_VOID(copy_file(files::join(data, config), files::join(to, config)));
    TRY(BackedUpFile file, describe(to, config));
    backup.files.push_back(std::move(file));
  }
  TRY(const std::vector<std::string> databases, databases_of(data));
  for (const std::string& name : databases) {
    TRY(db::Database database, db::Database::open_readonly(files::join(data, name)));
    TRY_VOID(database.copy_to(files::join(to, name)));
    TRY(BackedUpFile file, describe(to, name));
    backup.files.push_back(std::move(file));
  }
  TRY_VOID(files::write_atomic(files::join(to, kManifestFile),
                               json::dump_pretty(manifest_json(backup)) + "\n", 0600));
  return backup;
}

base::Result<Backup> verify_backup(const std::string& from) {
  TRY(Backup backup, read_manifest(from));
  TRY_VOID(check_files(from, backup));
  TRY_VOID(check_databases(from, backup));
  return backup;
}

base::Result<Backup> restore(const std::string& from, const std::string& data) {
  TRY(Backup backup, verify_backup(from));
  TRY(const bool empty, is_empty(data));
  if (!empty)
    return base::fail(Code::AlreadyExists,
                      "the data folder is not empty; name a new one, or move this one away", data,
                      "NOT_EMPTY");
  const std::string partial = data + ".restoring";
  TRY_VOID(files::remove_directory(partial));
  TRY_VOID(files::make_directories(partial, 0700));
  TRY_VOID(copy_all(from, backup, partial));
  const std::string key = files::join(data, kSecretsFile);
  if (files::exists(key)) TRY_VOID(copy_file(key, files::join(partial, kSecretsFile)));
  TRY_VOID(files::remove_directory(data));
  TRY_VOID(files::rename(partial, data));
  return backup;
}

base::Result<Backup> roll_back(const std::string& from, const std::string& data,
                               const std::string& aside) {
  TRY(Backup backup, verify_backup(from));
  TRY_VOID(files::make_directories(aside, 0700));
  // Of each file first the one that stands there goes, with a database's log of writes, and then
  // the old one comes: cut short at any point, running it again goes on.
  for (const BackedUpFile& file : backup.files) {
    const std::string target = files::join(data, file.path);
    for (const char* suffix : {"", "-wal", "-shm"}) {
      const std::string old = target + suffix;
      if (!files::exists(old) || (*suffix != '\0' && !file.path.ends_with(".db"))) continue;
      const std::string kept = files::join(aside, file.path + suffix);
      TRY_VOID(files::make_directories(files::parent(kept), 0700));
      TRY_VOID(files::rename(old, kept));
    }
    TRY_VOID(copy_file(files::join(from, file.path), target));
  }
  return backup;
}

std::string backups_of(const std::string& data) { return files::join(data, "backups"); }

std::string stamp(base::Time now) {
  std::string text = base::rfc3339(now);
  std::ranges::replace(text, ':', '-');
  return text;
}

std::span<const SchemaVersion> known_versions() {
  static const SchemaVersion kKnown[] = {
      {"chat.db", 1}, {"identity.db", 3}, {"objects.db", 1}, {"recall.db", 1}, {"ledger.db", 2}};
  return kKnown;
}

base::Result<std::string> back_up_before_migration(const std::string& data, base::Time now) {
  TRY(const auto versions, schema_versions(data));
  const bool older = std::ranges::any_of(versions, [](const SchemaVersion& one) {
    const auto known = std::ranges::find(known_versions(), one.database, &SchemaVersion::database);
    return known != known_versions().end() && one.version > 0 && one.version < known->version;
  });
  if (!older) return std::string();
  const std::string backup =
      files::join(backups_of(data), std::string(kUpgradePrefix) + stamp(now));
  TRY_VOID(back_up(data, backup, {false, false}, now));
  return backup;
}

base::Result<std::vector<SchemaVersion>> schema_versions(const std::string& data) {
  std::vector<SchemaVersion> versions;
  TRY(const std::vector<std::string> names, databases_of(data));
  for (const std::string& name : names) {
    TRY(db::Database database, db::Database::open_readonly(files::join(data, name)));
    TRY(db::Statement row, database.query("PRAGMA user_version"));
    TRY(const bool there, row.step());
    versions.push_back({name, there ? row.integer(0) : 0});
  }
  return versions;
}

}  // namespace server
