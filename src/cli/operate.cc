#include "cli/operate.h"

#include <cstdio>

#include "base/time.h"
#include "cli/house_options.h"
#include "files/files.h"

namespace cli {

base::Result<std::unique_ptr<server::Control>> open_control(const std::string& data) {
  static const base::SystemClock clock;
  return server::Control::open(data_folder(data), clock);
}

base::Status print_items(const base::Result<json::Array>& items, bool as_json,
                         const std::function<std::string(const json::Value&)>& line) {
  if (!items) return std::unexpected(items.error());
  for (const json::Value& item : *items) {
    if (as_json)
      print_json(item);
    else
      std::puts(line(item).c_str());
  }
  return {};
}

std::string shown(const json::Value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.as_string().empty() ? "-" : value.as_string();
  return json::dump(value);
}

std::string shown_time(const json::Value& seconds) {
  return seconds.is_int() ? base::rfc3339({seconds.as_int() * 1'000'000'000}) : "-";
}

std::string escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

base::Status run_action(std::string_view command, std::span<const Action> actions,
                        std::span<const std::string> arguments) {
  std::string all;
  for (const Action& action : actions) {
    if (!arguments.empty() && arguments[0] == action.name) return action.run(arguments.subspan(1));
    all.append(all.empty() ? "" : ", ").append(action.name);
  }
  const std::string see = "; see `charter help " + std::string(command) + "`";
  if (arguments.empty())
    return base::fail(base::Code::InvalidArgument, "say what to do: " + all + see);
  return base::fail(base::Code::InvalidArgument, "there is no such action; there are " + all + see,
                    arguments[0]);
}

void print_backup(const server::Backup& backup, const std::string& where, bool as_json,
                  const char* done) {
  if (as_json)
    return print_json(json::Object{{"directory", where},
                                   {"created", base::rfc3339(backup.created)},
                                   {"version", backup.version},
                                   {"files", static_cast<int64_t>(backup.files.size())},
                                   {"bytes", static_cast<int64_t>(backup.bytes())}});
  std::printf("%s: %zu files, %llu bytes %s\n", where.c_str(), backup.files.size(),
              static_cast<unsigned long long>(backup.bytes()), done);
}

// Whether a server answers, without opening a database that this program would then migrate.
base::Status check_stopped(const std::string& folder) {
  if (!files::exists(files::join(folder, "identity.db")))
    return base::fail(base::Code::NotFound, "there is no data folder of Charter here", folder,
                      "NO_DATA_FOLDER");
  TRY(const std::vector<std::string> names, files::list_files(folder));
  for (const std::string& name : names) {
    if (!name.ends_with(".db.lock")) continue;
    const auto lock = files::LockFile::acquire(files::join(folder, name));
    if (!lock)
      return base::fail(base::Code::FailedPrecondition,
                        "a program has this data folder open; stop `charter serve` first (SIGTERM "
                        "lets it finish its answers)",
                        folder, "SERVER_RUNS");
  }
  return {};
}

}  // namespace cli
