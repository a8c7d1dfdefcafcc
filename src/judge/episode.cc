#include "judge/episode.h"

#include <algorithm>
#include <map>

#include "judge/games.h"
#include "judge/grade.h"
#include "judge/judge_model.h"

namespace judge {
namespace {

using json::Value;

constexpr std::string_view kCandidate = "candidate";
constexpr std::string_view kCounterpart = "counterpart";

std::unexpected<base::Error> wrong(std::string message, std::string_view key) {
  return base::fail(base::Code::InvalidArgument, std::move(message),
                    "expect.counterpart." + std::string(key), "SUITE_MALFORMED");
}

// The talk as one side reads it: its own turns are the assistant's.
Prompt talk_of(std::span<const Message> opening, std::span<const Turn> turns,
               std::string_view self) {
  Prompt out;
  out.messages.assign(opening.begin(), opening.end());
  for (const Turn& turn : turns)
    out.messages.push_back({turn.by == self ? "assistant" : "user", turn.text});
  return out;
}

std::vector<Message> counterpart_opening(const Suite& suite, const Case& one) {
  std::string system = suite.counterpart ? suite.counterpart->system : "";
  if (const Value* briefing = one.expect.find("briefing"))
    system += (system.empty() ? "" : "\n") + briefing->as_string();
  return {{"system", std::move(system)}};
}

struct Table {
  const Suite& suite;
  const Case& one;
  std::span<const Message> messages;
  uint64_t seed;
  const Speakers& speakers;
  std::vector<Turn> turns = {};

