// charter rollback: back to what an upgrade found.
#include <cstdio>

#include "base/time.h"
#include "cli/house_options.h"
#include "cli/operate.h"
#include "files/files.h"

namespace cli {
namespace {

using base::Code;

base::Status run_rollback(std::span<const std::string> arguments) {
  Options options("rollback");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  const std::string folder = data_folder(data);
  TRY_VOID(check_stopped(folder));
  std::string newest;
  if (files::is_directory(server::backups_of(folder))) {
    TRY(const std::vector<std::string> names, files::list_directories(server::backups_of(folder)));
    for (const std::string& name : names)
      if (name.starts_with(server::kUpgradePrefix)) newest = name;
  }
  if (newest.empty())
    return base::fail(Code::NotFound, "there is no backup of an upgrade to go back to",
                      server::backups_of(folder), "NO_BACKUP");
  const std::string from = files::join(server::backups_of(folder), newest);
  const std::string aside =
      files::join(server::backups_of(folder), "rolled-back-" + server::stamp(base::system_now()));
  TRY(const server::Backup backup, server::roll_back(from, folder, aside));
  if (options.json())
    print_json(json::Object{{"backup", from},
                            {"made_by", backup.version},
                            {"created", base::rfc3339(backup.created)},
                            {"aside", aside}});
  else
    std::printf("%s is as it was at %s, before the upgrade; start Charter %s on it\n",
                folder.c_str(), base::rfc3339(backup.created).c_str(), backup.version.c_str());
  return {};
}

}  // namespace

extern const Command kRollbackCommand;
const Command kRollbackCommand = {
    "rollback", "goes back to the backup of the last upgrade",
    "usage: charter rollback [--data DIR]\n\n"
    "The server must be stopped. The backup is verified first; what stands in the folder is kept "
    "in DATA/backups. What was\n"
    "written since the upgrade is in there, and not in the folder any more.\n",
    run_rollback};

}  // namespace cli
