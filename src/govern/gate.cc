#include "govern/gate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "govern/checkpoint.h"
#include "govern/refusal.h"

namespace govern {
namespace {

using json::Object;
using json::Value;

constexpr std::string_view kVerifierId = "https://charter.example/gate/v1";
constexpr std::string_view kEnvelopeUri = "log:";  // an attestation is named by its leaf

bool answers(const Evidence& evidence, const Gate& gate) {
  return (gate.suite == "*" || gate.suite == evidence.suite) && gate.metric == evidence.metric &&
         (!gate.suite_root || *gate.suite_root == evidence.suite_root);
}

std::string percent(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * value);
  return text;
}

// The bound that the gate looks at. Where results stand alone it follows from the counts and is
// computed here; a case that ended in an error counts as the worst: a failure of capability, an
// event of harm. Where results go together the counts do not say enough, and the judge's own bound
// stands, which is signed with the rest.
base::Result<double> bound_of(const Gate& gate, const Evidence& e, double alpha) {
  if (!gate.bound.empty() && gate.bound != e.bound)
    return refuse("GATE_BOUND",
                  "the gate asks for a bound of the kind " + gate.bound +
                      ", the suite's results for " + e.bound,
                  gate.id);
  if (e.bound == kExactBound) {
    if (e.epochs != 1)
      return refuse("GATE_BOUND",
                    "several runs of a case are not independent, so this bound does not hold",
                    gate.id);
    return gate.upper ? upper_bound(e.passed + e.errors, e.size, alpha)
                      : lower_bound(e.passed, e.size, alpha);
  }
  if (e.clusters) {
    const base::RateBounds bounds = base::cluster_bounds(*e.clusters, alpha);
    return gate.upper ? bounds.upper : bounds.lower;
  }
  // A bound at a smaller alpha is wider, so it holds at the gate's too.
  double judged = 1;
  const auto [stop, failure] = std::from_chars(e.alpha.data(), e.alpha.data() + e.alpha.size(),
                                               judged, std::chars_format::fixed);
  const bool fits = failure == std::errc{} && stop == e.alpha.data() + e.alpha.size() &&
                    judged > 0 && judged <= alpha;
  if (!fits)
    return refuse("GATE_BOUND",
                  "the judge's bound was computed at alpha " + e.alpha + ", the gate asks for " +
                      gate.alpha_text + (alpha < gate.alpha ? " and less for each attempt" : ""),
                  gate.id);
  const std::string& text = gate.upper ? e.upper : e.lower;
  double bound = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), bound, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(bound >= 0 && bound <= 1))
    return malformed("a bound is a decimal between 0 and 1", text);
  return bound;
}

// Attempt j at a suite has α/2^j, so that however many there are, together they have α (5.3).
double alpha_of(const Gate& gate, uint32_t attempt) {
  return std::ldexp(gate.alpha, -static_cast<int>(std::min<uint32_t>(attempt, 1000)));
}

base::Result<bool> is_within(const Gate& gate, const Evidence& e, double alpha) {
  TRY(const double bound, bound_of(gate, e, alpha));
  return gate.upper ? bound <= gate.limit : bound >= gate.limit;
}

