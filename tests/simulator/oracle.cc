#include "oracle.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"

namespace simulator {
namespace {

using govern::Charter;
using govern::Kind;
using govern::LoggedStatement;
using govern::Phase;
using govern::Power;
using govern::ProposalState;
using govern::Rule;
using govern::State;
using govern::Vote;

// Honest witnesses are at most five minutes off, in either direction.
constexpr base::Duration kSkewMax = base::seconds(600);

// Persons whose keys stand under the envelope; the names of keys begin with their holder's id.
std::set<std::string> persons_of(const Charter& charter, const govern::Envelope& envelope) {
  std::set<std::string> out;
  for (const govern::EnvelopeSignature& signature : envelope.signatures)
    for (const govern::Person& person : charter.persons)
      for (const govern::VerifierKey& key : person.keys)
        if (key.name == signature.key_id) out.insert(person.id);
  return out;
}

uint64_t bodies_signing(const Charter& charter, const std::set<std::string>& persons) {
  uint64_t bodies = 0;
  for (const govern::Body& body : charter.bodies) {
    if (body.body_class == govern::BodyClass::Economic) continue;
    bodies += std::ranges::any_of(body.members, [&](const auto& m) { return persons.contains(m); });
  }
  return bodies;
}

uint64_t share_of(const State& state, const std::string& channel) {
  const auto found = state.life.channels.find(channel);
  if (found == state.life.channels.end()) return 0;
  uint64_t best = 0;
  for (const govern::Arm& arm : found->second.arms)
    if (arm.phase == Phase::Canary || arm.phase == Phase::Production)
      best = std::max(best, arm.share);
  return best;
}

// Votes of distinct persons with a seat when voting opened, first ones only.
struct Recount {
  uint64_t votes_for = 0, votes_against = 0, eligible = 0;
};
Recount recount(const Charter& charter, const ProposalState& p, const std::string& body_id) {
  Recount out;
  const govern::Body* body = charter.find_body(body_id);
  if (body == nullptr || body->body_class == govern::BodyClass::Economic) return out;
  std::set<std::string> seats(body->members.begin(), body->members.end());
  for (const std::string& person : p.recused) seats.erase(person);
  out.eligible = seats.size();
  std::set<std::string> counted;
  for (const govern::BallotRecord& ballot : p.ballots) {
    if (ballot.body != body_id || !seats.contains(ballot.person)) continue;
    if (!counted.insert(ballot.person).second) continue;
    out.votes_for += ballot.vote == Vote::For;
    out.votes_against += ballot.vote == Vote::Against;
  }
  return out;
}

// Not fewer than a charter asks for, whatever else the house may ask on top of it.
std::string check_votes(const Charter& charter, const ProposalState& p) {
  const Power* power = charter.find_power(p.proposal->action);
  if (power == nullptr || power->any_one()) return "17: an action was decided that no power names";
  const bool special = p.entrenched && charter.find_rule("entrenched") != nullptr;
  const Rule rule = special ? *charter.find_rule("entrenched") : terms_of(charter, *power);
  const auto check_body = [&](const std::string& body, uint64_t floor) -> std::string {
    const Recount r = recount(charter, p, body);
    if (r.votes_for <= r.votes_against) return "5/17: '" + body + "' was not for it";
    if (r.votes_for * rule.threshold.denominator < rule.threshold.numerator * r.eligible)
      return "5/17: fewer in '" + body + "' were for it than the threshold";
    if (r.votes_for < floor) return "5/17: fewer in '" + body + "' were for it than the floor";
    return {};
  };
  const std::string deciding = p.deciding.empty() ? power->body : p.deciding;
  if (std::string broken = check_body(deciding, deciding == power->body ? rule.floor_for : 1);
      !broken.empty())
    return broken;
  for (const std::string& consent : rule.consent)
    if (std::string broken = check_body(consent, 1); !broken.empty()) return broken;
  return {};
}

bool is_entrenched_change(const Charter& from, const Charter& to) {
  const auto rule_of = [](const Charter& c) {
    const Rule* rule = c.find_rule("entrenched");
    if (rule == nullptr) return std::string();
    return std::to_string(rule->threshold.numerator) + '/' +
           std::to_string(rule->threshold.denominator) + ' ' + std::to_string(rule->floor_for) +
           ' ' + std::to_string(rule->notice.ns) + ' ' + std::to_string(rule->timelock.ns);
  };
  const auto stop_of = [](const Charter& c) {
    const Power* power = c.find_power("stop");
    return power == nullptr ? std::vector<std::string>() : power->holders;
  };
  return from.entrenched != to.entrenched || rule_of(from) != rule_of(to) ||
         stop_of(from) != stop_of(to);
}

// 19: powers that somebody can use, and at least two persons who can stop.
std::string check_no_deadlock(const Charter& charter) {
  for (const Power& power : charter.powers) {
    if (power.any_one()) continue;
    const govern::Body* body = charter.find_body(power.body);
    const Rule rule = terms_of(charter, power);
    if (body == nullptr || body->members.size() < rule.floor_for ||
        body->members.size() < rule.threshold.of(body->members.size()))
      return "19: nobody can reach what '" + power.action + "' asks for";
  }
  const Power* stop = charter.find_power("stop");
  if (stop == nullptr || charter.one_person_decides()) return {};
  uint64_t holders = 0;
  for (const govern::Person& person : charter.persons)
    holders += is_holder(charter, *stop, person.id);
  return holders >= 2 ? "" : "19: fewer than two persons may stop";
}

std::string check_monotone(const State& before, const State& now) {
  if (now.next != before.next + 1) return "27: an entry moved the log by other than one";
  if (now.life.stop_epoch < before.life.stop_epoch) return "15: the house's stop epoch fell";
  if (now.place.charter_version < before.place.charter_version)
    return "15: the charter's version fell";
  for (const auto& [person, ring] : before.keyrings) {
    const auto after = now.keyrings.find(person);
    if (after == now.keyrings.end() || after->second.version < ring.version)
      return "15: a keyring's version fell";
  }
  for (const auto& [name, channel] : before.life.channels) {
    const auto after = now.life.channels.find(name);
    if (after == now.life.channels.end() || after->second.epoch < channel.epoch)
      return "15: a channel's epoch fell";
    for (size_t i = 0; i < channel.arms.size(); ++i) {
      const Phase from = channel.arms[i].phase, to = after->second.arms[i].phase;
      if (from != to && is_terminal(from)) return "23: a terminal state was left";
      if (from != to && !may_follow(from, to))
        return "23: " + std::string(phase_name(from)) + " became " + std::string(phase_name(to));
    }
  }
  for (const auto& [manifest, version] : before.life.models) {
    const Phase to = now.life.models.at(manifest).phase;
    if (version.phase == Phase::Revoked && to != Phase::Revoked)
      return "23: a revoked model came back";
    // Evidence of a run that nobody declared is the run and its end in one step.
    const bool in_one = version.phase != Phase::Complete && to == Phase::Complete &&
                        may_follow(version.phase, Phase::Evaluating);
    if (version.phase != to && !in_one && !may_follow(version.phase, to))
      return "23: a model went from " + std::string(phase_name(version.phase)) + " to " +
             std::string(phase_name(to));
  }
  for (const auto& [digest, run] : before.life.runs) {
    const govern::DeclaredRun& after = now.life.runs.at(digest);
    if (run.ended &&
        (!after.ended || after.complete != run.complete || after.evidence != run.evidence))
      return "25: a run that had ended was ended anew";
  }
  for (const crypto::Digest& revoked : before.life.revoked)
    if (!now.life.revoked.contains(revoked)) return "20: a revocation was taken back";
  return {};
}

// What serves has a certificate, whose proposal passed a gate and a tally.
std::string check_arm(const State& now, const std::string& channel, const govern::Arm& arm) {
  const bool serves = arm.phase == Phase::Canary || arm.phase == Phase::Production;
  if (!serves)
    return arm.share == 0
               ? ""
               : "2: a release that is " + std::string(phase_name(arm.phase)) + " has a share";
  if (now.life.revoked.contains(arm.manifest) || now.life.revoked.contains(arm.oms_root))
    return "20: what was revoked serves";
  const auto p = now.proposals.find(arm.proposal);
  if (p == now.proposals.end() || p->second.stage != govern::Stage::Released)
    return "1/3: what serves was never released";
  const govern::Proposal& proposal = *p->second.proposal;
  if (manifest_digest(proposal.manifest) != arm.manifest || proposal.channel != channel)
    return "9: what serves is not what was proposed";
  const auto verdict = now.verdicts.find(proposal.gate.sha256);
  if (verdict == now.verdicts.end() || !verdict->second.passed ||
      verdict->second.manifest != arm.manifest)
    return "3: what serves passed no gate";
  if (!(proposal.gate.leaf < p->second.at.leaf && p->second.at.leaf < p->second.tally.leaf &&
        p->second.tally.leaf < p->second.release.leaf))
    return "3: gate, proposal, tally and release are not in this order";
  return {};
}

std::string check_serving(const State& now, base::Time time) {
  for (const auto& [name, channel] : now.life.channels) {
    for (const govern::Arm& arm : channel.arms)
      if (std::string broken = check_arm(now, name, arm); !broken.empty()) return broken;
    const govern::ServingPlan plan = serving_plan(now, name, time);
    uint64_t total = 0;
    for (const govern::ServedArm& arm : plan.arms) total += arm.percent;
    if (total > 100) return "2: a channel serves more than all of its traffic";
    const bool leased = std::ranges::any_of(
        now.charter->services, [](const auto& service) { return service.role == "timestamp"; });
    if (total > 0 && leased && (!channel.lease || channel.lease_until < time))
      return "2: a channel serves without a lease";
    // 30: time alone only takes away.
    uint64_t before = total;
    for (const int64_t later : {3600, 86'400, 40 * 86'400, 400 * 86'400}) {
      uint64_t then = 0;
      for (const auto& arm : serving_plan(now, name, time + base::seconds(later)).arms)
        then += arm.percent;
      if (then > before) return "30: waiting alone made a channel serve more";
      before = then;
    }
  }
  return {};
}

// 13, 16: a halt takes shares away, and nothing rises under an open alarm about it.
std::string check_shares(const State& before, const State& now, Kind kind) {
  for (const auto& [name, channel] : now.life.channels) {
    const bool restricts =
        kind == Kind::Stop || kind == Kind::Alarm || kind == Kind::Revoke || kind == Kind::Gate;
    if (restricts && share_of(now, name) > share_of(before, name))
      return "13: what stops made a channel serve more";
    const auto old = before.life.channels.find(name);
    for (size_t i = 0; i < channel.arms.size(); ++i) {
      const govern::Arm& arm = channel.arms[i];
      const uint64_t was = old != before.life.channels.end() && i < old->second.arms.size()
                               ? old->second.arms[i].share
                               : 0;
      if (arm.share <= was) continue;
      for (const auto& [digest, alarm] : now.life.alarms)
        if (!alarm.closed && alarm.manifest == arm.manifest)
          return "16: a share rose while an alarm about it was open";
    }
  }
  return {};
}

std::string check_ballots(const State& now) {
  for (const auto& [digest, p] : now.proposals) {
    std::set<std::pair<std::string, std::string>> seen;
    for (const govern::BallotRecord& ballot : p.ballots)
      if (!seen.emplace(ballot.body, ballot.person).second) return "22: a person has two ballots";
    if (p.stage != govern::Stage::Voting || p.ballots.size() < 2) continue;
    // 8: the order of ballots is not a vote.
    ProposalState turned = p;
    std::ranges::reverse(turned.ballots);
    const bool passes = count_ballots(now, p).passed;
    if (count_ballots(now, turned).passed != passes)
      return "8: the order of ballots changed the result";
    // 6: one more for never turns it down.
    ProposalState more = p;
    for (govern::BallotRecord& ballot : more.ballots) {
      if (ballot.vote == Vote::For) continue;
      ballot.vote = Vote::For;
      break;
    }
    if (passes && !count_ballots(now, more).passed)
      return "6: one more vote for turned a pass down";
    // 7: an imposed recusal never helps.
    ProposalState unimposed = p;
    unimposed.conflicts.clear();
    if (passes && !p.conflicts.empty() && !count_ballots(now, unimposed).passed)
      return "7: an imposed recusal turned a fail into a pass";
  }
  return {};
}

std::string check_duties(const State& now) {
  if (now.charter->one_person_decides()) return {};
  for (const auto& [manifest, version] : now.life.models) {
    if (version.trainer.empty()) continue;
    std::map<std::string, govern::Duty> holders;
    for (const auto& [duty, who] : version.duties)
      for (const std::string& id : who)
        if (!holders.emplace(id, duty).second) return "21: " + id + " has two duties for one model";
  }
  return {};
}

std::string check_resume(const State& before, const LoggedStatement& entry) {
  const auto resume = govern::parse_resume(entry.envelope.payload);
  const auto persons = persons_of(*before.charter, entry.envelope);
  if (before.charter->one_person_decides()) return {};
  if (bodies_signing(*before.charter, persons) < 2 || persons.size() < 2)
    return "14: a resumption was signed by fewer than two bodies";
  const auto stop = before.life.stops.find(resume->halt.sha256);
  if (stop != before.life.stops.end() && persons == std::set<std::string>{stop->second.holder})
    return "14: whoever stopped resumed alone";
  return {};
}

std::string check_rollback(const State& before, const LoggedStatement& entry) {
  const auto stage = govern::parse_stage(entry.envelope.payload);
  if (!stage || !stage->rollback) return {};
  if (before.life.revoked.contains(stage->manifest))
    return "29: a rollback went to a revoked model";
  const auto channel = before.life.channels.find(stage->channel);
  const bool certified = channel != before.life.channels.end() &&
                         std::ranges::any_of(channel->second.arms, [&](const auto& arm) {
                           return arm.manifest == stage->manifest;
                         });
  return certified ? "" : "29: a rollback went to what was never certified";
}

}  // namespace

std::string Oracle::after(const State& before, const LoggedStatement& entry, const State& now,
                          base::Time truth) {
  const Kind kind = entry.leaf.kind;
  true_times_.push_back(now.charter->elapsed_witnesses > 0 ? truth : entry.leaf.time);
  const base::Duration slack = now.charter->elapsed_witnesses > 0 ? kSkewMax : base::seconds(0);
  const base::Time here = true_times_.back();

  // 10, 11, 17: what was decided now waited long enough and had the votes, under the charter of its
  // opening and under this one.
  for (const auto& [digest, p] : now.proposals) {
    const auto old = before.proposals.find(digest);
    if (old == before.proposals.end() || old->second.stage == p.stage) continue;
    if (old->second.stage == govern::Stage::Released || old->second.stage == govern::Stage::Vetoed)
      return "23: a proposal that was over moved again";
    for (const Charter* charter : {p.opened.get(), before.charter.get()}) {
      const Power* power = charter->find_power(p.proposal->action);
      if (power == nullptr || power->any_one()) return "17: an action without a power";
      Rule rule = terms_of(*charter, *power);
      if (p.entrenched && charter->find_rule("entrenched") != nullptr)
        rule = *charter->find_rule("entrenched");
      if (p.stage == govern::Stage::Passed) {
        if (!p.proposal->petition && here + slack < true_times_[p.at.leaf] + rule.notice)
          return "10/11: '" + p.proposal->action + "' was counted before its notice was over";
        if (charter == p.opened.get())
          if (std::string broken = check_votes(*charter, p); !broken.empty()) return broken;
      }
      if (p.stage == govern::Stage::Released &&
          here + slack < true_times_[p.tally.leaf] + rule.timelock)
        return "10/11: '" + p.proposal->action + "' took effect before its timelock was over";
    }
  }
  if (kind == Kind::Charter) {
    const auto statement = govern::parse_charter_statement(entry.envelope.payload);
    if (now.place.charter_version != before.place.charter_version + 1)
      return "15: the charter's version moved by other than one";
    if (!statement->proposal || !now.proposals.contains(*statement->proposal))
      return "18: a charter changed without a decision";
    const ProposalState& p = now.proposals.at(*statement->proposal);
    if (is_entrenched_change(*before.charter, *now.charter) && !p.entrenched)
      return "18: an entrenched path changed by another rule";
    if (std::string broken = check_no_deadlock(*now.charter); !broken.empty()) return broken;
  }
  if (kind == Kind::Stop && now.life.stop_epoch != before.life.stop_epoch + 1)
    return "15: a stop did not count";
  if (kind == Kind::Resume)
    if (std::string broken = check_resume(before, entry); !broken.empty()) return broken;
  if (kind == Kind::Stage)
    if (std::string broken = check_rollback(before, entry); !broken.empty()) return broken;
  for (const auto& [digest, petition] : now.petitions) {
    const auto old = before.petitions.find(digest);
    if (old != before.petitions.end() && old->second.enrolled != petition.enrolled)
      return "32: a petition's enrolment changed after its first signature";
    if (!std::ranges::includes(petition.enrolled, petition.signers))
      return "32: somebody signed a petition without being enrolled";
  }
  if (std::string broken = check_monotone(before, now); !broken.empty()) return broken;
  if (std::string broken = check_shares(before, now, kind); !broken.empty()) return broken;
  if (std::string broken = check_serving(now, entry.leaf.time); !broken.empty()) return broken;
  if (std::string broken = check_ballots(now); !broken.empty()) return broken;
  return check_duties(now);
}

std::string meaning_of(const State& state) {
  std::string out = std::to_string(state.next) + ' ' + std::to_string(state.life.stop_epoch) + ' ' +
                    crypto::hex(state.place.charter_sha256);
  for (const auto& [digest, p] : state.proposals) {
    out += "\nproposal " + crypto::hex(digest) + ' ' + std::string(stage_name(p.stage));
    for (const govern::BallotRecord& b : p.ballots)
      out += ' ' + b.body + ' ' + b.person + ' ' + std::string(vote_name(b.vote));
    for (const auto& [who, told] : p.told) out += " told " + who;
    for (const std::string& who : p.vetoes) out += " veto " + who;
    for (const auto& [who, says] : p.conflicts)
      out += " conflict " + who.second + std::to_string(says.size());
  }
  for (const auto& [name, channel] : state.life.channels) {
    out += "\nchannel " + name + ' ' + std::to_string(channel.epoch) + ' ' +
           base::rfc3339(channel.lease_until);
    for (const govern::Arm& arm : channel.arms)
      out += ' ' + std::string(phase_name(arm.phase)) + ' ' + std::to_string(arm.share);
  }
  for (const auto& [digest, model] : state.life.models) {
    out += "\nmodel " + std::string(phase_name(model.phase));
    for (const auto& [duty, who] : model.duties)
      for (const std::string& id : who) out += ' ' + std::string(duty_name(duty)) + ' ' + id;
  }
  for (const auto& [person, ring] : state.keyrings)
    out += ' ' + person + std::to_string(ring.version);
  out += "\nevidence " + std::to_string(state.evidence.size()) + " gates " +
         std::to_string(state.gates.size()) + " revoked " +
         std::to_string(state.life.revoked.size()) + " runs " +
         std::to_string(state.life.runs.size()) + " suspended " +
         std::to_string(state.suspensions.size());
  for (const auto& [digest, petition] : state.petitions)
    out += ' ' + std::to_string(petition.signers.size());
  return out;
}

}  // namespace simulator
