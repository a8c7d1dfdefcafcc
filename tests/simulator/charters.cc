#include "charters.h"

#include <algorithm>

#include "base/check.h"
#include "base/random.h"

namespace simulator {
namespace {

using base::Rng;

template <class T, size_t N>
const T& one_of(const T (&items)[N], Rng* rng) {
  return items[rng->below(N)];
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ", \"" : "\"") + item + '"';
  return out + "]";
}

struct Shape {
  std::vector<std::string> board, safety, trust;
  uint64_t floor = 1;
  bool has_trust = false, has_rollout = false, has_services = false;
};

Shape random_shape(Rng* rng) {
  Shape shape;
  const uint64_t board = 1 + rng->below(6);
  for (uint64_t i = 0; i < board; ++i) shape.board.push_back("p.b" + std::to_string(i));
  const uint64_t safety = 1 + rng->below(3);
  for (uint64_t i = 0; i < safety; ++i) shape.safety.push_back("p.s" + std::to_string(i));
  if (rng->below(3) == 0) shape.safety.push_back("p.b0");  // one person in two bodies
  shape.has_trust = rng->below(2) == 0;
  if (shape.has_trust) shape.trust = {"p.t0", "p.t1"};
  shape.floor = 1 + rng->below(shape.board.size());
  shape.has_rollout = rng->below(2) == 0;
  shape.has_services = rng->below(3) != 0;
  return shape;
}

std::string people(const Shape& shape) {
  std::vector<std::string> all = shape.board;
  for (const std::string& person : shape.safety)
    if (std::ranges::find(all, person) == all.end()) all.push_back(person);
  all.insert(all.end(), shape.trust.begin(), shape.trust.end());
  all.insert(all.end(), {"p.i0", "p.i1"});  // investors
  all.insert(all.end(), {"p.spare"});       // of no body
  std::string out;
  for (const std::string& person : all) {
    // Two keys of one person, so that whoever counts keys counts wrong.
    out += "[[person]]\nid = \"" + person + "\"\nkeys = [\"<VKEY " + person + ">\", \"<VKEY " +
           person + ".second>\"]\n";
    if (person == "p.b1") out += "interests = [\"holding:tranche.M\"]\n";
  }
  if (!shape.has_services) return out;
  for (const char* role : {"judge", "gate", "monitor", "timestamp", "trainer"})
    out += std::string("[[service]]\nid = \"s.") + role + "\"\nrole = \"" + role +
           "\"\nkeys = [\"<VKEY s." + role + ">\"]\n";
  return out;
}

std::string body(const std::string& id, const std::string& kind,
                 const std::vector<std::string>& members, uint64_t min_filled) {
  return "[[body]]\nid = \"" + id + "\"\nclass = \"" + kind +
         "\"\nseats = " + std::to_string(members.size()) +
         "\nmin_filled = " + std::to_string(min_filled) + "\nmembers = " + quoted_list(members) +
         "\n";
}

std::string rule(const std::string& id, const Shape& shape, Rng* rng) {
  constexpr const char* kThresholds[] = {"1/2", "2/3", "3/4", "5/6", "1/3"};
  constexpr const char* kWaits[] = {"0h", "1h", "24h", "72h"};
  std::string out = "[rule." + id + "]\nthreshold = \"" + one_of(kThresholds, rng) +
                    "\"\nfloor_for = " + std::to_string(shape.floor) + "\nnotice = \"" +
                    one_of(kWaits, rng) + "\"\ntimelock = \"" + one_of(kWaits, rng) +
                    "\"\nexpires = \"14d\"\n";
  std::vector<std::string> consent = {"safety"};
  if (shape.has_trust && rng->below(3) == 0) consent.push_back("trust");
  out += "consent = " + quoted_list(consent) + "\n";
  if (shape.has_trust && rng->below(2) == 0)
    out += "veto = { body = \"trust\", needs = " + std::to_string(1 + rng->below(2)) +
           ", window = \"48h\" }\n";
  if (rng->below(3) == 0) out += "late_extension = \"12h\"\n";
  return out;
}

std::string power(const std::string& action, const std::string& rule_id, const std::string& more) {
  return "[[power]]\naction = \"" + action + "\"\nbody = \"board\"\nrule = \"" + rule_id + "\"\n" +
         more;
}

std::string powers(const Shape& shape, Rng* rng) {
  std::string out = power("model.promote", "expand",
                          "needs = [\"gate.passed\", \"evidence.fresh<=90d\"" +
                              std::string(rng->below(2) == 0 ? ", \"two_bodies\"" : "") + "]\n");
  out += power("person.remove_executive", "expand",
               "recuse = [\"subject\"]\nnotify = [\"subject\", \"board\", \"investors\"]\n");
  out += power("person.suspend_executive", "normal",
               "notice = \"0h\"\ntimelock = \"0h\"\nmust_open = \"person.remove_executive\"\n"
               "max_duration = \"10d\"\n");
  out += power("charter.amend", "expand", "");
  out += power("charter.restrict", "normal", "");
  out += power("fill_seat", "normal", "");
  out += power("payout", "expand", "recuse = [\"interests\"]\n");
  out += power("motion", "normal", rng->below(2) == 0 ? "recuse = [\"holding:tranche.M\"]\n" : "");
  out += power("weights.export", "expand", "");
  out += power("resume", "normal", "not_by = [\"stop.issuer_alone\"]\n");
  out += power("key.recover", "expand", "");
  out += "[[power]]\naction = \"stop\"\nrule = \"any_one\"\nholders = [\"board.*\", \"safety.*\"";
  out += shape.has_services ? ", \"monitor.*\"]\n" : "]\n";
  return out;
}

}  // namespace

