// `charter revoke`: a model is served never again, under no name.
#include "cli/act.h"

namespace cli {
namespace {

const std::string kHelp =
    R"(usage: charter revoke MANIFEST --reason TEXT [--as NAME] [--key FILE] [--out FILE] [--data DIR]

MANIFEST is the digest of the model's manifest, or enough of its beginning. Any one holder of the power to stop signs.
There is no way back: a revoked model has to become another one.

  --reason TEXT  why; it is logged for all to read

)" + std::string(kActHelp) +
    R"(
exit codes: 0 done, 69 refused: NO_POWER, SIGNER_MISSING, ...
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("revoke");
  const std::string& manifest = options.positional("MANIFEST");
  const std::string& reason = options.text("--reason", "");
  const ActOptions act(&options);
  TRY_VOID(options.parse(arguments));
  TRY(journal::House house, act.open());
  return finish_act(
      &house, journal::draft_revoke(house, act.signer(), manifest, reason, base::system_now()), act,
      "");
}

}  // namespace

extern const Command kRevokeCommand;
const Command kRevokeCommand = {"revoke", "takes a model out of service for ever", kHelp, run};

}  // namespace cli
