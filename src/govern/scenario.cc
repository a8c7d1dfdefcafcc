#include "govern/scenario.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>

#include "govern/refusal.h"
#include "json/toml.h"

namespace govern {
namespace {

using base::Result;
using base::Status;
using json::Value;

constexpr size_t kBytesMax = 1u << 20;
constexpr size_t kEventsMax = 1000;
constexpr size_t kWordsMax = 400;
constexpr int64_t kCountMax = 1'000'000;
constexpr base::Duration kLongest = base::seconds(int64_t{366} * 86'400);

constexpr std::array<std::string_view, 11> kActs = {"note",  "propose", "vote", "tell",
                                                    "tally", "enact",   "veto", "petition",
                                                    "judge", "verdict", "stop"};

std::unexpected<base::Error> wrong(const std::string& where, std::string message) {
  return base::fail(base::Code::Malformed, std::move(message), where, "SCENARIO");
}

template <class T>
Result<T> at_place(Result<T> result, const std::string& where) {
  if (result) return result;
  return base::wrap(std::move(result).error(), "in the scenario's " + where, where);
}

Result<std::string> words_of(const Value& table, const std::string& key) {
  TRY(std::string text, json::get_string(table, key));
  if (text.empty() || text.size() > kWordsMax)
    return wrong(key, "'" + key + "' has 1 to " + std::to_string(kWordsMax) + " bytes");
  return text;
}

Result<std::string> words_or_none(const Value& table, const std::string& key) {
  if (table.find(key) == nullptr) return std::string();
  return words_of(table, key);
}

Result<uint64_t> count_of(const Value& table, const std::string& key) {
  TRY(const int64_t count, json::get_int(table, key));
  if (count < 0 || count > kCountMax) return wrong(key, "'" + key + "' is 0 to 1000000");
  return static_cast<uint64_t>(count);
}

Result<std::vector<std::string>> list_of(const Value& table, const std::string& key) {
  TRY(const json::Array* items, json::get_array(table, key));
  std::vector<std::string> out;
  for (const Value& item : *items) {
    if (!item.is_string() || item.as_string().empty() || item.as_string().size() > kWordsMax)
      return wrong(key, "'" + key + "' is a list of texts");
    out.push_back(item.as_string());
  }
  return out;
}

Result<ScenarioAct> act_of(const Value& table) {
  TRY(const std::string name, json::get_string(table, "act"));
  const auto found = std::ranges::find(kActs, name);
  if (found == kActs.end())
    return wrong("act", "'" + name +
                            "' is not an act: note, propose, vote, tell, tally, enact, "
                            "veto, petition, judge, verdict or stop");
  return static_cast<ScenarioAct>(found - kActs.begin());
}

// The fields beside at, who, act and words that each act has; "?" marks those that may be absent.
std::initializer_list<std::string_view> fields_of(ScenarioAct act) {
  static constexpr std::initializer_list<std::string_view>
      kNone = {},
      kPropose = {"what", "action", "?subject", "?body", "?text", "?model", "?channel"},
      kVote = {"what", "body", "vote"}, kTell = {"what", "persons"}, kWhat = {"what"},
      kVeto = {"what", "body"}, kPetition = {"what", "body", "text", "signed", "of"},
      kJudge = {"model", "suite", "metric", "size", "results", "passed"},
      kVerdict = {"model", "channel"}, kStop = {"channel"};
  switch (act) {
    case ScenarioAct::Note:
      return kNone;
    case ScenarioAct::Propose:
      return kPropose;
    case ScenarioAct::Vote:
      return kVote;
    case ScenarioAct::Tell:
      return kTell;
    case ScenarioAct::Tally:
    case ScenarioAct::Enact:
      return kWhat;
    case ScenarioAct::Veto:
      return kVeto;
    case ScenarioAct::Petition:
      return kPetition;
    case ScenarioAct::Judge:
      return kJudge;
    case ScenarioAct::Verdict:
      return kVerdict;
    case ScenarioAct::Stop:
      return kStop;
  }
  return kNone;
}

Status check_fields(const Value& table, ScenarioAct act) {
  std::set<std::string_view> known = {"at", "who", "act", "words"};
  for (std::string_view field : fields_of(act)) {
    const bool may_lack = field.starts_with('?');
    if (may_lack) field.remove_prefix(1);
    known.insert(field);
    if (!may_lack && table.find(field) == nullptr)
      return wrong(std::string(field), "'" + std::string(scenario_act_name(act)) + "' needs '" +
                                           std::string(field) + "'");
  }
  for (const auto& [name, value] : table.as_object()) {
    if (!known.contains(name))
      return base::fail(base::Code::Malformed,
                        "'" + std::string(scenario_act_name(act)) + "' has no field '" + name + "'",
                        name, "UNKNOWN_FIELD");
  }
  return {};
}

Status read_vote(const Value& table, ScenarioEvent* event) {
  if (table.find("vote") == nullptr) return {};
  TRY(const std::string vote, json::get_string(table, "vote"));
  TRY(event->vote, parse_vote(vote));
  return {};
}

Result<ScenarioEvent> read_event(const Value& table) {
  if (!table.is_object()) return wrong("event", "an event is a table");
  ScenarioEvent event;
  TRY(event.act, act_of(table));
  TRY_VOID(check_fields(table, event.act));
  TRY(const std::string at, json::get_string(table, "at"));
  TRY(event.at, base::parse_duration(at));
  if (event.at.ns < 0 || event.at > kLongest)
    return wrong("at", "an event lies in the year behind the start");
  TRY(event.who, words_of(table, "who"));
  TRY(event.words, words_of(table, "words"));
  for (const auto& [key, field] :
       std::initializer_list<std::pair<const char*, std::string*>>{{"what", &event.what},
                                                                   {"action", &event.action},
                                                                   {"subject", &event.subject},
                                                                   {"body", &event.body},
                                                                   {"text", &event.text},
                                                                   {"model", &event.model},
                                                                   {"channel", &event.channel},
                                                                   {"suite", &event.suite},
                                                                   {"metric", &event.metric}}) {
    TRY(*field, words_or_none(table, key));
  }
  if (table.find("persons") != nullptr) {
    TRY(event.persons, list_of(table, "persons"));
  }
  TRY_VOID(read_vote(table, &event));
  if (event.act == ScenarioAct::Judge) {
    TRY(event.size, count_of(table, "size"));
    TRY(event.results, count_of(table, "results"));
    TRY(event.passed, count_of(table, "passed"));
    if (event.passed > event.results || event.results > event.size || event.size == 0)
      return wrong("results", "passed <= results <= size, and there is a case");
  }
  if (event.act == ScenarioAct::Petition) {
    TRY(event.size, count_of(table, "of"));
    TRY(event.passed, count_of(table, "signed"));
    if (event.passed > event.size || event.size == 0)
      return wrong("signed", "signed <= of, and there is somebody who could sign");
  }
  return event;
}

Result<ScenarioCharter> read_charter(const Value& table) {
  if (!table.is_object()) return wrong("charter", "a charter is a table");
  TRY_VOID(json::only_fields(table, {"name", "file", "cast"}));
  ScenarioCharter charter;
  TRY(charter.name, words_of(table, "name"));
  TRY(charter.file, words_of(table, "file"));
  if (table.find("cast") == nullptr) return charter;
  TRY(const Value* cast, json::get_object(table, "cast"));
  for (const auto& [role, person] : cast->as_object()) {
    TRY(charter.cast[role], words_of(*cast, role));
  }
  return charter;
}

Status read_roles(const Value& root, Scenario* out) {
  TRY(const json::Array* roles, json::get_array(root, "role"));
  for (const Value& table : *roles) {
    if (!table.is_object()) return wrong("role", "a role is a table");
    TRY_VOID(json::only_fields(table, {"id", "name"}));
    ScenarioRole role;
    TRY(role.id, words_of(table, "id"));
    TRY(role.name, words_of(table, "name"));
    if (std::ranges::find(out->roles, role.id, &ScenarioRole::id) != out->roles.end())
      return wrong(role.id, "the role stands twice");
    out->roles.push_back(std::move(role));
  }
  return {};
}

// Every role that an event or a cast names is one of the scenario's, and times only rise.
Status check_whole(const Scenario& scenario) {
  const auto check_role = [&](const std::string& role, const std::string& where) -> Status {
    if (role.empty() ||
        std::ranges::find(scenario.roles, role, &ScenarioRole::id) != scenario.roles.end())
      return {};
    return wrong(where, "no [[role]] is called '" + role + "'");
  };
  base::Duration last{};
  for (size_t i = 0; i < scenario.events.size(); ++i) {
    const ScenarioEvent& event = scenario.events[i];
    const std::string where = "event " + std::to_string(i + 1);
    if (event.at < last) return wrong(where, "events stand in the order of their times");
    last = event.at;
    TRY_VOID(check_role(event.who, where));
    TRY_VOID(check_role(event.subject, where));
    for (const std::string& person : event.persons) TRY_VOID(check_role(person, where));
  }
  for (const ScenarioCharter& charter : scenario.charters)
    for (const auto& [role, person] : charter.cast) TRY_VOID(check_role(role, charter.name));
  return {};
}

}  // namespace

std::string_view scenario_act_name(ScenarioAct act) { return kActs[static_cast<size_t>(act)]; }

Result<Scenario> parse_scenario(std::string_view text, std::string_view name) {
  if (text.size() > kBytesMax) return wrong(std::string(name), "a scenario has at most 1 MiB");
  TRY(const Value root, json::parse_toml(text, name));
  TRY_VOID(json::only_fields(root, {"scenario", "role", "charter", "event"}));
  Scenario out;
  TRY(const Value* head, json::get_object(root, "scenario"));
  TRY_VOID(json::only_fields(*head, {"id", "title", "start", "seed", "about"}));
  TRY(out.id, words_of(*head, "id"));
  TRY(out.title, words_of(*head, "title"));
  TRY(const std::string start, json::get_string(*head, "start"));
  TRY(out.start, base::parse_rfc3339(start));
  if (out.start.seconds() < 0 || start >= "2199")
    return wrong("start", "a scenario starts from 1970 to 2198");
  TRY(const int64_t seed, json::get_int(*head, "seed"));
  out.seed = static_cast<uint64_t>(seed);
  TRY(out.about, list_of(*head, "about"));
  TRY_VOID(read_roles(root, &out));
  TRY(const json::Array* charters, json::get_array(root, "charter"));
  for (const Value& table : *charters) {
    TRY(ScenarioCharter charter,
        at_place(read_charter(table), "charter " + std::to_string(out.charters.size() + 1)));
    out.charters.push_back(std::move(charter));
  }
  if (out.charters.empty() || out.charters.size() > 4)
    return wrong("charter", "a scenario names 1 to 4 charters");
  TRY(const json::Array* events, json::get_array(root, "event"));
  if (events->empty() || events->size() > kEventsMax)
    return wrong("event", "a scenario has 1 to 1000 events");
  for (const Value& table : *events) {
    TRY(ScenarioEvent event,
        at_place(read_event(table), "event " + std::to_string(out.events.size() + 1)));
    out.events.push_back(std::move(event));
  }
  TRY_VOID(check_whole(out));
  return out;
}

}  // namespace govern
