// The charter: who there is, which bodies they sit in, by which rules a body decides what, which
// evidence a channel asks for, and what a token costs. Read from charter.toml by a parser that
// refuses whatever it does not know, because a rule that is not enforced must not look as if it
// were.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "crypto/sha256.h"
#include "govern/monitor.h"
#include "govern/note.h"
#include "govern/rollout.h"

namespace govern {

enum class BodyClass : unsigned char { Control, Consult, Economic };
std::string_view body_class_name(BodyClass body_class);

struct Person {
  std::string id;  // "p.ada"
  std::vector<VerifierKey> keys;
  std::vector<std::string> interests;
};

// A program with a key. It may attest or restrict; it never votes.
struct Service {
  std::string id;    // "s.judge"
  std::string role;  // judge, gate, monitor, timestamp, trainer, oncall
  std::vector<VerifierKey> keys;
};

struct Body {
  std::string id;
  BodyClass body_class = BodyClass::Control;
  uint64_t seats = 0;
  uint64_t min_filled = 0;
  std::vector<std::string> members;  // persons; at most `seats`
};

struct Fraction {
  uint64_t numerator = 1, denominator = 2;
  uint64_t of(uint64_t count) const {
    return (numerator * count + denominator - 1) / denominator;
  }  // rounded up
};

// `needs` persons of the body stop what has passed, until `window` after the tally is over.
struct VetoRight {
  std::string body;
  uint64_t needs = 1;
  base::Duration window;
};

struct Rule {
  std::string id;  // "normal", "expand"
  Fraction threshold;
  uint64_t floor_for = 1;
  base::Duration notice, timelock, expires;
  std::vector<std::string> consent;  // bodies that each pass their own tally
  std::optional<VetoRight> veto;
  base::Duration late_extension;  // from the ballot that carries a motion to its earliest close
};

inline constexpr std::string_view kIssuerAlone = "stop.issuer_alone";
inline constexpr std::string_view kAnyOne = "any_one";  // the rule of powers that one holder has

enum class Need : unsigned char { ManifestSealed, GatePassed, TwoBodies, RunsDeclared };

// Fields of its rule that a power states anew.
struct RuleOverride {
  std::optional<Fraction> threshold;
  std::optional<uint64_t> floor_for;
  std::optional<base::Duration> notice, timelock, expires, late_extension;
  std::optional<std::vector<std::string>> consent;
  std::optional<VetoRight> veto;
};

struct Power {
  std::string action;  // "model.promote"
  std::string body;    // the deciding body; empty for rule "any_one"
  std::string rule;
  std::vector<Need> needs;
  std::optional<base::Duration> evidence_age_max;  // "evidence.fresh<=90d"
  RuleOverride own = {};
  // Who leaves the base when voting opens: "subject", "interests" (whoever disclosed one that names
  // the subject), or an interest itself, such as "holding:tranche.M".
  std::vector<std::string> recuse = {};
  std::vector<std::string> notify =
      {};                      // "subject" or bodies: all of them are told before it closes
  std::string must_open = {};  // an action that keeps this one from lapsing after a day
  std::optional<base::Duration> max_duration = {};
  std::vector<std::string> holders = {};  // of rule "any_one": see is_holder()
  std::vector<std::string> not_by = {};   // "stop.issuer_alone"
  bool any_one() const { return rule == kAnyOne; }
};

// One thing that the evidence for a release must show.
struct Gate {
  std::string id;
  std::string suite;                         // "*": a run of any suite
  std::optional<crypto::Digest> suite_root;  // absent: any version of the suite
  std::string metric;
  bool upper = false;  // harm: the upper bound is at most the limit
  std::string limit_text, alpha_text;
  std::string bound;  // empty: the one that the suite's results ask for
  double limit = 0, alpha = 0.05;
  uint64_t min_n = 1;
  std::vector<std::string> channels;  // empty: all
  uint64_t epochs = 1;                // runs of each case, at least
  std::optional<base::Duration> max_age;
  bool halt_on_breach = false;  // a verdict that it failed halts what is being served
  bool applies_to(std::string_view channel) const;
  bool any_score() const { return upper ? limit >= 1 : limit <= 0; }
};

// Micro-dollars per 1,000,000 tokens.
struct Price {
  uint64_t input_micro_per_million = 10'000'000;   // $0.01 per 1,000 tokens read
  uint64_t output_micro_per_million = 30'000'000;  // $0.03 per 1,000 tokens written
};

struct Plan {
  std::string id, name;
  uint64_t monthly_cents = 0;
};

struct Succession {
  std::map<std::string, std::vector<std::string>> lists;  // by body, in order
  base::Duration interim_max{int64_t{60} * 86'400 * 1'000'000'000};
};

// A share of the body's persons, as they are enrolled at the first signature, forces a vote.
struct PetitionRight {
  std::string body;
  Fraction share{1, 3};
};

// Who is paid at most what, and where the rest goes. Kept by the ledger; here because the paths can
// be entrenched.
struct Economics {
  std::map<std::string, uint64_t> cap;  // by tranche: the multiple of what was put in
  std::string residual;
};

// Which moderation model reads what clients send and what they are sent, and what follows when a
// category's score reaches its threshold. The model is named by its bytes: it belongs to what was
// decided as much as the weights do.
enum class ModerationAction : unsigned char { Off, Flag, Block };

struct ModerationRules {
  crypto::Digest model{};                           // of its manifest
  ModerationAction before = ModerationAction::Off;  // the prompt, before anything is generated
  ModerationAction after = ModerationAction::Off;   // the answer, before it goes out
  std::map<std::string, double> thresholds;         // by category; absent: the model's own
};

struct Charter {
  std::string id;  // "charter.example/lab"
  uint64_t version = 1;
  std::string prev_sha256;
  std::string text;                                     // as parsed
  std::string witness_policy;                           // name of the policy file, for people
  std::optional<crypto::Digest> witness_policy_sha256;  // of its text, which the log's entry holds
  uint64_t elapsed_witnesses = 0;                       // 0: waits are measured by the log's times
  base::Duration lease_ttl{int64_t{86'400} * 1'000'000'000};
  std::vector<Person> persons;
  std::vector<Service> services;
  std::vector<Body> bodies;
  std::vector<Rule> rules;
  std::vector<Power> powers;
  std::vector<Gate> gates;
  std::vector<Monitor> monitors;
  Price default_price;
  std::map<std::string, Price> prices;  // by channel
  std::vector<Plan> plans;
  std::optional<Rollout> rollout;  // none: a release has all of its channel's traffic at once
  bool declared_runs = false;      // evidence counts only from runs that were declared beforehand
  std::vector<std::string> entrenched;  // paths: "rule.entrenched", "body.investors.class"
  Succession succession;
  std::optional<PetitionRight> petition;
  std::optional<Economics> economics;
  std::optional<ModerationRules> moderation;  // none: nothing is checked
  std::vector<VerifierKey> recovery_keys;     // offline; needed beside the vote to recover a key
  uint64_t recovery_needs = 1;

  std::string origin() const { return id + "/log"; }  // the name of its log
  const Person* find_person(std::string_view id) const;
  const Service* find_service(std::string_view id) const;
  const Body* find_body(std::string_view id) const;
  const Rule* find_rule(std::string_view id) const;
  const Power* find_power(std::string_view action) const;
  const Price& price_of(std::string_view channel) const;
  bool sits_in(std::string_view person, BodyClass body_class) const;
  bool only_economic(std::string_view person) const;  // sits there and nowhere else
  std::vector<std::string> control_persons() const;   // distinct, sorted
  bool one_person_decides() const { return control_persons().size() == 1; }
};

// The rule of a power with what the power states anew.
Rule terms_of(const Charter& charter, const Power& power);

// Whether a person or service has a power of rule "any_one". Its holders are "board.*" (the members
// of a body, or the services of a role), "oncall" (the services of a role), or one id.
bool is_holder(const Charter& charter, const Power& power, std::string_view id);

// What the program knows how to decide.
struct Action {
  std::string_view name;
  bool expands = true;  // gives somebody or something more; false: it only restricts
  bool two_man =
      false;  // two persons for, of two bodies, neither the proposer, whatever the charter
};
const Action* find_action(std::string_view name);  // null: not known

// The public name of a model, as clients ask for it: lower-case letters, digits, '.', '-', '_'; a
// letter or digit first.
bool is_channel_name(std::string_view text);

// Malformed (PARSE_STRICT, UNKNOWN_FIELD, BAD_KEY, …) or FailedPrecondition with reason
// CHARTER_LINT when a rule could never be met or a seat is promised twice. The digest of a charter
// is SHA-256 of the text. Version 1 has no prev_sha256, every later one has it.
base::Result<Charter> parse_charter(std::string_view text);

struct LintFinding {
  bool is_error = false;
  std::string message;
};
std::vector<LintFinding> lint_charter(const Charter& charter);

}  // namespace govern