base::Status check_bound(const Gate& gate, const LoggedEvidence& logged) {
  const Evidence& e = logged.evidence;
  if (e.size < gate.min_n)
    return refuse("GATE_BOUND",
                  "the suite has " + std::to_string(e.size) + " cases, the gate asks for " +
                      std::to_string(gate.min_n),
                  gate.id);
  if (e.epochs < gate.epochs)
    return refuse("GATE_BOUND",
                  "each case ran " + std::to_string(e.epochs) + " times, the gate asks for " +
                      std::to_string(gate.epochs),
                  gate.id);
  if (gate.any_score()) return {};
  const double alpha = alpha_of(gate, logged.attempt);
  TRY(const double bound, bound_of(gate, e, alpha));
  TRY(const bool passed, is_within(gate, e, alpha));
  const auto at_first = is_within(gate, e, gate.alpha);
  if (!passed && logged.attempt > 0 && at_first && *at_first)
    return refuse("ATTEMPT_ALPHA",
                  "suite " + e.suite + ": attempt " + std::to_string(logged.attempt) +
                      " has alpha " + gate.alpha_text + "/2^" + std::to_string(logged.attempt) +
                      ", at which the bound of " + e.metric + " is " + percent(bound) +
                      "; the limit is " + percent(gate.limit),
                  gate.id);
  if (!passed)
    return refuse("GATE_BOUND",
                  "suite " + e.suite + ": the " + (gate.upper ? "upper" : "lower") + " bound of " +
                      e.metric + " is " + percent(bound) + ", the limit is " + percent(gate.limit),
                  gate.id);
  return {};
}

Value resource(std::string uri, const crypto::Digest& digest) {
  return Object{{"uri", std::move(uri)}, {"digest", Object{{"sha256", crypto::hex(digest)}}}};
}

}  // namespace

base::Status check_gates(const Charter& charter, const Power& power, std::string_view channel,
                         const crypto::Digest& manifest,
                         const std::vector<LoggedEvidence>& evidence, base::Time now) {
  for (const LoggedEvidence& logged : evidence) {
    if (logged.evidence.manifest_digest != manifest)
      return refuse("SUBJECT_MISMATCH",
                    "this evidence is about another model: its digest is " +
                        crypto::hex(logged.evidence.manifest_digest),
                    logged.evidence.suite);
    if (power.evidence_age_max && now > logged.evidence.finished + *power.evidence_age_max)
      return refuse("EVIDENCE_STALE",
                    "the run is older than the charter allows; run the suite again",
                    logged.evidence.suite);
  }
  for (const Gate& gate : charter.gates) {
    if (!gate.applies_to(channel)) continue;
    bool answered = false;
    for (const LoggedEvidence& logged : evidence) {
      if (!answers(logged.evidence, gate) || logged.superseded) continue;
      // Every run counts: a bad one is not outweighed by a good one, but by a later attempt at
      // less alpha.
      TRY_VOID(check_bound(gate, logged));
      if (gate.max_age && now > logged.evidence.finished + *gate.max_age)
        return refuse("EVIDENCE_STALE",
                      "the run is older than the gate allows; run the suite again", gate.id);
      answered = true;
    }
    if (!answered)
      return refuse("EVIDENCE_MISSING",
                    "no evidence answers this gate: it asks for suite '" + gate.suite + "' and " +
                        gate.metric + "; run `charter judge` and pass its result with --evidence",
                    gate.id);
  }
  return {};
}

bool breach_halts(const Charter& charter, const Power& power, std::string_view channel,
                  const crypto::Digest& manifest, const std::vector<LoggedEvidence>& evidence,
                  base::Time now) {
  return std::ranges::any_of(charter.gates, [&](const Gate& gate) {
    if (!gate.halt_on_breach) return false;
    Charter one;
    one.gates = {gate};
    const auto status = check_gates(one, power, channel, manifest, evidence, now);
    return !status && status.error().reason != "EVIDENCE_MISSING";
  });
}

crypto::Digest standard_digest(const Charter& charter) {
  json::Array gates;
  for (const Gate& gate : charter.gates) {
    json::Array channels;
    for (const std::string& channel : gate.channels) channels.emplace_back(channel);
    Object entry = {{"id", gate.id},
                    {"suite", gate.suite},
                    {"suite_root", gate.suite_root ? crypto::hex(*gate.suite_root) : ""},
                    {"metric", gate.metric},
                    {"direction", gate.upper ? "upper" : "lower"},
                    {"limit", gate.limit_text},
                    {"alpha", gate.alpha_text},
                    {"bound", gate.bound},
                    {"min_n", std::to_string(gate.min_n)},
                    {"channels", std::move(channels)}};
    // What came later is named where it is asked for, so that older standards keep their digest.
    if (gate.epochs > 1) entry.emplace_back("epochs", std::to_string(gate.epochs));
    if (gate.max_age) entry.emplace_back("max_age", std::to_string(gate.max_age->ns));
    if (gate.halt_on_breach) entry.emplace_back("on_breach", "halt");
    gates.emplace_back(std::move(entry));
  }
  return crypto::sha256(json::canonical(gates));
}

