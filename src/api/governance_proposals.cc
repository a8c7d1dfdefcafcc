// Proposals as people look at them: who has said what, what is still missing, what the evidence
// shows, and what the charter would say to a count at this moment. Nothing here is stored; all of
// it is computed from the log by the functions that decide.
#include <algorithm>
#include <charconv>

#include "api/admin.h"
#include "api/governance.h"
#include "govern/decisions.h"
#include "govern/gate.h"

namespace api {
namespace {

using govern::BallotRecord;
using govern::ProposalState;
using json::Array;
using json::Object;
using json::Value;

// The terms are those of the charter under which the vote was opened.
struct Terms {
  const govern::Power& power;
  govern::Rule rule;
};
Terms terms_of(const ProposalState& proposal) {
  const govern::Power* power = proposal.opened->find_power(proposal.proposal->action);
  return {*power, govern::terms_of_proposal(*proposal.opened, proposal)};
}

std::string_view stage_text(const ProposalState& proposal, base::Time now) {
  const bool open = proposal.stage == govern::Stage::Voting;
  if (open && now > govern::deadline_of(proposal)) return "expired";
  return govern::stage_name(proposal.stage);
}

Value timeline_json(const journal::House& house, const ProposalState& p) {
  const Terms terms = terms_of(p);
  Value out = Object{{"opened_at", p.logged.seconds()},
                     {"notice_ends_at", (p.logged + terms.rule.notice).seconds()},
                     {"expires_at", govern::deadline_of(p).seconds()},
                     {"timelock_seconds", terms.rule.timelock.ns / 1'000'000'000}};
  const bool counted = p.stage != govern::Stage::Voting;
  out.set("counted_at", counted ? Value(p.tallied.seconds()) : Value());
  out.set("timelock_ends_at",
          counted ? Value((p.tallied + terms.rule.timelock).seconds()) : Value());
  if (terms.rule.veto) {
    const govern::VetoRight& veto = *terms.rule.veto;
    out.set("veto",
            Object{{"body", veto.body},
                   {"needs", veto.needs},
                   {"window_seconds", veto.window.ns / 1'000'000'000},
                   {"by", person_names(p.vetoes)},
                   {"ends_at", counted ? Value((p.tallied + veto.window).seconds()) : Value()}});
  }
  const bool released = p.stage == govern::Stage::Released;
  out.set("released_at",
          released ? Value(house.log().leaf(p.release.leaf).time.seconds()) : Value());
  return out;
}

Array strings_json(const std::vector<std::string>& list) { return {list.begin(), list.end()}; }

const BallotRecord* ballot_of(const ProposalState& p, const std::string& body,
                              const std::string& person) {
  const auto found = std::ranges::find_if(p.ballots, [&](const BallotRecord& record) {
    return record.body == body && record.person == person;
  });
  return found == p.ballots.end() ? nullptr : &*found;
}

Value member_json(const journal::House& house, const ProposalState& p, const std::string& body,
                  const std::string& person) {
  const BallotRecord* ballot = ballot_of(p, body, person);
  const auto conflict = p.conflicts.find({body, person});
  Value out = Object{{"person", person}, {"recused", p.recused.contains(person)}};
  out.set("conflict_said_by",
          conflict == p.conflicts.end() ? Value(Array{}) : person_names(conflict->second));
  out.set("vote", ballot == nullptr ? Value() : Value(govern::vote_name(ballot->vote)));
  out.set("ballot", ballot == nullptr ? Value() : reference_json(ballot->at));
  out.set("voted_at",
          ballot == nullptr ? Value() : Value(house.log().leaf(ballot->at.leaf).time.seconds()));
  return out;
}

Value body_json(const journal::House& house, const ProposalState& p,
                const govern::BodyResult& result) {
  const govern::Body& body = *p.opened->find_body(result.body);
  Array members, waiting;
  for (const std::string& person : body.members) {
    members.push_back(member_json(house, p, body.id, person));
    if (ballot_of(p, body.id, person) == nullptr && !p.recused.contains(person))
      waiting.emplace_back(person);
  }
  const uint64_t missing =
      result.passed || result.votes_for >= result.needed ? 0 : result.needed - result.votes_for;
  return Object{{"id", body.id},
                {"class", govern::body_class_name(body.body_class)},
                {"seats", result.seats},
                {"eligible", result.eligible},
                {"needed", result.needed},
                {"for", result.votes_for},
                {"against", result.votes_against},
                {"abstained", result.abstained},
                {"passed", result.passed},
                {"votes_missing", missing},
                {"not_voted", std::move(waiting)},
                {"members", std::move(members)}};
}

// Who is told and never counted.
Value heard_json(const ProposalState& p) {
  Array out;
  for (const govern::Body& body : p.opened->bodies) {
    if (body.body_class != govern::BodyClass::Economic) continue;
    Array members;
    for (const std::string& person : body.members) members.emplace_back(person);
    out.emplace_back(Object{{"id", body.id}, {"members", std::move(members)}});
  }
  return out;
}

// The name of what the charter would refuse now, or null where it would not.
Value refusal_now(const journal::House& house, const ProposalState& p, base::Time now) {
  const auto refusal = [](std::string_view code, std::string_view message) {
    return Value(Object{{"code", code}, {"message", message}});
  };
  if (p.stage == govern::Stage::Released) return {};
  if (p.stage == govern::Stage::Vetoed)
    return refusal("VETOED", "the body with the right to it has vetoed this");
  if (p.stage == govern::Stage::Voting) {
    const auto outcome = govern::outcome_of(house.state(), p, now);
    return outcome ? Value() : refusal(outcome.error().reason, outcome.error().message);
  }
  const base::Status ready = govern::check_ready(house.state(), p, now);
  return ready ? Value() : refusal(ready.error().reason, ready.error().message);
}

std::optional<double> decimal(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}
Value decimal_json(std::string_view text) {
  const auto value = decimal(text);
  return value ? Value(*value) : Value();
}

// One gate and one run that answers it: the estimate with its bounds, the limit, and the gate's own
// word on it.
Value run_json(const govern::Gate& gate, const govern::LoggedEvidence& logged) {
  const govern::Evidence& e = logged.evidence;
  const double count = static_cast<double>(e.size * e.epochs);
  const uint64_t events = gate.upper ? e.passed + e.errors : e.passed;
  Value out = Object{{"suite", e.suite + "@" + e.suite_version},
                     {"at", reference_json(logged.at)},
                     {"cases", e.size},
                     {"epochs", e.epochs},
                     {"passed", e.passed},
                     {"failed", e.failed},
                     {"errors", e.errors},
                     {"estimate", count > 0 ? Value(static_cast<double>(events) / count) : Value()},
                     {"bound_kind", e.bound},
                     {"attempt", int64_t{logged.attempt}},
                     {"superseded", logged.superseded},
                     {"finished_at", e.finished.seconds()}};
  const bool exact = e.bound == govern::kExactBound && e.size > 0;
  out.set("lower",
          exact ? Value(govern::lower_bound(events, e.size, gate.alpha)) : decimal_json(e.lower));
  out.set("upper",
          exact ? Value(govern::upper_bound(events, e.size, gate.alpha)) : decimal_json(e.upper));
  return out;
}

Value gate_json(const ProposalState& p, const govern::Gate& gate,
                const std::vector<govern::LoggedEvidence>& evidence, base::Time now) {
  govern::Charter alone;
  alone.gates = {gate};
  const base::Status status =
      govern::check_gates(alone, terms_of(p).power, p.proposal->channel,
                          govern::manifest_digest(p.proposal->manifest), evidence, now);
  Array runs;
  for (const govern::LoggedEvidence& logged : evidence) {
    const bool answers = (gate.suite == "*" || gate.suite == logged.evidence.suite) &&
                         gate.metric == logged.evidence.metric;
    if (answers) runs.push_back(run_json(gate, logged));
  }
  Value out = Object{{"gate", gate.id},
                     {"metric", gate.metric},
                     {"direction", gate.upper ? "upper" : "lower"},
                     {"limit", gate.limit},
                     {"alpha", gate.alpha_text},
                     {"any_score", gate.any_score()},
                     {"passed", status.has_value()},
                     {"runs", std::move(runs)}};
  out.set("refusal", status ? Value()
                            : Value(Object{{"code", status.error().reason},
                                           {"message", status.error().message}}));
  return out;
}

Value evidence_json(const journal::House& house, const ProposalState& p, base::Time now) {
  const auto evidence = govern::evidence_of(house.state(), *p.proposal);
  Array out;
  if (govern::has_subject(p.proposal->action)) return out;  // of models alone
  for (const govern::Gate& gate : p.opened->gates)
    if (gate.applies_to(p.proposal->channel)) out.push_back(gate_json(p, gate, evidence, now));
  return out;
}

Value summary_json(const journal::House& house, const crypto::Digest& digest,
                   const ProposalState& p, base::Time now) {
  const govern::Outcome outcome = govern::count_ballots(house.state(), p);
  Array bodies;
  for (const govern::BodyResult& result : outcome.bodies)
    bodies.push_back(body_json(house, p, result));
  const Value refusal = refusal_now(house, p, now);
  return Object{{"object", "charter.proposal"},
                {"id", crypto::hex(digest)},
                {"action", p.proposal->action},
                {"channel", p.proposal->channel},
                {"model", p.proposal->model},
                {"person", p.proposal->person},
                {"epoch", p.proposal->epoch},
                {"stage", stage_text(p, now)},
                {"at", reference_json(p.at)},
                {"one_person_decides", house.charter().one_person_decides()},
                {"now", now.seconds()},
                {"timeline", timeline_json(house, p)},
                {"enough_votes", outcome.passed},
                {"if_counted_now", Object{{"passes", refusal.is_null()}, {"refusal", refusal}}},
                {"not_told", strings_json(govern::not_yet_told(p))},
                {"bodies", std::move(bodies)}};
}

}  // namespace

void list_proposals(const Call& call) {
  answer_from_house(call, [&](const journal::House& house) -> base::Result<Value> {
    std::vector<std::pair<uint64_t, crypto::Digest>> order;
    for (const auto& [digest, proposal] : house.state().proposals)
      order.emplace_back(proposal.at.leaf, digest);
    std::ranges::sort(order, std::greater<>());
    Array data;
    for (const auto& [leaf, digest] : order)
      data.push_back(
          summary_json(house, digest, house.state().proposals.at(digest), call.app->clock.now()));
    return page_of(call, std::move(data));
  });
}

void get_proposal(const Call& call) {
  answer_from_house(call, [&](const journal::House& house) -> base::Result<Value> {
    TRY(const ProposalState* proposal, proposal_named(house, call.parameters[0]));
    const base::Time now = call.app->clock.now();
    TRY(const crypto::Digest digest, journal::find_proposal(house, call.parameters[0]));
    TRY(const govern::LoggedStatement signed_one, house.log().statement(proposal->at.leaf));
    Value out = summary_json(house, digest, *proposal, now);
    if (const std::string& action = proposal->proposal->action; govern::has_subject(action))
      out.set("subject", govern::subject_to_json(action, proposal->proposal->subject));
    else
      out.set("manifest_digest",
              crypto::hex(govern::manifest_digest(proposal->proposal->manifest)));
    out.set("evidence", evidence_json(house, *proposal, now));
    out.set("heard", heard_json(*proposal));
    out.set("payload_text", signed_one.envelope.payload);
    if (proposal->stage != govern::Stage::Voting) out.set("tally", reference_json(proposal->tally));
    if (proposal->stage == govern::Stage::Released)
      out.set("release", reference_json(proposal->release));
    return out;
  });
}

}  // namespace api
