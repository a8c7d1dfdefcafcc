// charter backup: a data folder copied while its server runs.
#include <cstdio>

#include "base/time.h"
#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

base::Status run_backup(std::span<const std::string> arguments) {
  Options options("backup");
  const auto& to = options.positional("FOLDER");
  const auto& data = options.text("--data", "");
  const bool& no_models = options.flag("--no-models");
  const bool& no_blobs = options.flag("--no-files");
  const bool& verify = options.flag("--verify");
  TRY_VOID(options.parse(arguments));
  if (verify) {
    TRY(const server::Backup backup, server::verify_backup(to));
    print_backup(backup, to, options.json(), "verified");
    return {};
  }
  TRY(const server::Backup backup,
      server::back_up(data_folder(data), to, {!no_models, !no_blobs}, base::system_now()));
  print_backup(backup, to, options.json(), "backed up");
  if (!options.json())
    std::fputs(
        "secrets.key is not in it: keep a copy of that file somewhere else. Without it, API keys "
        "and sealed secrets of this backup are void.\n",
        stderr);
  return {};
}

}  // namespace

extern const Command kBackupCommand;
const Command kBackupCommand = {
    "backup", "copies a data folder, also while its server runs",
    "usage: charter backup FOLDER [--data DIR] [--no-models] [--no-files]\n"
    "       charter backup FOLDER --verify\n\n"
    "Writes every database (by SQLite's own backup), the charter with its keys, the log, uploaded "
    "files and models into\n"
    "FOLDER, which must be new or empty, and a manifest with the SHA-256 of each file. secrets.key "
    "is never in it: keep a\n"
    "copy of it somewhere else. --verify reads a backup again, byte by byte, and lets SQLite check "
    "its databases.\n",
    run_backup};

}  // namespace cli
