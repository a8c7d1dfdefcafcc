// Shares of the traffic: a canary is raised by one stage at a time, when enough answers, enough
// time and every monitor allow it; it is lowered by one key; and an older release comes back under
// a new epoch.
#include <algorithm>

#include "govern/lifecycle_steps.h"

namespace govern {
namespace {

using base::Status;

std::unexpected<base::Error> not_promotable(std::string message, const std::string& where) {
  return refuse("NOT_PROMOTABLE", std::move(message), where);
}

Status check_reading(const State& state, const Monitor& monitor, const StageStatement& stage,
                     const Arm& arm, base::Time now) {
  const auto found = std::ranges::find(stage.readings, monitor.id, &Reading::monitor);
  if (found == stage.readings.end() ||
      std::ranges::count(stage.readings, monitor.id, &Reading::monitor) != 1)
    return not_promotable("every monitor of the charter has one reading", monitor.id);
  const Counts counts{found->exposures, found->events};
  if (counts.exposures < state.charter->rollout->min_exposures)
    return not_promotable("a stage ends after " +
                              std::to_string(state.charter->rollout->min_exposures) +
                              " answers; there were " + std::to_string(counts.exposures),
                          monitor.id);
  if (found->latest > now || found->latest < arm.since || now - found->latest > monitor.silence)
    return not_promotable("the monitor's last answer is too old", monitor.id);
  if (halts(monitor, counts)) return not_promotable("the monitor says halt", monitor.id);
  if (!promotes(monitor, counts))
    return not_promotable("the answers do not show yet that the rate is low enough", monitor.id);
  return {};
}

// The monitor's own signature makes its numbers readings.
Status check_readings(const State& state, const StageStatement& stage, const Arm& arm,
                      const std::set<std::string>& signers, base::Time now) {
  if (now < arm.since + state.charter->rollout->min_stage)
    return not_promotable(
        "the stage lasts until " + base::rfc3339(arm.since + state.charter->rollout->min_stage),
        stage.channel);
  if (state.charter->monitors.empty())
    return not_promotable("the charter has no monitor that could allow it", stage.channel);
  const bool attested = std::ranges::any_of(
      signers, [&](const std::string& id) { return plays_role(*state.charter, id, "monitor"); });
  if (has_role(*state.charter, "monitor") && !attested)
    return not_promotable("the readings are not signed by a monitor", stage.channel);
  for (const Monitor& monitor : state.charter->monitors)
    TRY_VOID(check_reading(state, monitor, stage, arm, now));
  return {};
}

Status check_raise(const State& state, const StageStatement& stage, const Arm& arm,
                   const std::set<std::string>& signers, base::Time now) {
  const Rollout& rollout = *state.charter->rollout;
  if (stage.share != rollout.next_after(arm.share) || stage.share > arm.max_share)
    return not_promotable("the next stage is " + std::to_string(rollout.next_after(arm.share)) +
                              " %, not " + std::to_string(stage.share) + " %",
                          stage.channel);
  TRY_VOID(check_not_revoked(state, arm.manifest, arm.oms_root));
  if (now > arm.not_after) return refuse("EXPIRED", "the release has expired", stage.channel);
  TRY_VOID(check_alarms(state, stage.channel, arm.manifest));
  if (arm.share > 0) TRY_VOID(check_readings(state, stage, arm, signers, now));
  std::set<std::string> persons;
  for (const std::string& id : signers) {
    if (state.charter->find_person(id) != nullptr) persons.insert(id);
  }
  TRY_VOID(check_duty(state, arm.manifest, Duty::Approver, persons));
  if (stage.share > kTwoManShare) return check_two_man(*state.charter, signers, arm.proposer);
  if (std::ranges::any_of(persons, [&](const std::string& id) {
        return state.charter->sits_in(id, BodyClass::Control);
      }))
    return {};
  return refuse("SIGNER_MISSING", "a stage is signed by a person in a body of class control",
                stage.channel);
}

void set_share(ChannelLife* channel, Arm* arm, uint64_t share, base::Time when) {
  arm->share = share;
  arm->since = when;
  arm->phase = share == 0 ? Phase::Releasable : share == 100 ? Phase::Production : Phase::Canary;
  if (share < 100) return;
  for (Arm& other : channel->arms) {
    if (&other == arm || other.phase != Phase::Production) continue;
    other.phase = Phase::Deprecated;
    other.share = 0;
  }
}

// Lowering restricts, so one key does it. What is in production alone is stopped, not lowered.
Status check_lower(const State& state, const StageStatement& stage, const Arm& arm,
                   const std::set<std::string>& signers) {
  const std::vector<uint64_t>& stages = state.charter->rollout->stages;
  if (stage.share != 0 && !holds(stages, stage.share))
    return not_promotable("the charter has no such stage", stage.channel);
  if (arm.phase == Phase::Production)
    return refuse("LIFECYCLE", "what is in production is stopped, not lowered (`charter stop`)",
                  stage.channel);
  if (std::ranges::any_of(signers,
                          [&](const std::string& id) { return may_stop(*state.charter, id); }))
    return {};
  return refuse("NO_POWER", "the charter lets none of the signers lower a share", stage.channel);
}

Status apply_rollback(State* state, const LoggedStatement& s, const StageStatement& stage,
                      ChannelLife* channel) {
  TRY_VOID(check_epochs(*state, stage.channel, stage.epoch, channel->epoch + 1, stage.stop_epoch));
  Arm* arm = find_arm(channel, stage.manifest);
  if (arm == nullptr)
    return refuse("NOT_RELEASED", "this model was never certified for the channel", stage.channel);
  TRY_VOID(check_not_revoked(*state, arm->manifest, arm->oms_root));
  if (arm->phase != Phase::Deprecated && arm->phase != Phase::Production)
    return refuse("LIFECYCLE",
                  "a rollback goes to a release that was in production and was not halted",
                  stage.channel);
  if (s.leaf.time > arm->not_after)
    return refuse("EXPIRED", "the release has expired", stage.channel);
  if (stage.share != 100) return malformed("a rollback takes all of the traffic", stage.channel);
  TRY(const auto signers, signers_of(*state->charter, s.envelope));
  TRY_VOID(check_two_man(*state->charter, signers, ""));
  for (Arm& other : channel->arms) {
    if (&other == arm) continue;
    if (other.phase == Phase::Halted) other.phase = Phase::RolledBack;
    if (is_serving(other) || other.phase == Phase::Releasable) other.phase = Phase::Deprecated;
    other.share = 0;
  }
  channel->epoch = stage.epoch;
  set_share(channel, arm, 100, s.leaf.time);
  return {};
}

}  // namespace

Status apply_stage(State* state, const LoggedStatement& s) {
  TRY(const StageStatement stage, parse_stage(s.envelope.payload));
  const auto found = state->life.channels.find(stage.channel);
  if (found == state->life.channels.end())
    return refuse("NOT_RELEASED", "the channel has no release", stage.channel);
  ChannelLife& channel = found->second;
  if (!stage.rollback)
    TRY_VOID(check_epochs(*state, stage.channel, stage.epoch, channel.epoch, stage.stop_epoch));
  TRY_VOID(check_context(*state, stage.context));
  TRY_VOID(check_created(s.leaf, stage.created));
  if (stage.rollback) {
    TRY_VOID(apply_rollback(state, s, stage, &channel));
    state->nonces.insert(stage.context.nonce);
    return {};
  }
  if (!state->charter->rollout)
    return refuse("NO_POWER", "the charter has no [rollout]: a release has all traffic at once",
                  stage.channel);
  Arm& arm = channel.arms.back();
  if (arm.manifest != stage.manifest)
    return refuse("SUBJECT_MISMATCH", "the channel's newest release is another model",
                  stage.channel);
  if (arm.phase != Phase::Releasable && !is_serving(arm))
    return refuse("LIFECYCLE",
                  "the release is " + std::string(phase_name(arm.phase)) + " and has no stages",
                  stage.channel);
  TRY(const auto signers, signers_of(*state->charter, s.envelope));
  if (stage.share == arm.share)
    return refuse("NOT_PROMOTABLE", "the release has this share", stage.channel);
  if (stage.share > arm.share)
    TRY_VOID(check_raise(*state, stage, arm, signers, s.leaf.time));
  else
    TRY_VOID(check_lower(*state, stage, arm, signers));
  state->nonces.insert(stage.context.nonce);
  set_share(&channel, &arm, stage.share, s.leaf.time);
  return {};
}

}  // namespace govern
