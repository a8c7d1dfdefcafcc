// charter help, charter version: what the program can do, and which one it is.
#include <cstdio>

#include "cli/commands.h"
#include "json/json.h"

namespace cli {
namespace {

json::Value overview_json() {
  json::Array list;
  for (const Command* command : commands()) {
    list.push_back(json::Object{{"name", command->name}, {"summary", command->summary}});
  }
  return json::Object{{"commands", std::move(list)}};
}

base::Status run_help(std::span<const std::string> arguments) {
  Options options("help");
  const std::string& name = options.optional_positional("COMMAND");
  TRY_VOID(options.parse(arguments));
  if (name.empty()) {
    std::puts(options.json() ? json::dump(overview_json()).c_str() : overview().c_str());
    return {};
  }
  const Command* command = find_command(name);
  if (command == nullptr) {
    return base::fail(base::Code::InvalidArgument, "there is no such command; see `charter help`",
                      name);
  }
  if (options.json()) {
    const json::Value page = json::Object{
        {"name", command->name}, {"summary", command->summary}, {"help", command->help}};
    std::puts(json::dump(page).c_str());
  } else {
    std::fputs(help_page(*command).c_str(), stdout);
  }
  return {};
}

base::Status run_version(std::span<const std::string> arguments) {
  Options options("version");
  TRY_VOID(options.parse(arguments));
  if (options.json()) {
    std::puts(json::dump(json::Object{{"version", CHARTER_VERSION}}).c_str());
  } else {
    std::puts("charter " CHARTER_VERSION);
  }
  return {};
}

}  // namespace

const Command kHelpCommand = {"help", "says what the commands do",
                              "usage: charter help [COMMAND]\n", run_help};
const Command kVersionCommand = {"version", "prints the version",
                                 "usage: charter version [--json]\n", run_version};

}  // namespace cli
