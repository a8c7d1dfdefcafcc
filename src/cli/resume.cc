// `charter resume`: two bodies put a halted release back, one stage below.
#include "cli/act.h"

namespace cli {
namespace {

const std::string kHelp =
    R"(usage: charter resume CHANNEL [--as NAME] [--key FILE] [--out FILE] [--data DIR]

Puts the channel's halted release back, one stage below the one it was halted at. Two persons of two bodies sign (one
writes --out FILE, the other runs `charter sign FILE`), after an incident that closes what halted it was logged.

)" + std::string(kActHelp) +
    R"(
exit codes: 0 done, 69 refused: TWO_MAN, INCIDENT_MISSING, ALARM_OPEN, ROLLBACK, ...
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("resume");
  const std::string& channel = options.positional("CHANNEL");
  const ActOptions act(&options);
  TRY_VOID(options.parse(arguments));
  TRY(journal::House house, act.open());
  return finish_act(&house, journal::draft_resume(house, act.signer(), channel, base::system_now()),
                    act, channel);
}

}  // namespace

extern const Command kResumeCommand;
const Command kResumeCommand = {"resume", "puts a halted release back, by two bodies", kHelp, run};

}  // namespace cli
