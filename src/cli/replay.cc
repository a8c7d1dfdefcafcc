// `charter replay`: a history under two charters; what each of them would have refused, when and
// why.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "files/files.h"
#include "govern/scenario.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter replay SCENARIO [--charter FILE]... [--svg FILE] [--table] [--json]

Replays a history, such as scenarios/november.toml, under each of the charters that it names. Every event becomes a
statement, signed with keys that follow from the scenario's seed, and goes through the same function as a house's own
log: what is refused is refused by the charter, not by the scenario.

  --charter FILE  replay under this charter instead; may be given up to four times
  --svg FILE      write the picture of it
  --table         print a table in Markdown

exit codes: 0 replayed, 65 the scenario or a charter cannot be read, 66 a file is not there
)";

constexpr size_t kBytesMax = 1u << 20;

std::vector<govern::ScenarioCharter> charters_of(const govern::Scenario& scenario,
                                                 const std::string& folder,
                                                 const std::vector<std::string>& given) {
  std::vector<govern::ScenarioCharter> out;
  for (const std::string& file : given) out.push_back({files::base_name(file), file, {}});
  if (!out.empty()) return out;
  for (govern::ScenarioCharter charter : scenario.charters) {
    charter.file = files::join(folder, charter.file);
    out.push_back(std::move(charter));
  }
  return out;
}

void print_replays(const govern::Scenario& scenario, const std::vector<govern::Replay>& replays) {
  std::printf("%s\n", scenario.title.c_str());
  for (size_t i = 0; i < scenario.events.size(); ++i) {
    const govern::ScenarioEvent& event = scenario.events[i];
    std::printf("\n%5ld h %02ld  %s\n", static_cast<long>(event.at.ns / 3'600'000'000'000),
                static_cast<long>(event.at.ns / 60'000'000'000 % 60), event.words.c_str());
    if (event.act == govern::ScenarioAct::Note) continue;
    for (const govern::Replay& replay : replays) {
      const govern::ReplayedEvent& answer = replay.events[i];
      const bool refused = answer.answer == govern::ReplayedEvent::Answer::Refused;
      std::printf("            %-22s %s\n", replay.charter_name.c_str(),
                  refused ? (answer.reason + ": " + answer.message).c_str() : "accepted");
    }
  }
}

base::Status run(std::span<const std::string> arguments) {
  Options options("replay");
  const std::string& path = options.positional("SCENARIO");
  const std::vector<std::string>& given = options.list("--charter");
  const std::string& svg = options.text("--svg", "");
  const bool& table = options.flag("--table");
  TRY_VOID(options.parse(arguments));
  TRY(const std::string text, files::read_file(path, kBytesMax));
  TRY(const govern::Scenario scenario, govern::parse_scenario(text, path));
  std::vector<govern::Replay> replays;
  for (const govern::ScenarioCharter& charter : charters_of(scenario, files::parent(path), given)) {
    TRY(const std::string charter_text, files::read_file(charter.file, kBytesMax));
    TRY(govern::Replay replay, govern::replay_scenario(scenario, charter, charter_text));
    replays.push_back(std::move(replay));
  }
  if (!svg.empty()) TRY_VOID(files::write_atomic(svg, govern::replays_to_svg(scenario, replays)));
  if (options.json())
    print_json(govern::replays_to_json(scenario, replays));
  else if (table)
    std::fputs(govern::replays_to_table(scenario, replays).c_str(), stdout);
  else
    print_replays(scenario, replays);
  return {};
}

}  // namespace

extern const Command kReplayCommand;
const Command kReplayCommand = {"replay", "replay a history under two charters", kHelp, run};

}  // namespace cli
