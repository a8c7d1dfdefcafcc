// `charter propose`: evidence, the gate's verdict and a proposal to release a model go into the
// log.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "journal/charter_house.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter propose --model DIR --evidence PATH... [--channel NAME] [--as NAME] [--key FILE] [--data DIR]

Signs the judge's evidence, has the charter's gate look at it, and proposes that CHANNEL serves the model. The model is
copied, so that later changes to DIR change nothing. Prints the proposal's digest, which is what is voted on: other
weights, other evidence or another channel give another digest.

  --model DIR         the model's folder
  --evidence PATH     a statement that `charter judge` wrote, or a folder of them; may come several times
  --channel NAME      the model's public name, chat unless told
  --name NAME         what the model is called, the folder's name unless told
  --as NAME           who proposes; may be left out when one person decides
  --key FILE          that person's private key, unless DIR/charter/keys has it
  --attester NAME     who signs the evidence (a service with the role judge, when the charter has one)
  --attester-key FILE its private key
  --data DIR          the data folder

exit codes: 0 proposed, 65 the model or the evidence is not what it says, 69 refused by the charter
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("propose");
  const std::string& model = options.text("--model", "");
  const std::vector<std::string>& evidence = options.list("--evidence");
  const std::string& channel = options.text("--channel", "chat");
  const std::string& name = options.text("--name", "");
  const std::string& as = options.text("--as", "");
  const std::string& key = options.text("--key", "");
  const std::string& attester = options.text("--attester", "");
  const std::string& attester_key = options.text("--attester-key", "");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  if (model.empty())
    return base::fail(base::Code::InvalidArgument, "name the model's folder with --model DIR",
                      "--model");
  TRY(journal::House house, journal::House::open(data_folder(data)));
  TRY(const auto proposed,
      journal::propose(&house, {model, channel, name, evidence, as, key, attester, attester_key},
                       base::system_now()));
  const std::string digest = crypto::hex(proposed.proposal);
  if (options.json()) {
    print_json(json::Object{{"proposal", digest},
                            {"manifest_digest", crypto::hex(proposed.manifest_digest)},
                            {"channel", proposed.channel},
                            {"epoch", static_cast<int64_t>(proposed.epoch)},
                            {"leaf", static_cast<int64_t>(proposed.leaf)}});
  } else {
    std::fprintf(stderr, "proposed: channel %s serves manifest %s as epoch %lu\n",
                 proposed.channel.c_str(), crypto::hex(proposed.manifest_digest).c_str(),
                 static_cast<unsigned long>(proposed.epoch));
    std::printf("%s\n", digest.c_str());
  }
  return {};
}

}  // namespace

extern const Command kProposeCommand;
const Command kProposeCommand = {
    "propose", "propose that a channel serves a model, with its evidence", kHelp, run};

}  // namespace cli
