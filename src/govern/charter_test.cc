// The charter's parser and lints, the ready charters, manifests, evidence and its bounds.
#include "govern/charter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>

#include "govern/evidence.h"
#include "govern/gate.h"
#include "govern/manifest.h"

namespace govern {
namespace {

std::string fill(std::string text, std::string_view blank, std::string_view value) {
  for (size_t at = text.find(blank); at != text.npos; at = text.find(blank))
    text.replace(at, blank.size(), value);
  return text;
}

std::string vkey_of(const std::string& name) {
  return format_vkey({name, crypto::PrivateKey::generate().public_key()});
}

std::string one_person() {
  std::ifstream file(CHARTER_SOURCE_DIR "/charters/one-person.toml");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  text = fill(text, "<HOUSE>", "test/house");
  text = fill(text, "<PERSON>", "p.owner");
  return fill(text, "<VKEY>", vkey_of("p.owner"));
}

TEST(Charter, ReadsTheOnePersonCharter) {
  const auto charter = parse_charter(one_person());
  ASSERT_TRUE(charter) << charter.error().text();
  EXPECT_TRUE(charter->one_person_decides());
  EXPECT_EQ(charter->origin(), "test/house/log");
  EXPECT_EQ(charter->find_rule("normal")->notice, base::seconds(0));
  EXPECT_EQ(charter->price_of("chat").input_micro_per_million, 10'000'000u);
  EXPECT_EQ(charter->price_of("chat").output_micro_per_million, 30'000'000u);
  ASSERT_EQ(charter->plans.size(), 1u);
  EXPECT_EQ(charter->plans[0].monthly_cents, 2000u);
  const auto findings = lint_charter(*charter);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].message.find("one person decides"), std::string::npos);
}

TEST(Charter, RefusesTheTemplateAsItStands) {
  std::ifstream file(CHARTER_SOURCE_DIR "/charters/one-person.toml");
  EXPECT_FALSE(parse_charter(std::string{std::istreambuf_iterator<char>(file), {}}));
}

TEST(Charter, RefusesWhatItDoesNotKnow) {
  const std::string good = one_person();
  const std::pair<std::string, std::string> edits[] = {
      {"floor_for = 1", "floor_for = 1\nquorum = \"1/2\""},  // an unknown key
      {"floor_for = 1", "floor_for = 1.0"},                  // a float
      {"floor_for = 1", "floor_for = 1\nfloor_for = 1"},     // a duplicate
      {"floor_for = 1", "floor_for = 0"},                    // no floor
      {"floor_for = 1", "floor_for = 2"},                    // more than there are
      {"threshold = \"1/1\"", "threshold = \"3/2\""},        // more than all
      {"threshold = \"1/1\"", "threshold = \"1/0\""},
      {"threshold = \"1/1\"", "threshold = \"0/1\""},
      {"notice = \"0s\"", "notice = \"soon\""},
      {"notice = \"0s\"", "notice = \"30d\""},  // longer than the proposal lives
      {"notice = \"0s\"", "notice = \"99999999999999999999d\""},
      {"class = \"control\"", "class = \"ruling\""},
      {"class = \"control\"", "class = \"economic\""},  // an economic body cannot hold a power
      {"action = \"model.promote\"", "action = \"model.destroy\""},
      {"rule = \"normal\"", "rule = \"other\""},
      {"body = \"owner\"", "body = \"board\""},
      {"\"gate.passed\"", "\"gate.maybe\""},
      {"version = 1", "version = 2"},
      {"prev_sha256 = \"\"", "prev_sha256 = \"00\""},
      {"limit = \"0\"", "limit = \"1.5\""},
      {"limit = \"0\"", "limit = \"nan\""},
      {"seats = 1", "seats = 0"},
      {"min_filled = 1", "min_filled = 2"},
      {"members = [\"p.owner\"]", "members = [\"p.other\"]"},
      {"id = \"test/house\"", "id = \"Test House\""},
      {"monthly_usd_cents = 2000", "monthly_usd_cents = -1"},
      {"output_micro_usd_per_million = 30000000", ""},
      {"[prices]", "[[person]]\nid = \"p.owner\"\nkeys = [\"" + vkey_of("x") +
                       "\"]\n[prices]"},  // the same id twice
      {"[prices]", "[surprise]\n[prices]"},
  };
  for (const auto& [from, to] : edits) {
    const size_t where = good.find(from);
    ASSERT_NE(where, good.npos) << from;
    std::string bad = good;
    bad.replace(where, from.size(), to);
    EXPECT_FALSE(parse_charter(bad)) << from << " -> " << to;
  }
}

