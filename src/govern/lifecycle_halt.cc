// Stopping and what follows it: one key stops, two bodies resume; alarms, incidents, revocations.
// Whatever stops only ever takes shares away; the last good release takes the traffic back under a
// new epoch, so that nothing signed before the stop means anything after it.
#include <algorithm>

#include "govern/lifecycle_steps.h"

namespace govern {
namespace {

using base::Status;

// The most recent release of the channel that was good and still may be.
Arm* last_good(ChannelLife* channel, const Arm* but, base::Time when) {
  for (auto arm = channel->arms.rbegin(); arm != channel->arms.rend(); ++arm) {
    if (&*arm != but && arm->phase == Phase::Deprecated && when <= arm->not_after) return &*arm;
  }
  return nullptr;
}

void take_out(ChannelLife* channel, Arm* arm, base::Time when) {
  const bool was_production = arm->phase == Phase::Production;
  arm->halted_share = arm->share;
  arm->share = 0;
  ++channel->epoch;
  if (!was_production) return;
  if (Arm* good = last_good(channel, arm, when)) {
    good->phase = Phase::Production;
    good->share = 100;
    good->since = when;
  }
}

// Everything of the channel, with nothing to fall back on.
void halt_all(ChannelLife* channel, const LeafReference& by) {
  bool any = false;
  for (Arm& arm : channel->arms) {
    if (!is_serving(arm) && arm.phase != Phase::Releasable) continue;
    arm.halted_share = arm.share;
    arm.share = 0;
    arm.phase = Phase::Halted;
    arm.halt = by;
    any = true;
  }
  if (any || !channel->arms.empty()) ++channel->epoch;
}

// Whether the statement that halted something was explained, and by which incident.
Status check_incident(const State& state, const Resume& resume, base::Time now) {
  const auto incident = state.life.incidents.find(resume.incident.sha256);
  if (incident == state.life.incidents.end() || !holds(incident->second.closes, resume.halt))
    return refuse("INCIDENT_MISSING",
                  "log an incident that closes what halted the release (`charter incident`)",
                  std::to_string(resume.halt.leaf));
  const Power* power = state.charter->find_power("resume");
  if (power == nullptr || power->any_one()) return {};
  const base::Time open = state.life.incident_times.at(resume.incident.sha256) +
                          terms_of(*state.charter, *power).notice;
  if (now < open)
    return refuse("NOTICE_PENDING", "the incident's notice is over at " + base::rfc3339(open),
                  resume.channel);
  return {};
}

// The rule of the power "resume", where the charter gives one: whoever signs votes for.
Status check_resume_rule(const State& state, const std::set<std::string>& signers) {
  const Power* power = state.charter->find_power("resume");
  if (power == nullptr || power->any_one()) return {};
  std::vector<CountedVote> votes;
  for (const Body& body : state.charter->bodies) {
    for (const std::string& person : signers) votes.push_back({body.id, person, Vote::For, 0});
  }
  const Outcome outcome = count(*state.charter, *power, votes);
  if (outcome.passed) return {};
  return refuse("THRESHOLD_UNMET", "too few have signed to resume: " + describe(outcome));
}

}  // namespace

bool has_role(const Charter& charter, std::string_view role) {
  return holds(charter.services, role, &Service::role);
}

bool plays_role(const Charter& charter, std::string_view id, std::string_view role) {
  const Service* service = charter.find_service(id);
  return service != nullptr && service->role == role;
}

bool may_stop(const Charter& charter, std::string_view id) {
  const Power* power = charter.find_power("stop");
  if (power != nullptr && power->any_one()) return is_holder(charter, *power, id);
  return charter.sits_in(id, BodyClass::Control) || plays_role(charter, id, "monitor") ||
         plays_role(charter, id, "oncall");
}

Status require_id(const Charter& charter, const Envelope& envelope, const std::string& id) {
  TRY(const auto signers, signers_of(charter, envelope));
  if (!signers.contains(id))
    return refuse("SIGNER_MISSING", "the statement does not carry this signature", id);
  if (signers.size() != 1)
    return refuse("DUTY_CONFLICT", "the statement speaks for one, but others signed it too", id);
  return {};
}

Status require_stopper(const Charter& charter, const Envelope& envelope, const std::string& id) {
  TRY_VOID(require_id(charter, envelope, id));
  if (may_stop(charter, id)) return {};
  if (charter.sits_in(id, BodyClass::Economic))
    return refuse("CLASS_FORBIDDEN", "a seat in an economic body decides nothing", id);
  return refuse("NO_POWER", "the charter does not let this one stop anything", id);
}

Status check_two_man(const Charter& charter, const std::set<std::string>& signers,
                     const std::string& excluded) {
  std::set<std::string> persons;
  size_t bodies = 0, possible = 0;
  for (const Body& body : charter.bodies) {
    if (body.body_class == BodyClass::Economic || body.members.empty()) continue;
    ++possible;
    bool signed_here = false;
    for (const std::string& person : body.members) {
      if (person == excluded && !charter.one_person_decides()) continue;
      if (!signers.contains(person)) continue;
      persons.insert(person);
      signed_here = true;
    }
    bodies += signed_here;
  }
  const size_t persons_needed = charter.one_person_decides() ? 1 : 2;
  if (persons.size() >= persons_needed && bodies >= std::min<size_t>(possible, persons_needed))
    return {};
  return refuse("TWO_MAN", "this needs two persons of two bodies, and not whoever proposed it; " +
                               std::to_string(persons.size()) + " of " + std::to_string(bodies) +
                               " bodies signed");
}

Status check_epochs(const State& state, const std::string& channel, uint64_t epoch,
                    uint64_t expected, uint64_t stop_epoch) {
  if (epoch == expected && stop_epoch == state.life.stop_epoch) return {};
  return refuse("ROLLBACK",
                "the statement is for epoch " + std::to_string(epoch) + " and stop " +
                    std::to_string(stop_epoch) + "; now it would be epoch " +
                    std::to_string(expected) + " and stop " + std::to_string(state.life.stop_epoch),
                channel);
}

Status check_alarms(const State& state, const std::string& channel,
                    const crypto::Digest& manifest) {
  for (const auto& [digest, alarm] : state.life.alarms) {
    const bool about =
        alarm.channel == channel || alarm.channel == kAllChannels || alarm.manifest == manifest;
    if (about && !alarm.closed)
      return refuse("ALARM_OPEN",
                    "an alarm is open; an incident has to close it (`charter incident`)",
                    std::to_string(alarm.at.leaf));
  }
  return {};
}

void halt_arm(ChannelLife* channel, Arm* arm, const LeafReference& by, base::Time when) {
  take_out(channel, arm, when);
  arm->phase = Phase::Halted;
  arm->halt = by;
}

Status apply_stop(State* state, const LoggedStatement& s) {
  TRY(const Stop stop, parse_stop(s.envelope.payload));
  TRY_VOID(check_context(*state, stop.context));
  TRY_VOID(check_created(s.leaf, stop.created));
  TRY_VOID(require_stopper(*state->charter, s.envelope, stop.holder));
  if (stop.stop_epoch != state->life.stop_epoch + 1)
    return refuse("ROLLBACK",
                  "the next stop of this house is number " +
                      std::to_string(state->life.stop_epoch + 1) + ", not " +
                      std::to_string(stop.stop_epoch),
                  stop.channel);
  if (stop.channel != kAllChannels && !is_channel_name(stop.channel))
    return malformed("this cannot be the name of a channel", stop.channel);
  const LeafReference at = reference_of(s);
  state->nonces.insert(stop.context.nonce);
  state->life.stop_epoch = stop.stop_epoch;
  state->life.stops.emplace(s.leaf.envelope, StopRecord{at, stop.channel, stop.holder, false});
  for (auto& [name, channel] : state->life.channels) {
    if (stop.channel == kAllChannels) {
      halt_all(&channel, at);
    } else if (name == stop.channel) {
      if (Arm* arm = newest_serving(&channel)) halt_arm(&channel, arm, at, s.leaf.time);
    }
  }
  return {};
}

Status apply_alarm(State* state, const LoggedStatement& s) {
  TRY(const Alarm alarm, parse_alarm(s.envelope.payload));
  TRY_VOID(check_context(*state, alarm.context));
  TRY_VOID(check_created(s.leaf, alarm.created));
  if (plays_role(*state->charter, alarm.source, "monitor"))
    TRY_VOID(require_id(*state->charter, s.envelope, alarm.source));
  else
    TRY_VOID(require_stopper(*state->charter, s.envelope, alarm.source));
  const LeafReference at = reference_of(s);
  state->nonces.insert(alarm.context.nonce);
  state->life.alarms.emplace(s.leaf.envelope,
                             AlarmRecord{at, alarm.channel, alarm.manifest, alarm.cause, false});
  if (alarm.cause == AlarmCause::Refused) return {};
  for (auto& [name, channel] : state->life.channels) {
    if (alarm.cause == AlarmCause::Inconsistent) {
      halt_all(&channel, at);
    } else if (name == alarm.channel) {
      Arm* arm = find_arm(&channel, alarm.manifest);
      if (arm != nullptr && is_serving(*arm)) halt_arm(&channel, arm, at, s.leaf.time);
    }
  }
  return {};
}

Status apply_incident(State* state, const LoggedStatement& s) {
  TRY(Incident incident, parse_incident(s.envelope.payload));
  TRY_VOID(check_context(*state, incident.context));
  TRY_VOID(check_created(s.leaf, incident.created));
  TRY_VOID(require_signer(*state->charter, s.envelope, incident.person));
  TRY_VOID(require_control(*state->charter, incident.person));
  for (const LeafReference& reference : incident.closes) {
    const auto alarm = state->life.alarms.find(reference.sha256);
    const auto stop = state->life.stops.find(reference.sha256);
    const auto verdict = state->gates.find(reference.sha256);
    const bool there = (alarm != state->life.alarms.end() && alarm->second.at == reference) ||
                       (stop != state->life.stops.end() && stop->second.at == reference) ||
                       (verdict != state->gates.end() && verdict->second == reference);
    if (!there)
      return refuse("INCIDENT_MISSING", "an incident closes alarms, stops and failed verdicts",
                    std::to_string(reference.leaf));
  }
  for (const LeafReference& reference : incident.closes) {
    if (const auto alarm = state->life.alarms.find(reference.sha256);
        alarm != state->life.alarms.end())
      alarm->second.closed = true;
    if (const auto stop = state->life.stops.find(reference.sha256); stop != state->life.stops.end())
      stop->second.closed = true;
  }
  state->nonces.insert(incident.context.nonce);
  state->life.incident_times.emplace(s.leaf.envelope, s.leaf.time);
  state->life.incidents.emplace(s.leaf.envelope, std::move(incident));
  return {};
}

Status apply_resume(State* state, const LoggedStatement& s) {
  TRY(const Resume resume, parse_resume(s.envelope.payload));
  const auto found = state->life.channels.find(resume.channel);
  if (found == state->life.channels.end())
    return refuse("SUBJECT_MISMATCH", "the channel has no release", resume.channel);
  ChannelLife& channel = found->second;
  // An old statement is told that it is old, whatever else may be wrong with it by now.
  TRY_VOID(
      check_epochs(*state, resume.channel, resume.epoch, channel.epoch + 1, resume.stop_epoch));
  TRY_VOID(check_context(*state, resume.context));
  TRY_VOID(check_created(s.leaf, resume.created));
  Arm* arm = find_arm(&channel, resume.manifest);
  if (arm == nullptr || arm->phase != Phase::Halted || arm->halt != resume.halt)
    return refuse("SUBJECT_MISMATCH", "this release was not halted by what the statement names",
                  resume.channel);
  if (arm != &channel.arms.back())
    return refuse("ROLLBACK", "a later release has taken its place; roll back to it instead",
                  resume.channel);
  TRY_VOID(check_not_revoked(*state, arm->manifest, arm->oms_root));
  if (s.leaf.time > arm->not_after)
    return refuse("EXPIRED", "the release has expired", resume.channel);
  TRY(const auto signers, signers_of(*state->charter, s.envelope));
  TRY_VOID(check_two_man(*state->charter, signers, ""));
  TRY_VOID(check_resume_rule(*state, signers));
  TRY_VOID(check_incident(*state, resume, s.leaf.time));
  TRY_VOID(check_alarms(*state, resume.channel, resume.manifest));
  state->nonces.insert(resume.context.nonce);
  channel.epoch = resume.epoch;
  const bool staged = state->charter->rollout.has_value();
  arm->share = staged ? state->charter->rollout->below(arm->halted_share) : arm->halted_share;
  arm->since = s.leaf.time;
  arm->phase = arm->share == 0     ? Phase::Releasable
               : arm->share == 100 ? Phase::Production
                                   : Phase::Canary;
  for (Arm& other : channel.arms) {
    if (&other == arm || arm->phase != Phase::Production || other.phase != Phase::Production)
      continue;
    other.phase = Phase::Deprecated;
    other.share = 0;
  }
  return {};
}

Status apply_revoke(State* state, const LoggedStatement& s) {
  TRY(const Revoke revoke, parse_revoke(s.envelope.payload));
  TRY_VOID(check_context(*state, revoke.context));
  TRY_VOID(check_created(s.leaf, revoke.created));
  TRY_VOID(require_stopper(*state->charter, s.envelope, revoke.holder));
  state->nonces.insert(revoke.context.nonce);
  Lifecycle& life = state->life;
  life.revoked.insert(revoke.manifest);
  if (const auto model = life.models.find(revoke.manifest); model != life.models.end()) {
    model->second.phase = Phase::Revoked;
    if (model->second.seal) life.revoked.insert(model->second.seal->oms_root);
  }
  for (const auto& [digest, p] : state->proposals) {
    if (manifest_digest(p.proposal->manifest) == revoke.manifest)
      life.revoked.insert(oms_root(p.proposal->manifest));
  }
  for (auto& [name, channel] : life.channels) {
    for (Arm& arm : channel.arms) {
      if (!life.revoked.contains(arm.manifest) && !life.revoked.contains(arm.oms_root)) continue;
      const bool served = is_serving(arm);
      const bool production = arm.phase == Phase::Production;
      arm.phase = Phase::Revoked;
      arm.share = 0;
      if (!served) continue;
      ++channel.epoch;
      Arm* good = production ? last_good(&channel, &arm, s.leaf.time) : nullptr;
      if (good == nullptr || life.revoked.contains(good->oms_root)) continue;
      good->phase = Phase::Production;
      good->share = 100;
      good->since = s.leaf.time;
    }
  }
  return {};
}

Status apply_lease(State* state, const LoggedStatement& s) {
  TRY(const Lease lease, parse_lease(s.envelope.payload));
  TRY_VOID(check_context(*state, lease.context));
  TRY_VOID(check_created(s.leaf, lease.created));
  TRY_VOID(require_id(*state->charter, s.envelope, lease.service));
  if (!plays_role(*state->charter, lease.service, "timestamp"))
    return refuse("NO_POWER", "leases are given by a service with the role timestamp",
                  lease.service);
  const auto found = state->life.channels.find(lease.channel);
  if (found == state->life.channels.end())
    return refuse("SUBJECT_MISMATCH", "the channel has no release", lease.channel);
  TRY_VOID(check_epochs(*state, lease.channel, lease.epoch, found->second.epoch, lease.stop_epoch));
  if (lease.expires <= s.leaf.time || lease.expires > lease.created + state->charter->lease_ttl)
    return refuse("LEASE_EXPIRED", "a lease lasts at most as long as the charter's lease_ttl",
                  lease.channel);
  state->nonces.insert(lease.context.nonce);
  found->second.lease = reference_of(s);
  found->second.lease_until = lease.expires;
  return {};
}

}  // namespace govern
