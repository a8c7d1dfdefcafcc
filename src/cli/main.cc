// The program: finds the command, runs it, prints its failure, and returns a sysexits code.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit.h"

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty()) arguments = {"help"};
  if (arguments[0] == "--help" || arguments[0] == "-h") arguments[0] = "help";
  if (arguments[0] == "--version") arguments[0] = "version";

  const cli::Command* command = cli::find_command(arguments[0]);
  if (command == nullptr) {
    std::fprintf(stderr, "charter: there is no command \"%s\"; see `charter help`\n",
                 arguments[0].c_str());
    return cli::exit_code(base::Code::InvalidArgument);
  }
  arguments.erase(arguments.begin());
  const auto options_end = std::find(arguments.begin(), arguments.end(), "--");
  if (std::find(arguments.begin(), options_end, "--help") != options_end) {
    std::fputs(cli::help_page(*command).c_str(), stdout);
    return 0;
  }
  const base::Status status = command->run(arguments);
  if (std::fflush(stdout) != 0 && status) {
    std::fputs("charter: standard output could not be written\n", stderr);
    return cli::exit_code(base::Code::Io);
  }
  if (status) return 0;
  // The sentence is for people, the name in brackets for scripts.
  const base::Error& error = status.error();
  const std::string name = error.reason.empty() ? "" : " [" + error.reason + "]";
  std::fprintf(stderr, "charter %s: %s%s\n", std::string(command->name).c_str(),
               error.text().c_str(), name.c_str());
  return cli::exit_code(error);
}
