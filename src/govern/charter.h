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

// A program with a key. It may attest evidence; it never votes.
struct Service {
  std::string id;    // "s.judge"
  std::string role;  // "judge"
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

struct Rule {
  std::string id;  // "normal", "expand"
  Fraction threshold;
  uint64_t floor_for = 1;
  base::Duration notice, timelock, expires;
  std::vector<std::string> consent;  // bodies that each pass their own tally
};

enum class Need : unsigned char { ManifestSealed, GatePassed, TwoBodies };

struct Power {
  std::string action;  // "model.promote"
  std::string body;    // the deciding body
  std::string rule;
  std::vector<Need> needs;
  std::optional<base::Duration> evidence_age_max;  // "evidence.fresh<=90d"
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

struct Charter {
  std::string id;  // "charter.example/lab"
  uint64_t version = 1;
  std::string prev_sha256;
  std::vector<Person> persons;
  std::vector<Service> services;
  std::vector<Body> bodies;
  std::vector<Rule> rules;
  std::vector<Power> powers;
  std::vector<Gate> gates;
  Price default_price;
  std::map<std::string, Price> prices;  // by channel
  std::vector<Plan> plans;
  std::optional<Rollout> rollout;  // none: a release has all of its channel's traffic at once
  std::vector<Monitor> monitors;
  bool declared_runs = false;  // evidence counts only from runs that were declared beforehand

  std::string origin() const { return id + "/log"; }  // the name of its log
  const Person* find_person(std::string_view id) const;
  const Service* find_service(std::string_view id) const;
  const Body* find_body(std::string_view id) const;
  const Rule* find_rule(std::string_view id) const;
  const Power* find_power(std::string_view action) const;
  const Price& price_of(std::string_view channel) const;
  bool sits_in(std::string_view person, BodyClass body_class) const;
  std::vector<std::string> control_persons() const;  // distinct, sorted
  bool one_person_decides() const { return control_persons().size() == 1; }
};

// The public name of a model, as clients ask for it: lower-case letters, digits, '.', '-', '_'; a
// letter or digit first.
bool is_channel_name(std::string_view text);

// Malformed (PARSE_STRICT, UNKNOWN_FIELD, BAD_KEY, …) or FailedPrecondition with reason
// CHARTER_LINT when a rule could never be met or a seat is promised twice. The digest of a charter
// is SHA-256 of the text.
base::Result<Charter> parse_charter(std::string_view text);

struct LintFinding {
  bool is_error = false;
  std::string message;
};
std::vector<LintFinding> lint_charter(const Charter& charter);

}  // namespace govern
