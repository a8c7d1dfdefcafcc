// `charter stop`: one key takes a release out of the traffic.
#include "cli/act.h"

namespace cli {
namespace {

const std::string kHelp =
    R"(usage: charter stop [CHANNEL] [--all] --reason TEXT [--as NAME] [--key FILE] [--out FILE] [--data DIR]

Takes the newest release of the channel out of the traffic; the last good one answers instead, under the channel's next
epoch. With --all nothing of this house is served. Any one holder of the power to stop signs, at any time; a running
server follows within a second. `charter incident` and `charter resume` lead back.

  --all          every channel, and nothing takes their place
  --reason TEXT  why; it is logged for all to read

)" + std::string(kActHelp) +
    R"(
exit codes: 0 done, 69 refused: NO_POWER, SIGNER_MISSING, ...
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("stop");
  const std::string& channel = options.optional_positional("CHANNEL");
  const bool& all = options.flag("--all");
  const std::string& reason = options.text("--reason", "");
  const ActOptions act(&options);
  TRY_VOID(options.parse(arguments));
  if (channel.empty() != all || reason.empty())
    return base::fail(base::Code::InvalidArgument,
                      "name a channel or say --all, and give a --reason");
  TRY(journal::House house, act.open());
  const std::string scope = all ? std::string(govern::kAllChannels) : channel;
  return finish_act(&house,
                    journal::draft_stop(house, act.signer(), scope, reason, base::system_now()),
                    act, all ? "" : channel);
}

}  // namespace

extern const Command kStopCommand;
const Command kStopCommand = {"stop", "stops a release, or everything, with one key", kHelp, run};

}  // namespace cli
