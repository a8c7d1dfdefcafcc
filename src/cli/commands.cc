#include "cli/commands.h"

#include <algorithm>
#include <array>

namespace cli {

#define COMMAND(name) extern const Command name;
#include "cli/command_list.inc"
#undef COMMAND

namespace {

#define COMMAND(name) &name,
constexpr const Command* kCommands[] = {
#include "cli/command_list.inc"
};
#undef COMMAND

}  // namespace

std::span<const Command* const> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  for (const Command* command : kCommands) {
    if (command->name == name) return command;
  }
  return nullptr;
}

std::string overview() {
  std::string out =
      "Charter: a self-hosted AI lab and platform.\n\n"
      "usage: charter COMMAND [OPTIONS]\n\n";
  size_t width = 0;
  for (const Command* command : kCommands) width = std::max(width, command->name.size());
  for (const Command* command : kCommands) {
    out += "  " + std::string(command->name) + std::string(width - command->name.size() + 2, ' ');
    out += std::string(command->summary) + '\n';
  }
  out +=
      "\n`charter help COMMAND` says more. Every command takes --json for one JSON value on "
      "standard output;\n"
      "messages go to standard error, and a failure ends with a code of sysexits.h.\n";
  return out;
}

std::string help_page(const Command& command) {
  std::string out =
      "charter " + std::string(command.name) + ": " + std::string(command.summary) + "\n\n";
  out += command.help;
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

}  // namespace cli
