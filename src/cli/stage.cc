// `charter stage`: the share of the traffic that a release has.
#include "cli/act.h"
#include "govern/checkpoint.h"

namespace cli {
namespace {

const std::string kHelp =
    R"(usage: charter stage CHANNEL --share PERCENT [--reading TEXT]... | CHANNEL --rollback [--to MANIFEST] [--as NAME] [--key FILE] [--out FILE] [--data DIR]

Raises the channel's newest release by one stage of the charter, or lowers it. A raise needs, of every monitor of the
charter, a reading that a monitor's service signs too; above 25 % two persons of two bodies sign, neither of them who
proposed the release. --rollback gives all of the traffic back to an earlier release.

  --share PERCENT  the new share
  --reading TEXT   what a monitor counted in this stage: ID:EXPOSURES:EVENTS:TIME, such as
                   harm.rate:1148:0:2026-11-21T12:00:00Z
  --to MANIFEST    which release to go back to; the last one unless told

)" + std::string(kActHelp) +
    R"(
exit codes: 0 done, 69 refused: NOT_PROMOTABLE, TWO_MAN, ALARM_OPEN, ROLLBACK, ...
)";

// "harm.rate:1148:0:2026-11-21T12:00:00Z".
base::Result<govern::Reading> read_reading(const std::string& text) {
  const size_t first = text.find(':');
  const size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
  const size_t third = second == text.npos ? text.npos : text.find(':', second + 1);
  if (third == text.npos)
    return base::fail(base::Code::InvalidArgument, "a reading is ID:EXPOSURES:EVENTS:TIME", text);
  govern::Reading reading;
  reading.monitor = text.substr(0, first);
  TRY(reading.exposures, govern::parse_decimal(text.substr(first + 1, second - first - 1)));
  TRY(reading.events, govern::parse_decimal(text.substr(second + 1, third - second - 1)));
  TRY(reading.latest, base::parse_rfc3339(text.substr(third + 1)));
  return reading;
}

base::Status run(std::span<const std::string> arguments) {
  Options options("stage");
  const std::string& channel = options.positional("CHANNEL");
  const int64_t& share = options.integer("--share", -1, -1, 100);
  const std::vector<std::string>& texts = options.list("--reading");
  const bool& rollback = options.flag("--rollback");
  const std::string& to = options.text("--to", "");
  const ActOptions act(&options);
  TRY_VOID(options.parse(arguments));
  if (rollback == (share >= 0))
    return base::fail(base::Code::InvalidArgument, "give either --share or --rollback");
  TRY(journal::House house, act.open());
  if (rollback)
    return finish_act(&house,
                      journal::draft_rollback(house, act.signer(), channel, to, base::system_now()),
                      act, channel);
  journal::StageOptions stage{channel, static_cast<uint64_t>(share), {}};
  for (const std::string& text : texts) {
    TRY(govern::Reading reading, read_reading(text));
    stage.readings.push_back(std::move(reading));
  }
  return finish_act(&house, journal::draft_stage(house, act.signer(), stage, base::system_now()),
                    act, channel);
}

}  // namespace

extern const Command kStageCommand;
const Command kStageCommand = {"stage", "sets the share of traffic that a release has", kHelp, run};

}  // namespace cli
