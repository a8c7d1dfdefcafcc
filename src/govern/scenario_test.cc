// Scenarios: what the loader refuses, and that the charters, not the scenario, decide what happens.
#include "govern/scenario.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace govern {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(std::string(CHARTER_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<Replay> replay(const Scenario& scenario) {
  std::vector<Replay> out;
  for (const ScenarioCharter& charter : scenario.charters) {
    auto replayed = replay_scenario(scenario, charter, read("scenarios/" + charter.file));
    EXPECT_TRUE(replayed) << replayed.error().text();
    if (replayed) out.push_back(*std::move(replayed));
  }
  return out;
}

// The answer of the charter `lane` to the event whose words begin so.
std::string answer(const Scenario& scenario, const std::vector<Replay>& replays, size_t lane,
                   std::string_view words) {
  for (size_t i = 0; i < scenario.events.size(); ++i) {
    if (!scenario.events[i].words.starts_with(words)) continue;
    const ReplayedEvent& event = replays.at(lane).events[i];
    return event.answer == ReplayedEvent::Answer::Accepted ? "accepted" : event.reason;
  }
  return "no such event";
}

TEST(Scenario, NovemberUnderTwoCharters) {
  const auto scenario = parse_scenario(read("scenarios/november.toml"), "november.toml");
  ASSERT_TRUE(scenario) << scenario.error().text();
  const auto replays = replay(*scenario);
  ASSERT_EQ(replays.size(), 2u);
  EXPECT_EQ(answer(*scenario, replays, 0, "The vote is closed"), "accepted");
  EXPECT_EQ(answer(*scenario, replays, 0, "The chief executive is removed"), "accepted");
  EXPECT_EQ(answer(*scenario, replays, 1, "The vote is closed"), "NOTICE_INCOMPLETE");
  EXPECT_EQ(answer(*scenario, replays, 1, "The chief executive is removed"), "STAGE");
  EXPECT_EQ(answer(*scenario, replays, 1, "Sunday night: the board stands"), "NOTICE_PENDING");
  EXPECT_EQ(answer(*scenario, replays, 0, "743 of 770"), "NO_POWER");
  EXPECT_EQ(answer(*scenario, replays, 1, "743 of 770"), "accepted");
  EXPECT_EQ(answer(*scenario, replays, 1, "The staff's motion takes effect"), "accepted");
  for (size_t lane : {0u, 1u})
    EXPECT_EQ(answer(*scenario, replays, lane, "The partner presses"), "CLASS_FORBIDDEN");
  const std::string svg = replays_to_svg(*scenario, replays);
  EXPECT_EQ(svg, replays_to_svg(*scenario, replay(*scenario))) << "a replay is repeatable";
}

TEST(Scenario, ARushedReleaseUnderTwoCharters) {
  const auto scenario = parse_scenario(read("scenarios/rushed_release.toml"), "rushed.toml");
  ASSERT_TRUE(scenario) << scenario.error().text();
  const auto replays = replay(*scenario);
  ASSERT_EQ(replays.size(), 2u);
  EXPECT_EQ(answer(*scenario, replays, 0, "The ninth day"), "accepted");
  EXPECT_EQ(answer(*scenario, replays, 1, "The verdict: passed"), "GATE_BOUND");
  EXPECT_EQ(answer(*scenario, replays, 1, "The ninth day"), "SUBJECT_MISMATCH");
  EXPECT_EQ(answer(*scenario, replays, 1, "The verdict on the whole data"), "GATE_BOUND");
  for (size_t lane : {0u, 1u})
    EXPECT_EQ(answer(*scenario, replays, lane, "Of 3,000"), "EVIDENCE_INCOMPLETE");
}

TEST(Scenario, TheLoaderIsStrict) {
  const std::string head =
      "[scenario]\nid = \"x\"\ntitle = \"x\"\nstart = \"2023-11-17T20:00:00Z\"\nseed = 1\n"
      "about = []\n[[role]]\nid = \"chair\"\nname = \"chair\"\n"
      "[[charter]]\nname = \"a\"\nfile = \"a.toml\"\n";
  const auto reason = [&](const std::string& event) {
    const auto parsed = parse_scenario(head + event, "x.toml");
    return parsed ? "accepted" : parsed.error().reason;
  };
  const std::string note =
      "[[event]]\nat = \"1h\"\nwho = \"chair\"\nact = \"note\"\nwords = \"w\"\n";
  EXPECT_EQ(reason(note), "accepted");
  EXPECT_EQ(reason(note + "outcome = \"accepted\"\n"), "UNKNOWN_FIELD");
  EXPECT_EQ(
      reason(note + "[[event]]\nat = \"0h\"\nwho = \"chair\"\nact = \"note\"\nwords = \"w\"\n"),
      "SCENARIO");
  EXPECT_EQ(reason("[[event]]\nat = \"1h\"\nwho = \"nobody\"\nact = \"note\"\nwords = \"w\"\n"),
            "SCENARIO");
  EXPECT_EQ(reason("[[event]]\nat = \"1h\"\nwho = \"chair\"\nact = \"win\"\nwords = \"w\"\n"),
            "SCENARIO");
  EXPECT_EQ(reason("[[event]]\nat = \"1h\"\nwho = \"chair\"\nact = \"tally\"\nwords = \"w\"\n"),
            "SCENARIO");
  EXPECT_FALSE(parse_scenario(head, "x.toml")) << "a history has an event";
}

}  // namespace
}  // namespace govern
