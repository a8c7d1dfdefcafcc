// charter restore: a data folder made from a backup.
#include <cstdio>

#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

base::Status run_restore(std::span<const std::string> arguments) {
  Options options("restore");
  const auto& from = options.positional("FOLDER");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  const std::string folder = data_folder(data);
  TRY(const server::Backup backup, server::restore(from, folder));
  print_backup(backup, folder, options.json(), "restored");
  if (!options.json())
    std::fputs("put secrets.key back into this folder (mode 0600) before the server starts\n",
               stderr);
  return {};
}

}  // namespace

extern const Command kRestoreCommand;
const Command kRestoreCommand = {
    "restore", "makes a data folder from a backup",
    "usage: charter restore FOLDER [--data DIR]\n\n"
    "Verifies the backup in FOLDER first, and refuses a data folder that is not empty (a lone "
    "secrets.key may be there).\n"
    "A restore that is cut short leaves the data folder as it was.\n",
    run_restore};

}  // namespace cli
