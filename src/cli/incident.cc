// `charter incident`: what happened, and what was done about it.
#include "cli/act.h"

namespace cli {
namespace {

const std::string kHelp =
    R"(usage: charter incident --cause TEXT --remedy TEXT [--as NAME] [--key FILE] [--out FILE] [--data DIR]

Closes every stop and every alarm that is open. Without it nothing that was halted is resumed.

  --cause TEXT   what happened
  --remedy TEXT  what was done about it

)" + std::string(kActHelp) +
    R"(
exit codes: 0 done, 69 refused: NOT_SEATED, SIGNER_MISSING, ...
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("incident");
  const std::string& cause = options.text("--cause", "");
  const std::string& remedy = options.text("--remedy", "");
  const ActOptions act(&options);
  TRY_VOID(options.parse(arguments));
  TRY(journal::House house, act.open());
  return finish_act(&house,
                    journal::draft_incident(house, act.signer(), cause, remedy, base::system_now()),
                    act, "");
}

}  // namespace

extern const Command kIncidentCommand;
const Command kIncidentCommand = {"incident", "logs what happened, which closes stops and alarms",
                                  kHelp, run};

}  // namespace cli
