#include "govern/lifecycle.h"

#include <algorithm>
#include <array>
#include <utility>

#include "govern/lifecycle_steps.h"

namespace govern {
namespace {

constexpr std::array<std::string_view, 16> kPhaseNames = {
    "REGISTERED",  "SEALED",     "EVALUATING", "COMPLETE", "PASSED",     "BLOCKED",
    "VOTING",      "APPROVED",   "RELEASABLE", "CANARY",   "PRODUCTION", "HALTED",
    "ROLLED_BACK", "DEPRECATED", "RETIRED",    "REVOKED"};

using enum Phase;
// Every step of 3.12 but the one that is always there: any → REVOKED. A deprecated release comes
// back under a new epoch; that is what a rollback is.
constexpr auto kSteps = std::to_array<std::pair<Phase, Phase>>({
    {Registered, Sealed},     {Sealed, Evaluating},     {Evaluating, Complete},
    {Complete, Passed},       {Complete, Blocked},      {Complete, Evaluating},
    {Passed, Evaluating},     {Passed, Blocked},        {Blocked, Evaluating},
    {Blocked, Passed},        {Passed, Voting},         {Voting, Approved},
    {Voting, Passed},         {Approved, Releasable},   {Approved, Passed},
    {Releasable, Canary},     {Releasable, Production}, {Releasable, Deprecated},
    {Releasable, Halted},     {Canary, Canary},         {Canary, Releasable},
    {Canary, Production},     {Canary, Halted},         {Canary, Deprecated},
    {Production, Halted},     {Production, Deprecated}, {Production, Canary},
    {Production, Releasable}, {Halted, Releasable},     {Halted, Canary},
    {Halted, Production},     {Halted, RolledBack},     {RolledBack, Evaluating},
    {Deprecated, Retired},    {Deprecated, Production},
});

json::Value reference_json(const LeafReference& reference) {
  return json::Object{{"leaf", std::to_string(reference.leaf)},
                      {"sha256", crypto::hex(reference.sha256)}};
}

json::Value arm_json(const Arm& arm) {
  return json::Object{{"certificate", reference_json(arm.certificate)},
                      {"manifest", crypto::hex(arm.manifest)},
                      {"model", arm.model},
                      {"phase", phase_name(arm.phase)},
                      {"share", std::to_string(arm.share)},
                      {"since", base::rfc3339(arm.since)},
                      {"not_after", base::rfc3339(arm.not_after)},
                      {"halted_share", std::to_string(arm.halted_share)},
                      {"halt", reference_json(arm.halt)}};
}

bool leased(const State& state) { return has_role(*state.charter, "timestamp"); }

// The plan of what is there; `until` moves to the next moment at which it shrinks.
void add_arm(const Arm& arm, base::Time now, uint64_t percent, bool is_canary, ServingPlan* plan) {
  if (percent == 0) return;
  if (now > arm.not_after) {
    plan->reason = "EXPIRED";
    plan->message = "the release was valid until " + base::rfc3339(arm.not_after) +
                    "; judge the model again and release it anew";
    return;
  }
  plan->arms.push_back({arm.manifest, arm.proposal, arm.certificate, percent, is_canary});
  if (!plan->until || arm.not_after < *plan->until) plan->until = arm.not_after;
}

void explain_none(const ChannelLife& channel, ServingPlan* plan) {
  if (!plan->arms.empty() || !plan->reason.empty()) return;
  const bool halted = holds(channel.arms, Halted, &Arm::phase);
  const bool revoked = holds(channel.arms, Revoked, &Arm::phase);
  plan->reason = halted ? "HALTED" : revoked ? "REVOKED" : "NOT_RELEASED";
  plan->message = halted    ? "the release was stopped, and the channel has no other that is good"
                  : revoked ? "the release was revoked, and the channel has no other"
                            : "the release waits for its first stage (`charter stage`)";
}

}  // namespace

std::string_view phase_name(Phase phase) { return kPhaseNames[static_cast<size_t>(phase)]; }

bool is_terminal(Phase phase) { return phase == Retired || phase == Revoked; }

bool may_follow(Phase from, Phase to) {
  if (is_terminal(from)) return false;
  return to == Revoked || holds(kSteps, std::pair{from, to});
}

std::string_view duty_name(Duty duty) {
  constexpr std::array<std::string_view, 4> kNames = {"trainer", "evaluator", "gate operator",
                                                      "approver"};
  return kNames[static_cast<size_t>(duty)];
}

uint64_t Rollout::next_after(uint64_t share) const {
  const auto found = std::ranges::upper_bound(stages, share);
  return found == stages.end() ? 100 : *found;
}

uint64_t Rollout::below(uint64_t share) const {
  const auto found = std::ranges::lower_bound(stages, share);
  return found == stages.begin() ? 0 : *std::prev(found);
}

base::Status apply_lifecycle(State* state, const LoggedStatement& s) {
  switch (s.leaf.kind) {
    case Kind::Model:
      return apply_model(state, s);
    case Kind::RunIntent:
      return apply_run_intent(state, s);
    case Kind::EvalRun:
      return apply_eval_run(state, s);
    case Kind::Stage:
      return apply_stage(state, s);
    case Kind::Lease:
      return apply_lease(state, s);
    case Kind::Stop:
      return apply_stop(state, s);
    case Kind::Resume:
      return apply_resume(state, s);
    case Kind::Revoke:
      return apply_revoke(state, s);
    case Kind::Alarm:
      return apply_alarm(state, s);
    case Kind::Incident:
      return apply_incident(state, s);
    default:
      return malformed("an entry of a kind that is not known");
  }
}

bool is_serving(const Arm& arm) { return arm.phase == Canary || arm.phase == Production; }

Arm* newest_serving(ChannelLife* channel) {
  for (auto arm = channel->arms.rbegin(); arm != channel->arms.rend(); ++arm)
    if (is_serving(*arm)) return &*arm;
  return nullptr;
}

Arm* find_arm(ChannelLife* channel, const crypto::Digest& manifest) {
  for (auto arm = channel->arms.rbegin(); arm != channel->arms.rend(); ++arm)
    if (arm->manifest == manifest) return &*arm;
  return nullptr;
}

uint64_t channel_epoch(const State& state, const std::string& channel) {
  const auto found = state.life.channels.find(channel);
  return found == state.life.channels.end() ? 0 : found->second.epoch;
}

void note_release(State* state, const LeafReference& at, const Certificate& c,
                  const std::string& proposer, base::Time when) {
  ChannelLife& channel = state->life.channels[c.channel];
  channel.epoch = c.epoch;
  Arm arm;
  arm.certificate = at;
  arm.proposal = c.proposal;
  arm.manifest = c.manifest_digest;
  arm.oms_root = c.oms_root;
  arm.release_unit = c.release_unit;
  arm.model = c.model;
  arm.proposer = proposer;
  arm.not_after = c.not_after;
  arm.since = when;
  const bool at_once = !state->charter->rollout;
  for (Arm& earlier : channel.arms) {
    // A canary gives way to the newer one; what is in production stays until the last stage.
    const bool gives_way = earlier.phase == Releasable || earlier.phase == Canary ||
                           (at_once && earlier.phase == Production);
    if (!gives_way) continue;
    earlier.phase = Deprecated;
    earlier.share = 0;
  }
  arm.phase = at_once ? Production : Releasable;
  arm.share = at_once ? 100 : 0;
  channel.arms.push_back(std::move(arm));
}

ServingPlan serving_plan(const State& state, const std::string& name, base::Time now) {
  ServingPlan plan;
  plan.stop_epoch = state.life.stop_epoch;
  const auto found = state.life.channels.find(name);
  if (found == state.life.channels.end()) {
    plan.reason = "NOT_RELEASED";
    plan.message = "the log holds no release on this channel";
    return plan;
  }
  const ChannelLife& channel = found->second;
  plan.epoch = channel.epoch;
  if (leased(state) && (!channel.lease || now > channel.lease_until)) {
    plan.reason = "LEASE_EXPIRED";
    plan.message = channel.lease
                       ? "the channel's lease ended at " + base::rfc3339(channel.lease_until)
                       : "the channel has no lease (`charter lease`)";
    return plan;
  }
  if (leased(state)) plan.until = channel.lease_until;
  uint64_t taken = 0;
  for (auto arm = channel.arms.rbegin(); arm != channel.arms.rend(); ++arm) {
    if (arm->phase == Canary && plan.arms.empty()) {
      add_arm(*arm, now, std::min(arm->share, arm->max_share), true, &plan);
      if (!plan.arms.empty()) taken = plan.arms.back().percent;
    } else if (arm->phase == Production) {
      add_arm(*arm, now, 100 - taken, false, &plan);
      break;
    }
  }
  explain_none(channel, &plan);
  return plan;
}

std::optional<Phase> phase_of(const State& state, const std::string& channel,
                              const crypto::Digest& manifest, base::Time now) {
  if (state.life.revoked.contains(manifest)) return Revoked;
  if (const auto found = state.life.channels.find(channel); found != state.life.channels.end()) {
    ChannelLife copy = found->second;
    if (const Arm* arm = find_arm(&copy, manifest)) {
      if (arm->phase == Deprecated && now > arm->not_after) return Retired;
      if (is_serving(*arm) && now > arm->not_after) return Halted;
      return arm->phase;
    }
  }
  for (const auto& [digest, p] : state.proposals) {
    if (p.proposal->channel != channel || manifest_digest(p.proposal->manifest) != manifest)
      continue;
    if (p.stage == govern::Stage::Voting && now <= p.proposal->expires) return Voting;
    if (p.stage == govern::Stage::Passed && now <= p.proposal->expires) return Approved;
  }
  const auto model = state.life.models.find(manifest);
  if (model == state.life.models.end()) return {};
  return model->second.phase;
}

json::Value lifecycle_to_json(const Lifecycle& life) {
  json::Object channels, models, registered;
  json::Array runs, alarms, stops, incidents, revoked;
  for (const auto& [name, trainer] : life.registered) registered.emplace_back(name, trainer);
  for (const auto& [manifest, version] : life.models) {
    json::Object duties;
    for (const auto& [duty, who] : version.duties) {
      json::Array names(who.begin(), who.end());
      duties.emplace_back(duty_name(duty), std::move(names));
    }
    models.emplace_back(crypto::hex(manifest), json::Object{{"model", version.model},
                                                            {"trainer", version.trainer},
                                                            {"phase", phase_name(version.phase)},
                                                            {"duties", std::move(duties)}});
  }
  for (const auto& [digest, run] : life.runs)
    runs.emplace_back(json::Object{{"at", reference_json(run.at)},
                                   {"ended", run.ended},
                                   {"complete", run.complete},
                                   {"reason", run.reason}});
  for (const auto& [name, channel] : life.channels) {
    json::Array arms;
    for (const Arm& arm : channel.arms) arms.push_back(arm_json(arm));
    channels.emplace_back(name, json::Object{{"epoch", std::to_string(channel.epoch)},
                                             {"lease_until", base::rfc3339(channel.lease_until)},
                                             {"arms", std::move(arms)}});
  }
  for (const auto& [digest, alarm] : life.alarms)
    alarms.emplace_back(json::Object{{"at", reference_json(alarm.at)},
                                     {"cause", alarm_cause_name(alarm.cause)},
                                     {"closed", alarm.closed}});
  for (const auto& [digest, stop] : life.stops)
    stops.emplace_back(json::Object{
        {"at", reference_json(stop.at)}, {"holder", stop.holder}, {"closed", stop.closed}});
  for (const auto& [digest, incident] : life.incidents) incidents.emplace_back(crypto::hex(digest));
  for (const crypto::Digest& digest : life.revoked) revoked.emplace_back(crypto::hex(digest));
  return json::Object{{"stop_epoch", std::to_string(life.stop_epoch)},
                      {"registered", std::move(registered)},
                      {"models", std::move(models)},
                      {"runs", std::move(runs)},
                      {"channels", std::move(channels)},
                      {"alarms", std::move(alarms)},
                      {"stops", std::move(stops)},
                      {"incidents", std::move(incidents)},
                      {"revoked", std::move(revoked)}};
}

}  // namespace govern