RandomCharter random_charter(uint64_t seed) {
  // A text that the linter refuses is no charter; the next one follows from the same seed.
  for (uint64_t attempt = 0;; ++attempt) {
    Rng rng(seed * 1000 + attempt);
    const Shape shape = random_shape(&rng);
    RandomCharter out;
    const uint64_t witnesses = rng.below(4) == 0 ? 0 : 3 + rng.below(3);
    for (uint64_t i = 0; i < witnesses; ++i) out.witnesses.push_back("w" + std::to_string(i));
    if (witnesses > 0) out.witnesses_needed = 1 + rng.below((witnesses + 1) / 2);
    for (const std::string& name : out.witnesses)
      out.policy += "witness " + name + " <WITNESS " + name + ">\n";
    if (witnesses > 0) {
      out.policy += "group all " + std::to_string(out.witnesses_needed);
      for (const std::string& name : out.witnesses) out.policy += " " + name;
      out.policy += "\nquorum all\n";
    }
    govern::RehearsalKeys keys(1);
    const std::string policy = keys.fill_in(out.policy);
    std::string text = "[charter]\nid = \"simulated/lab\"\nversion = 1\nprev_sha256 = \"\"\n";
    if (witnesses > 0)
      text += "witness_policy = \"policy.txt\"\nwitness_policy_sha256 = \"" +
              crypto::hex(crypto::sha256(policy)) + "\"\n";
    text += "[time]\nelapsed_witnesses = " + std::to_string(out.witnesses_needed) + "\n";
    text += people(shape);
    text += body("board", "control", shape.board, rng.below(shape.board.size() + 1));
    text += body("safety", rng.below(2) == 0 ? "consult" : "control", shape.safety, 1);
    if (shape.has_trust) text += body("trust", "control", shape.trust, 1);
    text += body("investors", "economic", {"p.i0", "p.i1"}, 0);
    text += rule("normal", shape, &rng) + rule("expand", shape, &rng);
    text += rule("entrenched", shape, &rng);
    text += powers(shape, &rng);
    text +=
        "[[gate]]\nid = \"any\"\nsuite = \"words\"\nmetric = \"accuracy\"\ndirection = "
        "\"lower\"\nlimit = \"0.50\"\nmin_n = 10\non_breach = \"halt\"\n";
    if (shape.has_rollout)
      text +=
          "[rollout]\nstages = [1, 25, 100]\nmin_exposures = 100\nmin_stage = \"1h\"\n"
          "[[monitor]]\nid = \"harm\"\np0 = \"0.001\"\np1 = \"0.2\"\nalpha = \"0.001\"\n"
          "silence = \"1h\"\n";
    text += "[entrench]\npaths = [\"entrench\", \"rule.entrenched\", \"power.stop\"]\n";
    text += "[petition]\nbody = \"safety\"\nshare = \"1/3\"\n";
    if (shape.board.size() > 2 && rng.below(2) == 0)
      text += "[succession]\nboard = [\"p.spare\"]\ninterim_max = \"30d\"\n";
    out.text = text;
    const auto parsed = govern::parse_charter(keys.fill_in(text));
    if (parsed) return out;
    if (attempt == 100) fprintf(stderr, "%s\n", (parsed.error().text() + text).c_str());
    CHECK(attempt < 100);
  }
}

std::string random_amendment(const govern::Charter& current, base::Rng* rng) {
  std::string text = current.text;
  const auto replace = [&text](const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    if (at != text.npos) text.replace(at, from.size(), to);
  };
  replace("version = " + std::to_string(current.version),
          "version = " + std::to_string(current.version + (rng->below(8) == 0 ? 2 : 1)));
  replace(
      "prev_sha256 = \"" + current.prev_sha256 + '"',
      "prev_sha256 = \"" +
          (rng->below(8) == 0 ? current.prev_sha256 : crypto::hex(crypto::sha256(current.text))) +
          '"');
  constexpr const char* kChanges[][2] = {
      {"notice = \"72h\"", "notice = \"1h\""},
      {"notice = \"1h\"", "notice = \"24h\""},
      {"timelock = \"72h\"", "timelock = \"0h\""},
      {"timelock = \"24h\"", "timelock = \"0h\""},
      {"timelock = \"0h\"", "timelock = \"24h\""},
      {"threshold = \"1/2\"", "threshold = \"2/3\""},
      {"threshold = \"2/3\"", "threshold = \"1/2\""},
      {"holders = [\"board.*\", ", "holders = ["},
      {"paths = [\"entrench\", ", "paths = ["},
      {"limit = \"0.50\"", "limit = \"0.10\""},
      {"limit = \"0.50\"", "limit = \"0.60\""},
      {"class = \"economic\"", "class = \"control\""},
      {"elapsed_witnesses = 2", "elapsed_witnesses = 1"},
      {"max_duration = \"10d\"", "max_duration = \"20d\""},
      {"[rule.entrenched]\nthreshold = \"5/6\"", "[rule.entrenched]\nthreshold = \"1/2\""},
  };
  const auto& change = kChanges[rng->below(std::size(kChanges))];
  replace(change[0], change[1]);
  return text;
}

}  // namespace simulator
