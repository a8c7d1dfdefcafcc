// charter upgrade: databases brought to this program's schema, after a backup.
#include <cstdio>

#include "base/time.h"
#include "cli/house_options.h"
#include "cli/operate.h"
#include "files/files.h"
#include "server/backup.h"

namespace cli {
namespace {

json::Value versions_json(const std::vector<server::SchemaVersion>& versions) {
  json::Object out;
  for (const server::SchemaVersion& one : versions) out.emplace_back(one.database, one.version);
  return out;
}

base::Status run_upgrade(std::span<const std::string> arguments) {
  Options options("upgrade");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  const std::string folder = data_folder(data);
  TRY_VOID(check_stopped(folder));
  TRY(const auto before, server::schema_versions(folder));
  const std::string backup =
      files::join(server::backups_of(folder),
                  std::string(server::kUpgradePrefix) + server::stamp(base::system_now()));
  TRY_VOID(server::back_up(folder, backup, {false, false}, base::system_now()));
  // Opening the folder is what migrates it; a newer schema is refused by name, and nothing changes.
  TRY_VOID(open_control(folder));
  TRY(const auto after, server::schema_versions(folder));
  if (options.json()) {
    print_json(json::Object{
        {"backup", backup}, {"before", versions_json(before)}, {"after", versions_json(after)}});
    return {};
  }
  for (size_t i = 0; i < after.size(); ++i) {
    const int64_t old = i < before.size() ? before[i].version : 0;
    std::printf("%-14s %lld -> %lld\n", after[i].database.c_str(), static_cast<long long>(old),
                static_cast<long long>(after[i].version));
  }
  std::fprintf(stderr, "`charter rollback` goes back to %s\n", backup.c_str());
  return {};
}

}  // namespace

extern const Command kUpgradeCommand;
const Command kUpgradeCommand = {
    "upgrade", "backs up, then brings the databases to this program's schema",
    "usage: charter upgrade [--data DIR]\n\n"
    "The server must be stopped. A backup of the databases, the charter and the log goes to "
    "DATA/backups first. A database\n"
    "that a newer Charter wrote is refused.\n",
    run_upgrade};

}  // namespace cli
