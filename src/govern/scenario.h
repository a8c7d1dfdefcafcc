// A scenario: a history with roles instead of names, and the charters under which it is replayed.
// Nothing in it says how it ends; every event becomes a signed statement, and apply() answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "govern/statements.h"

namespace govern {

struct ScenarioRole {
  std::string id;    // "chair"
  std::string name;  // "chair of the board"
};

struct ScenarioCharter {
  std::string name;  // "as it was"
  std::string file;  // charter.toml, beside the scenario; "<VKEY name>" where a key stands
  std::map<std::string, std::string> cast;  // role → person; a role without one plays "p.<role>"
};

enum class ScenarioAct : unsigned char {
  Note,     // happened, and asks nothing of a charter
  Propose,  // an action, under a name that later events use
  Vote,
  Tell,   // persons are told of a proposal
  Tally,  // the ballots are counted and the vote closed
  Enact,  // what passed takes effect
  Veto,
  Petition,
  Judge,    // results of a suite on a model
  Verdict,  // the gate's, on what was judged
  Stop,
};
std::string_view scenario_act_name(ScenarioAct act);

struct ScenarioEvent {
  base::Duration at;  // since the start
  std::string who;    // a role
  ScenarioAct act = ScenarioAct::Note;
  std::string words;  // what happened, for people

  std::string what;                   // the proposal's name in the scenario
  std::string action, subject, body;  // of a proposal; the subject is a role
  std::string text;                   // of a motion
  Vote vote = Vote::For;
  std::vector<std::string> persons;  // roles that are told
  std::string model, channel, suite, metric;
  // Of a suite: cases, cases with a result, successes. Of a petition: persons, and how many signed.
  uint64_t size = 0, results = 0, passed = 0;
};

struct Scenario {
  std::string id, title;
  base::Time start;
  uint64_t seed = 1;  // of every key
  std::vector<std::string> about;
  std::vector<ScenarioRole> roles;
  std::vector<ScenarioCharter> charters;  // two, for the two lanes
  std::vector<ScenarioEvent> events;      // in the order of their times
};

// Malformed with PARSE_STRICT, UNKNOWN_FIELD or SCENARIO: names the event and the field.
base::Result<Scenario> parse_scenario(std::string_view text, std::string_view name);

struct ReplayedEvent {
  enum class Answer : unsigned char { Nothing, Accepted, Refused };
  Answer answer = Answer::Nothing;
  std::string reason, message;  // of a refusal
};
struct Replay {
  std::string charter_name, charter_id;
  std::vector<ReplayedEvent> events;  // one for each of the scenario's
};
// `texts` are the charter.toml's bytes. Fails when the charter is none; events never fail.
base::Result<Replay> replay_scenario(const Scenario& scenario, const ScenarioCharter& charter,
                                     std::string_view text);

json::Value replays_to_json(const Scenario& scenario, const std::vector<Replay>& replays);
// A picture of the replays, one lane under the other, hours on the axis; readable on light and
// dark.
std::string replays_to_svg(const Scenario& scenario, const std::vector<Replay>& replays);
// A table in Markdown.
std::string replays_to_table(const Scenario& scenario, const std::vector<Replay>& replays);

}  // namespace govern
