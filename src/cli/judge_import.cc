// `charter judge import`: a public evaluation set as a pinned suite.
#include <cstdio>

#include "cli/command.h"
#include "cli/judge_commands.h"
#include "files/files.h"
#include "judge/import.h"
#include "judge/suite.h"

namespace cli {

base::Status judge_import(std::span<const std::string> arguments) {
  Options options("judge");
  const std::string& format = options.positional("FORMAT");
  const std::string& path = options.positional("PATH");
  const std::string& out = options.positional("DIR");
  TRY_VOID(options.parse(arguments));
  if (format == "lm-eval" || format == "inspect") return judge_import_results(format, path, out);
  TRY(const std::string bytes, files::read_file(path, uint64_t{1} << 30));
  TRY(const judge::ImportedSuite made, judge::import_suite(format, bytes, files::base_name(out)));
  if (files::exists(files::join(out, "suite.json")))
    return base::fail(base::Code::AlreadyExists, "there is a suite in this folder; name a new one",
                      out);
  TRY_VOID(files::make_directories(out));
  TRY_VOID(files::write_atomic(files::join(out, "cases.jsonl"), made.cases));
  TRY_VOID(files::write_atomic(files::join(out, "suite.json"), made.definition));
  TRY(const judge::Suite suite, judge::load_suite(out));
  std::printf("%s: %zu cases, root %s\n", suite.name.c_str(), suite.cases.size(),
              crypto::hex(suite.root).c_str());
  return {};
}

}  // namespace cli