Value evidence_to_json(const std::vector<LoggedEvidence>& evidence) {
  json::Array out;
  for (const LoggedEvidence& logged : evidence) {
    const Evidence& e = logged.evidence;
    out.emplace_back(Object{{"suite", e.suite + '@' + e.suite_version},
                            {"suiteRoot", crypto::hex(e.suite_root)},
                            {"resultRoot", crypto::hex(e.result_root)},
                            {"size", std::to_string(e.size)},
                            {"epochs", std::to_string(e.epochs)},
                            {"leaf", std::to_string(logged.at.leaf)}});
  }
  return out;
}

std::string format_gate_verdict(const GateVerdict& v) {
  json::Array inputs;
  for (const LeafReference& reference : v.evidence)
    inputs.push_back(
        resource(std::string(kEnvelopeUri) + std::to_string(reference.leaf), reference.sha256));
  const Value predicate =
      Object{{"verifier", Object{{"id", kVerifierId}}},
             {"timeVerified", base::rfc3339(v.verified)},
             {"resourceUri", "channel:" + v.channel},
             {"policy", resource("standard", v.standard)},
             {"inputAttestations", std::move(inputs)},
             {"verificationResult", v.passed ? "PASSED" : "FAILED"},
             {"verifiedLevels", v.passed ? json::Array{"CHARTER_GATE_PASSED"} : json::Array{}},
             {"slsaVersion", "1.0"}};
  return format_statement({v.model, v.manifest, std::string(kVerificationSummaryType), predicate});
}

base::Result<GateVerdict> parse_gate_verdict(std::string_view payload) {
  TRY(const Statement statement, parse_statement(payload));
  if (statement.predicate_type != kVerificationSummaryType)
    return malformed("the statement is not a verification summary", statement.predicate_type);
  GateVerdict v;
  v.model = statement.subject_name;
  v.manifest = statement.subject_digest;
  TRY(const std::string channel, json::get_string(statement.predicate, "resourceUri"));
  if (!channel.starts_with("channel:")) return malformed("a verdict is about a channel", channel);
  v.channel = channel.substr(8);
  TRY(const json::Value* policy, json::get_object(statement.predicate, "policy"));
  TRY(const json::Value* policy_digest, json::get_object(*policy, "digest"));
  TRY(v.standard, get_digest(*policy_digest, "sha256"));
  TRY(v.verified, get_time(statement.predicate, "timeVerified"));
  TRY(const std::string result, json::get_string(statement.predicate, "verificationResult"));
  v.passed = result == "PASSED";
  TRY(const json::Array* inputs, json::get_array(statement.predicate, "inputAttestations"));
  for (const Value& input : *inputs) {
    LeafReference reference;
    TRY(const std::string uri, json::get_string(input, "uri"));
    if (!uri.starts_with(kEnvelopeUri))
      return malformed("an attestation is named by its leaf", uri);
    TRY(reference.leaf, parse_decimal(std::string_view(uri).substr(kEnvelopeUri.size())));
    TRY(const json::Value* digest, json::get_object(input, "digest"));
    TRY(reference.sha256, get_digest(*digest, "sha256"));
    v.evidence.push_back(reference);
  }
  if (format_gate_verdict(v) != payload)
    return malformed("the verdict is not in the form that this gate writes");
  return v;
}

}  // namespace govern