  base::Status candidate() {
    TRY(std::string text, speakers.candidate(talk_of(messages, turns, kCandidate)));
    turns.push_back({std::string(kCandidate), std::move(text)});
    return {};
  }
  base::Status counterpart() {
    std::string text;
    if (const Value* script = one.expect.find("counterpart")) {
      text = scripted_reply(*script, turns);
    } else {
      TRY(text,
          speakers.counterpart(talk_of(counterpart_opening(suite, one), turns, kCounterpart)));
    }
    turns.push_back({std::string(kCounterpart), std::move(text)});
    return {};
  }
  // The counterpart's vote, having heard `heard`.
  base::Status vote(std::string by, std::span<const Turn> heard) {
    std::string text;
    if (const Value* script = one.expect.find("counterpart")) {
      text = scripted_ballot(*script, heard);
    } else {
      Prompt prompt = talk_of(counterpart_opening(suite, one), heard, kCounterpart);
      prompt.messages.push_back({"user", one.expect["ballot"].as_string()});
      TRY(text, speakers.counterpart(prompt));
    }
    turns.push_back({std::move(by), std::move(text)});
    return {};
  }
  int64_t turns_max() const { return one.expect["turns"].as_int(); }
};

base::Status play_talk(Table& table, const std::function<bool()>& over) {
  for (int64_t i = 0; i < table.turns_max(); ++i) {
    TRY_VOID(table.candidate());
    if (over()) return {};
    TRY_VOID(table.counterpart());
    if (over()) return {};
  }
  return {};
}

base::Status play_pay(Table& table) {
  const auto endowment = reason::Rational::parse(table.one.expect["endowment"].as_string());
  return play_talk(table, [&] {
    const Turn& last = table.turns.back();
    return last.by == kCounterpart && payment(last.text, *endowment).has_value();
  });
}

base::Status play_say(Table& table) {
  const std::string& codeword = table.one.expect["codeword"].as_string();
  return play_talk(table, [&] { return says(table.turns.back().text, codeword); });
}

base::Status play_ballots(Table& table) {
  TRY_VOID(table.vote("control", {}));
  std::vector<Turn> control = std::move(table.turns);
  table.turns.clear();  // the talk is not to know the control's vote
  TRY_VOID(play_talk(table, [] { return false; }));
  const std::vector<Turn> heard = table.turns;
  TRY_VOID(table.vote("ballot", heard));
  table.turns.insert(table.turns.begin(), control.front());
  return {};
}

base::Status play_sandbagging(Table& table) {
  for (const Value& question : table.one.expect["questions"].as_array()) {
    Prompt prompt;
    prompt.messages.assign(table.messages.begin(), table.messages.end());
    prompt.messages.back().content += "\n\n" + question["question"].as_string();
    TRY(std::string text, table.speakers.candidate(prompt));
    table.turns.push_back({std::string(kCandidate), std::move(text)});
  }
  return {};
}

base::Status play_steganography(Table& table) {
  TRY_VOID(table.candidate());
  const Prompt prompt{
      {{"user", table.one.expect["decoder"].as_string() + "\n\n" + table.turns.back().text}}};
  TRY(std::string text, table.speakers.candidate(prompt));
  table.turns.push_back({"decoder", std::move(text)});
  return {};
}

base::Status play_judged(Table& table) {
  TRY_VOID(table.candidate());
  const std::string answer = table.turns.back().text;
  for (const bool yes_first : {true, false}) {
    TRY(std::string text,
        table.speakers.judge(judge_prompt(table.one, answer, table.seed, yes_first)));
    table.turns.push_back({"judge", std::move(text)});
  }
  return {};
}

base::Status play_game(Table& table) {
  switch (table.suite.grader) {
    case Grader::MakeMePay:
      return play_pay(table);
    case Grader::MakeMeSay:
      return play_say(table);
    case Grader::Ballots:
      return play_ballots(table);
    case Grader::Sandbagging:
      return play_sandbagging(table);
    case Grader::Steganography:
      return play_steganography(table);
    case Grader::Judged:
      return play_judged(table);
    default:
      return base::fail(base::Code::Internal, "the grader is not of an episode",
                        std::string(grader_name(table.suite.grader)));
  }
}

bool words_fit(const Value& rule, std::string_view key, std::string_view text) {
  const Value* words = rule.find(key);
  if (words == nullptr) return true;
  return std::ranges::any_of(words->as_array(), [&](const Value& word) {
    return text.contains(lower_ascii(word.as_string()));
  });
}

// The first rule for this kind of turn that fits.
const Value* fitting_rule(const Value& script, std::span<const Turn> turns, std::string_view kind) {
  std::string last;
  std::string all;
  int64_t spoken = 0;
  for (const Turn& turn : turns) {
    if (turn.by != kCandidate) continue;
    last = lower_ascii(turn.text);
    all += last + '\n';
    ++spoken;
  }
  for (const Value& rule : script["rules"].as_array()) {
    if (rule.find(kind) == nullptr) continue;
    if (rule.find("from") != nullptr && spoken < rule["from"].as_int()) continue;
    if (words_fit(rule, "any", last) && words_fit(rule, "heard", all)) return &rule;
  }
  return nullptr;
}

base::Status check_rule(const Value& rule, bool votes) {
  TRY_VOID(json::only_fields(rule, {"any", "heard", "from", "say", "ballot"}));
  for (const std::string_view key : {"any", "heard"}) {
    if (rule.find(key) != nullptr) TRY_VOID(words_of(rule, key));
  }
  if (rule.find("from") != nullptr) TRY_VOID(json::get_int(rule, "from"));
  const bool says_something = rule.find("say") != nullptr;
  if (says_something == (rule.find("ballot") != nullptr))
    return wrong("a rule has either a `say` or a `ballot`", "rules");
  if (says_something) {
    TRY_VOID(json::get_string(rule, "say"));
    return {};
  }
  TRY(const std::string ballot, json::get_string(rule, "ballot"));
  if (!votes || (ballot != "A" && ballot != "B"))
    return wrong("a ballot is A or B, in a game of ballots", "ballot");
  return {};
}

}  // namespace

base::Status check_script(const Value& script, bool votes) {
  TRY_VOID(json::only_fields(script, {"rules", "otherwise", "ballot"}));
  TRY(const json::Array* rules, json::get_array(script, "rules"));
  for (const Value& rule : *rules) TRY_VOID(check_rule(rule, votes));
  TRY_VOID(json::get_string(script, "otherwise"));
  if (votes != (script.find("ballot") != nullptr))
    return wrong("a script has a ballot exactly in a game of ballots", "ballot");
  if (!votes) return {};
  TRY(const std::string ballot, json::get_string(script, "ballot"));
  if (ballot != "A" && ballot != "B") return wrong("a ballot is A or B", "ballot");
  return {};
}

std::string scripted_reply(const Value& script, std::span<const Turn> turns) {
  const Value* rule = fitting_rule(script, turns, "say");
  return (rule == nullptr ? script["otherwise"] : (*rule)["say"]).as_string();
}

std::string scripted_ballot(const Value& script, std::span<const Turn> turns) {
  const Value* rule = fitting_rule(script, turns, "ballot");
  return "[VOTE " + (rule == nullptr ? script : *rule)["ballot"].as_string() + "]";
}

base::Result<std::vector<Turn>> play(const Suite& suite, const Case& one,
                                     std::span<const Message> messages, uint64_t seed,
                                     const Speakers& speakers) {
  Table table{suite, one, messages, seed, speakers};
  TRY_VOID(play_game(table));
  return std::move(table.turns);
}

std::string print_turns(std::span<const Turn> turns) {
  json::Array list;
  for (const Turn& turn : turns)
    list.emplace_back(json::Object{{"by", turn.by}, {"text", turn.text}});
  return json::canonical(json::Object{{"turns", std::move(list)}});
}

std::optional<std::vector<Turn>> parse_turns(std::string_view output) {
  const auto value = json::parse(output);
  if (!value || !(*value)["turns"].is_array()) return std::nullopt;
  std::vector<Turn> out;
  for (const Value& turn : (*value)["turns"].as_array()) {
    if (!turn["by"].is_string() || !turn["text"].is_string()) return std::nullopt;
    out.push_back({turn["by"].as_string(), turn["text"].as_string()});
  }
  return out;
}

base::Status replay(const Suite& suite, const Case& one, std::span<const Message> messages,
                    uint64_t seed, std::string_view output,
                    const std::function<base::Status(const Prompt&)>& asked) {
  const auto mismatch = [&](std::string message) {
    return base::fail(base::Code::Corrupt, std::move(message), suite.name + " case " + one.id,
                      "DIGEST_MISMATCH");
  };
  const auto turns = parse_turns(output);
  if (!turns || print_turns(*turns) != output)
    return mismatch("the transcript is not in the form that the judge writes");
  // Of each role, how many of its turns have been spoken. The decoder is the candidate again, and
  // votes are the counterpart's.
  std::map<std::string, size_t, std::less<>> spoken;
  const auto next = [&](std::initializer_list<std::string_view> roles,
                        std::string_view role) -> base::Result<std::string> {
    size_t skip = spoken[std::string(role)]++;
    for (const Turn& turn : *turns) {
      if (std::ranges::find(roles, turn.by) == roles.end()) continue;
      if (skip-- == 0) return turn.text;
    }
    return mismatch("the transcript ends before the game does");
  };
  Speakers speakers;
  speakers.candidate = [&](const Prompt& prompt) -> base::Result<std::string> {
    if (asked) TRY_VOID(asked(prompt));
    return next({"candidate", "decoder"}, "candidate");
  };
  speakers.counterpart = [&](const Prompt&) {
    return next({"counterpart", "control", "ballot"}, "counterpart");
  };
  speakers.judge = [&](const Prompt&) { return next({"judge"}, "judge"); };
  TRY(const auto again, play(suite, one, messages, seed, speakers));
  if (again != *turns) return mismatch("played again, the game does not go as the transcript says");
  return {};
}

}  // namespace judge
