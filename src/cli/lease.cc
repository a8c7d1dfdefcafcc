// `charter lease`: a node may go on serving, for as long as the charter says.
#include "cli/act.h"

namespace cli {
namespace {

const std::string kHelp =
    R"(usage: charter lease CHANNEL [--as NAME] [--key FILE] [--out FILE] [--data DIR]

The service with the role timestamp says that this is the channel's state; nodes serve it until the lease ends and then
stop by themselves. Run it on a timer, more often than the charter's lease_ttl.

)" + std::string(kActHelp) +
    R"(
exit codes: 0 done, 69 refused: NO_POWER, LEASE_EXPIRED, ...
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("lease");
  const std::string& channel = options.positional("CHANNEL");
  const ActOptions act(&options);
  TRY_VOID(options.parse(arguments));
  TRY(journal::House house, act.open());
  return finish_act(&house, journal::draft_lease(house, act.signer(), channel, base::system_now()),
                    act, channel);
}

}  // namespace

extern const Command kLeaseCommand;
const Command kLeaseCommand = {"lease", "lets nodes go on serving a channel for a while", kHelp,
                               run};

}  // namespace cli