TEST(Charter, RefusesOneKeyInTwoHands) {
  std::string text = one_person();
  const size_t at = text.find("keys = [\"");
  const std::string line = text.substr(at, text.find(']', at) + 1 - at);
  text = fill(text, "[prices]", "[[person]]\nid = \"p.double\"\n" + line + "\n[ prices]");
  const auto charter = parse_charter(text);
  ASSERT_FALSE(charter);
  EXPECT_EQ(charter.error().reason, "CHARTER_LINT");
}

TEST(Manifest, NamesFilesStrictly) {
  for (const char* good :
       {"a", "config.json", "sub/model-00001.safetensors", "中文.txt", ".hidden"})
    EXPECT_TRUE(check_file_name(good)) << good;
  for (const char* bad : {"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\\b", "a:b",
                          "a\nb", "..", "\xff"})
    EXPECT_EQ(check_file_name(bad).error().reason, "MANIFEST_NAME") << bad;
}

TEST(Manifest, IsReadStrictlyAndNamedByItsDigest) {
  Manifest m{{{"a", crypto::sha256("1")}, {"b", crypto::sha256("2")}}};
  const auto read = manifest_from_json(manifest_to_json(m)).value();
  EXPECT_EQ(read.files, m.files);
  // The OMS root does not see names; the digest of the manifest does.
  const Manifest renamed{{{"c", crypto::sha256("1")}, {"d", crypto::sha256("2")}}};
  EXPECT_EQ(oms_root(m), oms_root(renamed));
  EXPECT_NE(manifest_digest(m), manifest_digest(renamed));

  const auto reason = [&](std::string_view from, std::string_view to) {
    return parse_manifest(fill(json::canonical(manifest_to_json(m)), from, to)).error().reason;
  };
  EXPECT_EQ(reason("\"a\"", "\"../a\""), "MANIFEST_NAME");
  EXPECT_EQ(reason("\"a\"", "\"z\""), "MANIFEST_ORDER");
  EXPECT_EQ(reason("\"a\"", "\"b\""), "MANIFEST_ORDER");
  EXPECT_EQ(reason("\"a\"", "\"manifest.json\""), "MANIFEST_NAME");
  EXPECT_EQ(reason("\"release\"", "\"model.safetensors\""), "MANIFEST_METHOD");
  EXPECT_EQ(reason("\"files\"", "\"shards\""), "MANIFEST_METHOD");
  EXPECT_EQ(reason("\"allow_symlinks\":false", "\"allow_symlinks\":true"), "MANIFEST_METHOD");
  EXPECT_EQ(manifest_from_json(manifest_to_json({})).error().reason, "MANIFEST_EMPTY");
}

TEST(Manifest, FindsTheFileThatIsNotAsReleased) {
  const Manifest m{{{"a", crypto::sha256("1")}, {"b", crypto::sha256("2")}}};
  EXPECT_TRUE(check_files(m, m.files));
  const auto reason_and_name = [&](const FileDigests& found) {
    const auto status = check_files(m, found);
    return status ? "" : status.error().reason + ' ' + status.error().where;
  };
  EXPECT_EQ(reason_and_name({{"a", crypto::sha256("1")}, {"b", crypto::sha256("x")}}),
            "MANIFEST_DIGEST b");
  EXPECT_EQ(reason_and_name({{"a", crypto::sha256("1")}}), "MANIFEST_MISSING b");
  EXPECT_EQ(
      reason_and_name(
          {{"a", crypto::sha256("1")}, {"b", crypto::sha256("2")}, {"c", crypto::sha256("3")}}),
      "MANIFEST_UNLISTED c");
}

// GOVERNANCE 5.4.
TEST(Evidence, BoundsAreThoseOfTheTables) {
  EXPECT_NEAR(upper_bound(0, 299, 0.05), 0.01, 0.0001);
  EXPECT_LE(upper_bound(1, 473, 0.05), 0.01 + 1e-6);
  EXPECT_GT(upper_bound(1, 472, 0.05), 0.01);
  EXPECT_LE(upper_bound(2, 628, 0.05), 0.01 + 1e-6);
  EXPECT_LE(upper_bound(0, 2995, 0.05), 0.001);
  EXPECT_LE(upper_bound(1, 4742, 0.05), 0.001);
  EXPECT_NEAR(upper_bound(245, 500, 0.05), 0.528, 0.0005);
  EXPECT_NEAR(upper_bound(1425, 3000, 0.05), 0.490, 0.0005);
  EXPECT_NEAR(upper_bound(1470, 3000, 0.05), 0.505, 0.0005);
  EXPECT_EQ(lower_bound(0, 10, 0.05), 0);
  EXPECT_EQ(upper_bound(10, 10, 0.05), 1);
  EXPECT_NEAR(lower_bound(10, 10, 0.05), std::pow(0.05, 0.1), 1e-12);
}

