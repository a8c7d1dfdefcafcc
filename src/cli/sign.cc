// `charter sign`: adds a signature to a statement that others signed, and logs it.
#include <cstdio>

#include "cli/act.h"
#include "files/files.h"

namespace cli {
namespace {

const std::string kHelp =
    R"(usage: charter sign FILE [--only-log] [--as NAME] [--key FILE] [--out FILE] [--data DIR]

FILE holds a statement that another command wrote with --out. Shows what it says, adds a signature, and logs it; with
--out the signed statement goes to a file, for one more to sign.

  --only-log   logs the statement with the signatures that it has

)" + std::string(kActHelp) +
    R"(
exit codes: 0 done, 65 not a statement, 69 refused: TWO_MAN, SIGNER_MISSING, ROLLBACK, ...
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("sign");
  const std::string& file = options.positional("FILE");
  const bool& only_log = options.flag("--only-log");
  const ActOptions act(&options);
  TRY_VOID(options.parse(arguments));
  TRY(const std::string text, files::read_file(file, 1u << 20));
  TRY(govern::Envelope envelope, govern::parse_envelope(text));
  TRY(journal::House house, act.open());
  std::fprintf(stderr, "%s\n", envelope.payload.c_str());
  if (!only_log) TRY_VOID(journal::countersign(house, &envelope, act.signer()));
  return finish_act(&house, journal::read_draft(std::move(envelope)), act, "");
}

}  // namespace

extern const Command kSignCommand;
const Command kSignCommand = {"sign", "signs a statement that others have begun", kHelp, run};

}  // namespace cli
