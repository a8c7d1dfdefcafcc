// `charter release`: counts the ballots, certifies the release, and puts the model in place.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "journal/charter_house.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter release [PROPOSAL] [--as NAME] [--key FILE] [--data DIR]

Logs the tally and, once the timelock is over, the release certificate; then DIR/models/CHANNEL holds the model with
release/bundle.json, from which anyone verifies the release offline (`charter verify`). Running it again continues where
it stopped. `charter serve` serves the new release when it starts.

  --as NAME    who closes the vote and signs; may be left out when one person decides
  --key FILE   that person's private key, unless DIR/charter/keys has it
  --data DIR   the data folder

exit codes: 0 released, 66 no such proposal, 69 refused: THRESHOLD_UNMET, NOTICE_PENDING, TIMELOCK_PENDING, EXPIRED, ...
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("release");
  const std::string& proposal = options.optional_positional("PROPOSAL");
  const std::string& as = options.text("--as", "");
  const std::string& key = options.text("--key", "");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(journal::House house, journal::House::open(data_folder(data)));
  TRY(const crypto::Digest digest, journal::find_proposal(house, proposal));
  TRY(const auto released, journal::release(&house, {digest, as, key}, base::system_now()));
  const bool one_person = house.charter().one_person_decides();
  if (options.json()) {
    print_json(json::Object{{"channel", released.channel},
                            {"model", released.model},
                            {"epoch", static_cast<int64_t>(released.epoch)},
                            {"leaf", static_cast<int64_t>(released.leaf)},
                            {"directory", released.directory},
                            {"one_person_decides", one_person},
                            {"results", govern::outcome_to_json(released.outcome)}});
  } else {
    std::printf("%s: %s, epoch %lu (%s%s)\n", released.directory.c_str(), released.model.c_str(),
                static_cast<unsigned long>(released.epoch),
                govern::describe(released.outcome).c_str(),
                one_person ? "; one person decides" : "");
  }
  return {};
}

}  // namespace

extern const Command kReleaseCommand;
const Command kReleaseCommand = {"release", "count the ballots and release the model", kHelp, run};

}  // namespace cli
