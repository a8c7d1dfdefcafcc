// The table of commands, and how main finds one. The list is made by CMake from the files of this
// folder: a command named `train` is the file train.cc, which defines `const Command
// kTrainCommand`.
#pragma once

#include "cli/command.h"

namespace cli {

const Command* find_command(std::string_view name);  // null when there is none

// What `charter help` prints: every command with its line.
std::string overview();
// The page of one command, as `charter help NAME` and `charter NAME --help` print it.
std::string help_page(const Command& command);

extern const Command kHelpCommand;
extern const Command kVersionCommand;

}  // namespace cli
