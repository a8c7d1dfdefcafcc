// `charter vote`: one person's ballot on a proposal.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "journal/charter_house.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter vote [PROPOSAL] --for | --against | --abstain [--as NAME] [--key FILE] [--body NAME] [--data DIR]

Signs a ballot and logs it. A ballot is final. PROPOSAL is the digest that `charter propose` printed or the beginning of
it; it may be left out when one proposal is open.

  --as NAME     who votes; may be left out when one person decides
  --key FILE    that person's private key, unless DIR/charter/keys has it
  --body NAME   for a person with several seats: this one only
  --data DIR    the data folder

exit codes: 0 logged, 64 wrong usage, 66 no such proposal, 69 refused by the charter
)";

base::Result<govern::Vote> vote_of(bool in_favour, bool against, bool abstain) {
  if (in_favour + against + abstain != 1)
    return base::fail(base::Code::InvalidArgument,
                      "vote with exactly one of --for, --against and --abstain");
  return in_favour ? govern::Vote::For : against ? govern::Vote::Against : govern::Vote::Abstain;
}

base::Status run(std::span<const std::string> arguments) {
  Options options("vote");
  const std::string& proposal = options.optional_positional("PROPOSAL");
  const bool& in_favour = options.flag("--for");
  const bool& against = options.flag("--against");
  const bool& abstain = options.flag("--abstain");
  const std::string& as = options.text("--as", "");
  const std::string& key = options.text("--key", "");
  const std::string& body = options.text("--body", "");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const govern::Vote ballot, vote_of(in_favour, against, abstain));
  TRY(journal::House house, journal::House::open(data_folder(data)));
  TRY(const crypto::Digest digest, journal::find_proposal(house, proposal));
  TRY(const auto voted, journal::vote(&house, {digest, as, key, body, ballot}, base::system_now()));
  if (options.json()) {
    json::Array bodies;
    for (const std::string& name : voted.bodies) bodies.emplace_back(name);
    print_json(json::Object{{"proposal", crypto::hex(digest)},
                            {"vote", govern::vote_name(ballot)},
                            {"bodies", std::move(bodies)},
                            {"would_pass", voted.outcome.passed},
                            {"results", govern::outcome_to_json(voted.outcome)}});
  } else {
    std::printf("%s: %s\n", voted.outcome.passed ? "enough to pass" : "not enough to pass yet",
                govern::describe(voted.outcome).c_str());
  }
  return {};
}

}  // namespace

extern const Command kVoteCommand;
const Command kVoteCommand = {"vote", "sign a ballot on a proposal", kHelp, run};

}  // namespace cli
