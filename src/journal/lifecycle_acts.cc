#include "journal/lifecycle_acts.h"

#include <algorithm>

#include "crypto/random.h"
#include "govern/refusal.h"
#include "json/json.h"

namespace journal {
namespace {

using base::Result;
using govern::Kind;

struct Act {
  std::string signer;
  govern::SignerKey key;
  govern::Context context;
  base::Time now;
};

Result<Act> begin(const House& house, const Signer& signer, base::Time now) {
  std::string name = signer.name;
  if (name.empty()) {
    TRY(name, house.only_person());
  }
  TRY(govern::SignerKey key, house.load_key(name, signer.key_path));
  govern::Context context = house.state().place;
  context.nonce = base::hex(crypto::random_bytes(32));
  const base::Time whole{now.seconds() * 1'000'000'000};
  return Act{name, std::move(key), std::move(context), std::max(whole, house.state().latest)};
}

House::Draft finish(const Act& act, Kind kind, std::string payload) {
  return {kind,
          govern::make_envelope(govern::payload_type(kind), std::move(payload), {&act.key, 1})};
}

Result<const govern::ChannelLife*> life_of(const House& house, const std::string& channel) {
  const auto found = house.state().life.channels.find(channel);
  if (found == house.state().life.channels.end() || found->second.arms.empty())
    return base::fail(base::Code::NotFound, "the log holds no release on this channel", channel,
                      "NOT_RELEASED");
  return &found->second;
}

Result<govern::LeafReference> incident_of(const House& house, const govern::LeafReference& halt) {
  const govern::LeafReference* last = nullptr;
  govern::LeafReference found;
  for (const auto& [digest, incident] : house.state().life.incidents) {
    if (std::ranges::find(incident.closes, halt) == incident.closes.end()) continue;
    for (uint64_t i = house.log().size(); i-- > 0;) {
      if (house.log().leaf(i).envelope != digest) continue;
      if (last == nullptr || i > found.leaf) found = {i, digest};
      last = &found;
      break;
    }
  }
  if (last == nullptr)
    return govern::refuse("INCIDENT_MISSING",
                          "log an incident first: what happened, and what was done about it "
                          "(`charter incident`)",
                          std::to_string(halt.leaf));
  return found;
}

}  // namespace

Result<House::Draft> draft_stop(const House& house, const Signer& signer,
                                const std::string& channel, const std::string& reason,
                                base::Time now) {
  TRY(const Act act, begin(house, signer, now));
  return finish(act, Kind::Stop,
                govern::format_stop({act.context, channel, act.signer,
                                     house.state().life.stop_epoch + 1, reason, act.now}));
}

Result<House::Draft> draft_lease(const House& house, const Signer& service,
                                 const std::string& channel, base::Time now) {
  TRY(const Act act, begin(house, service, now));
  TRY(const govern::ChannelLife* life, life_of(house, channel));
  return finish(act, Kind::Lease,
                govern::format_lease({act.context, channel, act.signer, life->epoch,
                                      house.state().life.stop_epoch, act.now,
                                      act.now + house.charter().lease_ttl}));
}

Result<House::Draft> draft_stage(const House& house, const Signer& signer,
                                 const StageOptions& options, base::Time now) {
  TRY(const Act act, begin(house, signer, now));
  TRY(const govern::ChannelLife* life, life_of(house, options.channel));
  govern::StageStatement stage;
  stage.context = act.context;
  stage.channel = options.channel;
  stage.manifest = life->arms.back().manifest;
  stage.epoch = life->epoch;
  stage.stop_epoch = house.state().life.stop_epoch;
  stage.share = options.share;
  stage.readings = options.readings;
  stage.created = act.now;
  return finish(act, Kind::Stage, govern::format_stage(stage));
}

Result<House::Draft> draft_rollback(const House& house, const Signer& signer,
                                    const std::string& channel, std::string_view manifest,
                                    base::Time now) {
  TRY(const Act act, begin(house, signer, now));
  TRY(const govern::ChannelLife* life, life_of(house, channel));
  const govern::Arm* to = nullptr;
  for (const govern::Arm& arm : life->arms) {
    const bool good =
        arm.phase == govern::Phase::Deprecated || arm.phase == govern::Phase::Production;
    const bool named = manifest.empty() ? arm.phase == govern::Phase::Deprecated
                                        : crypto::hex(arm.manifest).starts_with(manifest);
    if (good && named) to = &arm;
  }
  if (to == nullptr)
    return base::fail(base::Code::NotFound, "the channel has no such earlier release", channel,
                      "NOT_RELEASED");
  govern::StageStatement stage;
  stage.context = act.context;
  stage.channel = channel;
  stage.manifest = to->manifest;
  stage.epoch = life->epoch + 1;
  stage.stop_epoch = house.state().life.stop_epoch;
  stage.share = 100;
  stage.rollback = true;
  stage.created = act.now;
  return finish(act, Kind::Stage, govern::format_stage(stage));
}

Result<House::Draft> draft_resume(const House& house, const Signer& signer,
                                  const std::string& channel, base::Time now) {
  TRY(const Act act, begin(house, signer, now));
  TRY(const govern::ChannelLife* life, life_of(house, channel));
  const govern::Arm& arm = life->arms.back();
  if (arm.phase != govern::Phase::Halted)
    return govern::refuse("LIFECYCLE", "the channel's newest release is not halted", channel);
  TRY(const govern::LeafReference incident, incident_of(house, arm.halt));
  return finish(
      act, Kind::Resume,
      govern::format_resume({act.context, channel, arm.manifest, life->epoch + 1,
                             house.state().life.stop_epoch, arm.halt, incident, act.now}));
}

Result<House::Draft> draft_revoke(const House& house, const Signer& signer,
                                  std::string_view manifest, const std::string& reason,
                                  base::Time now) {
  TRY(const Act act, begin(house, signer, now));
  std::vector<crypto::Digest> found;
  for (const auto& [name, life] : house.state().life.channels) {
    for (const govern::Arm& arm : life.arms) {
      if (crypto::hex(arm.manifest).starts_with(manifest)) found.push_back(arm.manifest);
    }
  }
  if (const auto exact = crypto::digest_from_hex(manifest)) found.push_back(*exact);
  std::ranges::sort(found);
  const auto same = std::ranges::unique(found);
  found.erase(same.begin(), same.end());
  if (found.size() != 1 || manifest.empty())
    return base::fail(base::Code::InvalidArgument,
                      "name one model by the digest of its manifest, or enough of its beginning",
                      std::string(manifest));
  return finish(act, Kind::Revoke,
                govern::format_revoke({act.context, found[0], act.signer, reason, act.now}));
}

Result<House::Draft> draft_incident(const House& house, const Signer& signer,
                                    const std::string& cause, const std::string& remedy,
                                    base::Time now) {
  TRY(const Act act, begin(house, signer, now));
  const govern::Lifecycle& life = house.state().life;
  std::vector<govern::LeafReference> closes;
  for (const auto& [digest, alarm] : life.alarms)
    if (!alarm.closed) closes.push_back(alarm.at);
  for (const auto& [digest, stop] : life.stops)
    if (!stop.closed) closes.push_back(stop.at);
  for (const auto& [name, channel] : life.channels) {
    for (const govern::Arm& arm : channel.arms)
      if (arm.phase == govern::Phase::Halted) closes.push_back(arm.halt);
  }
  std::ranges::sort(closes);
  const auto same = std::ranges::unique(closes);
  closes.erase(same.begin(), same.end());
  if (closes.empty())
    return base::fail(base::Code::FailedPrecondition,
                      "nothing is stopped and no alarm is open, so there is nothing to close");
  return finish(act, Kind::Incident,
                govern::format_incident(
                    {act.context, act.signer, std::move(closes), cause, remedy, act.now}));
}

base::Status countersign(const House& house, govern::Envelope* envelope, const Signer& signer) {
  TRY(const Act act, begin(house, signer, house.state().latest));
  govern::sign_envelope(envelope, act.key);
  return {};
}

Result<House::Draft> read_draft(govern::Envelope envelope) {
  for (const Kind kind : {Kind::Model, Kind::RunIntent, Kind::EvalRun, Kind::Stage, Kind::Lease,
                          Kind::Stop, Kind::Resume, Kind::Revoke, Kind::Alarm, Kind::Incident,
                          Kind::Charter, Kind::Ballot, Kind::Tally, Kind::Notice, Kind::Recusal,
                          Kind::Veto, Kind::Petition, Kind::Enactment, Kind::Keyring}) {
    if (govern::payload_type(kind) == envelope.payload_type)
      return House::Draft{kind, std::move(envelope)};
  }
  return govern::malformed("statements of this type are not taken here", envelope.payload_type);
}

std::string describe_channel(const House& house, const std::string& channel, base::Time now) {
  const auto found = house.state().life.channels.find(channel);
  if (found == house.state().life.channels.end()) return channel + ": nothing was released";
  std::string out = channel + ": epoch " + std::to_string(found->second.epoch);
  for (const govern::Arm& arm : found->second.arms) {
    out += "\n  " + arm.model + " (" + crypto::hex(arm.manifest).substr(0, 12) + ")  " +
           std::string(
               govern::phase_name(*govern::phase_of(house.state(), channel, arm.manifest, now)));
    if (arm.share > 0) out += " " + std::to_string(arm.share) + " %";
  }
  const govern::ServingPlan plan = govern::serving_plan(house.state(), channel, now);
  if (plan.arms.empty()) out += "\n  nothing is served: " + plan.reason + ", " + plan.message;
  return out;
}

}  // namespace journal
