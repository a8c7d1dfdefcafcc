// A command of the program: its name, a line of help, and what it does. Each command is one file of
// this folder that defines a `const Command k<Name>Command`; cli/commands.cc lists them. A command
// parses and validates its arguments into a value, then calls the floors below; the answer goes to
// standard output (with --json: one JSON value or JSON lines), progress and messages go to standard
// error.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cli {

struct Command {
  std::string_view name;     // "train"
  std::string_view summary;  // one line for `charter help`
  std::string_view help;  // the page for `charter help NAME`: usage, options, examples, exit codes
  // The arguments after the command's name. A failure is printed and turned into a sysexits code by
  // main.
  base::Status (*run)(std::span<const std::string> arguments);
};

std::span<const Command* const> commands();

// Options of one command, parsed strictly: an unknown option, a missing value or a number out of
// range is an InvalidArgument that names the option and `charter help NAME`.
//   Options options("train");
//   auto& out = options.text("--out", "runs/new");   auto& steps = options.integer("--steps", 1000,
//   1, 1'000'000); TRY_VOID(options.parse(arguments));               // also reads --json and
//   --help everywhere
class Options {
 public:
  explicit Options(std::string_view command);
  ~Options();
  Options(const Options&) = delete;

  std::string& text(std::string_view name, std::string default_value);
  int64_t& integer(std::string_view name, int64_t default_value, int64_t min, int64_t max);
  double& real(std::string_view name, double default_value, double min, double max);
  bool& flag(std::string_view name);
  std::vector<std::string>& list(std::string_view name);    // an option that may come several times
  std::string& positional(std::string_view name);           // required, in order
  std::string& optional_positional(std::string_view name);  // after the required ones
  std::vector<std::string>& rest(std::string_view name);    // all that follow

  base::Status parse(std::span<const std::string> arguments);
  bool given(std::string_view name) const;
  bool json() const;  // --json

 private:
  struct State;
  State* state_;
};

}  // namespace cli
