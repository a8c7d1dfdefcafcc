// Every statement of a model's life is spelt in one way: it comes back as it went, and nothing else
// is taken for it.
#include "govern/lifecycle_statements.h"

#include <gtest/gtest.h>

namespace govern {
namespace {

const base::Time kNow = base::parse_rfc3339("2026-11-21T12:00:00Z").value();
const crypto::Digest kDigest = crypto::sha256("digest");
const LeafReference kLeaf{7, crypto::sha256("leaf")};

Context context() {
  return {"test/house", 1, crypto::sha256("charter"), "test/house/log",
          crypto::hex(crypto::sha256("nonce"))};
}

std::string reason(const base::Error& error) { return error.reason; }

template <class T>
void check(const T& statement, std::string (*format)(const T&),
           base::Result<T> (*parse)(std::string_view), Kind kind) {
  const std::string text = format(statement);
  const auto parsed = parse(text);
  ASSERT_TRUE(parsed) << kind_name(kind) << ": " << parsed.error().text();
  EXPECT_EQ(format(*parsed), text);
  EXPECT_TRUE(lifecycle_subject(kind, text)) << kind_name(kind);
  // One byte more, one field more, another kind: no.
  EXPECT_FALSE(parse(text + " ")) << kind_name(kind);
  EXPECT_FALSE(parse("{\"a\":1," + text.substr(1))) << kind_name(kind);
  const Kind other = kind == Kind::Stop ? Kind::Lease : Kind::Stop;
  std::string renamed = text;
  renamed.replace(renamed.find(kind_name(kind)), kind_name(kind).size(), kind_name(other));
  EXPECT_FALSE(parse(renamed)) << kind_name(kind);
  // Without any of its fields: no.
  const json::Value value = json::parse(text).value();
  for (size_t i = 0; i < value.as_object().size(); ++i) {
    json::Object fewer = value.as_object();
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(parse(json::canonical(fewer))) << kind_name(kind) << ' ' << i;
  }
}

TEST(LifecycleStatements, ComeBackAsTheyWent) {
  check({context(), "tiny", "s.trainer", {}, kNow}, format_model, parse_model, Kind::Model);
  check({context(), "tiny", "s.trainer", ModelStatement::Seal{kDigest, kDigest, kDigest}, kNow},
        format_model, parse_model, Kind::Model);
  check({context(), "s.judge", kDigest, kDigest, {{"a", kDigest}, {"b", kDigest}}, {"1"}, kNow},
        format_run_intent, parse_run_intent, Kind::RunIntent);
  check({context(), "s.judge", kLeaf, true, "", {kLeaf}, kNow}, format_eval_run, parse_eval_run,
        Kind::EvalRun);
  check({context(), "chat", kDigest, 2, 0, 5, false, {{"harm.rate", 1148, 0, kNow}}, kNow},
        format_stage, parse_stage, Kind::Stage);
  check({context(), "chat", "s.time", 2, 0, kNow, kNow + base::seconds(86'400)}, format_lease,
        parse_lease, Kind::Lease);
  check({context(), "*", "p.ada", 1, "it lies", kNow}, format_stop, parse_stop, Kind::Stop);
  check({context(), "chat", kDigest, 3, 1, kLeaf, kLeaf, kNow}, format_resume, parse_resume,
        Kind::Resume);
  check({context(), kDigest, "p.ada", "stolen", kNow}, format_revoke, parse_revoke, Kind::Revoke);
  check({context(), "chat", kDigest, AlarmCause::Silence, "s.monitor", "10m", {}, kNow},
        format_alarm, parse_alarm, Kind::Alarm);
  check({context(), "p.ada", {kLeaf}, "a bad prompt", "changed", kNow}, format_incident,
        parse_incident, Kind::Incident);
}

// Attack 19: whatever is not a reading is never a promotion.
TEST(LifecycleStatements, AStageOnWhatIsNoReadingIsNotPromotable) {
  const StageStatement stage{
      context(), "chat", kDigest, 2, 0, 5, false, {{"harm.rate", 1148, 0, kNow}}, kNow};
  const std::string text = format_stage(stage);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    const auto parsed = parse_stage(changed);
    return parsed ? "accepted" : reason(parsed.error());
  };
  EXPECT_EQ(with("\"1148\"", "\"NaN\""), "NOT_PROMOTABLE");
  EXPECT_EQ(with("\"1148\"", "\"\""), "NOT_PROMOTABLE");
  EXPECT_EQ(with("\"1148\"", "\"-1\""), "NOT_PROMOTABLE");
  EXPECT_EQ(with("\"1148\"", "null"), "NOT_PROMOTABLE");
  EXPECT_EQ(with("\"events\":\"0\"", "\"events\":\"2000\""), "NOT_PROMOTABLE");
  EXPECT_EQ(with("\"events\":\"0\"", "\"events\":\"0\",\"skip\":true"), "NOT_PROMOTABLE");
  EXPECT_EQ(with("\"type\"", "\"skipAnalysis\":true,\"type\""), "NOT_PROMOTABLE");
}

TEST(LifecycleStatements, SubjectsNameTheModelWhereThereIsOne) {
  EXPECT_EQ(
      lifecycle_subject(Kind::Revoke, format_revoke({context(), kDigest, "p.ada", "stolen", kNow}))
          .value(),
      kDigest);
  EXPECT_EQ(
      lifecycle_subject(Kind::Stop, format_stop({context(), "chat", "p.ada", 1, "it lies", kNow}))
          .value(),
      crypto::sha256("chat"));
}

}  // namespace
}  // namespace govern