// Against the definition, summed term by term.
TEST(Evidence, LowerBoundSolvesTheBinomialTail) {
  for (const auto& [passed, count] : std::map<uint64_t, uint64_t>{
           {1, 7}, {3, 20}, {17, 40}, {99, 100}, {250, 251}, {600, 1000}}) {
    const double p = lower_bound(passed, count, 0.025);
    double tail = 0;
    for (uint64_t k = passed; k <= count; ++k) {
      const double n = static_cast<double>(count), x = static_cast<double>(k);
      tail += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) +
                       x * std::log(p) + (n - x) * std::log1p(-p));
    }
    EXPECT_NEAR(tail, 0.025, 1e-9) << passed << " of " << count;
  }
}

Evidence sample() {
  Evidence e;
  e.model = "m";
  e.manifest_digest = crypto::sha256("manifest");
  e.suite = "words";
  e.suite_version = "1";
  e.suite_root = crypto::sha256("suite");
  e.size = 100;
  e.passed = 90;
  e.failed = 8;
  e.errors = 2;
  return e;
}

TEST(Evidence, IsWholeOrNothing) {
  const std::string good = format_evidence(sample());
  const auto read = parse_evidence(good);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(format_evidence(*read), good);
  EXPECT_EQ(read->errors, 2u);
  for (const auto& [from, to] :
       std::map<std::string, std::string>{{"\"passed\":\"90\"", "\"passed\":\"89\""},
                                          {"\"complete\":true", "\"complete\":false"},
                                          {"\"epochs\":\"1\"", "\"epochs\":\"2\""}}) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    const auto refused = parse_evidence(bad);
    ASSERT_FALSE(refused) << to;
    EXPECT_EQ(refused.error().reason, "EVIDENCE_INCOMPLETE") << to;
  }
  EXPECT_FALSE(parse_evidence(fill(good, "\"90\"", "90")));
  EXPECT_FALSE(parse_evidence(fill(good, "\"90\"", "\"18446744073709551615\"")));
  EXPECT_FALSE(parse_evidence(fill(good, "test-result/v0.1", "test-result/v0.2")));
}

TEST(Gate, AnErrorIsTheWorstResult) {
  Charter charter = parse_charter(one_person()).value();
  Power power = *charter.find_power("model.promote");
  Evidence e = sample();
  const auto judged = [&](bool upper, double limit) {
    charter.gates[0].upper = upper;
    charter.gates[0].limit = limit;
    const auto status =
        check_gates(charter, power, "chat", e.manifest_digest, {{{1, {}}, e}}, base::Time{});
    return status ? "" : status.error().reason;
  };
  EXPECT_EQ(judged(false, lower_bound(90, 100, 0.05) - 1e-9), "");
  EXPECT_EQ(judged(false, lower_bound(92, 100, 0.05) - 1e-9), "GATE_BOUND")
      << "errors are not passes";
  EXPECT_EQ(judged(true, upper_bound(92, 100, 0.05) + 1e-9), "");
  EXPECT_EQ(judged(true, upper_bound(90, 100, 0.05) + 1e-9), "GATE_BOUND")
      << "errors are events of harm";
  e.bound = kClusterBound;
  e.alpha = "0.05";
  e.lower = "0.85";
  e.upper = "0.93";
  EXPECT_EQ(judged(false, 0.85), "");
  EXPECT_EQ(judged(false, 0.851), "GATE_BOUND")
      << "results that go together have the judge's bound";
  e.alpha = "0.10";
  EXPECT_EQ(judged(false, 0.5), "GATE_BOUND") << "another confidence than the gate's";
  EXPECT_EQ(judged(false, 0), "") << "any score";
  // With the clusters' summary the bound is computed here, whatever the statement says it is.
  e.clusters = {.clusters = 100, .at_zero = 5, .at_one = 60, .mean = 0.9, .standard_error = 0.02};
  const double lower = base::cluster_bounds(*e.clusters, 0.05).lower;
  EXPECT_NEAR(lower, 0.9 - 1.660391 * 0.02, 1e-6);
  EXPECT_EQ(judged(false, lower - 1e-9), "");
  EXPECT_EQ(judged(false, lower + 1e-9), "GATE_BOUND");
  power.evidence_age_max = base::seconds(10);
  EXPECT_EQ(check_gates(charter, power, "chat", e.manifest_digest, {{{1, {}}, e}},
                        base::Time{} + base::seconds(11))
                .error()
                .reason,
            "EVIDENCE_STALE");
  EXPECT_EQ(check_gates(charter, power, "chat", e.manifest_digest, {}, base::Time{}).error().reason,
            "EVIDENCE_MISSING");
}

}  // namespace
}  // namespace govern
