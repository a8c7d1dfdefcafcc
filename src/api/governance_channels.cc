// What each channel serves by the log: the plan that the loader follows, recomputed for the moment.
#include <set>

#include "api/admin.h"
#include "api/governance.h"
#include "govern/certificate.h"

namespace api {
namespace {

using json::Array;
using json::Object;
using json::Value;

Value arm_json(const govern::State& state, const std::string& channel, const govern::Arm& arm,
               const govern::ServingPlan& plan, base::Time now) {
  uint64_t percent = 0;
  for (const govern::ServedArm& served : plan.arms)
    if (served.certificate == arm.certificate) percent = served.percent;
  const auto phase = govern::phase_of(state, channel, arm.manifest, now);
  return Object{{"model", arm.model},
                {"proposal", crypto::hex(arm.proposal)},
                {"manifest_digest", crypto::hex(arm.manifest)},
                {"certificate", reference_json(arm.certificate)},
                {"phase", govern::phase_name(phase ? *phase : arm.phase)},
                {"stage_percent", arm.share},
                {"served_percent", percent},
                {"not_after", arm.not_after.seconds()}};
}

Value stops_json(const govern::State& state, const std::string& channel) {
  Array out;
  for (const auto& [digest, stop] : state.life.stops) {
    if (stop.closed || (stop.channel != channel && stop.channel != govern::kAllChannels)) continue;
    out.emplace_back(Object{
        {"at", reference_json(stop.at)}, {"channel", stop.channel}, {"holder", stop.holder}});
  }
  return out;
}

Value channel_json(const journal::House& house, const std::string& name, base::Time now) {
  const govern::State& state = house.state();
  const govern::ServingPlan plan = govern::serving_plan(state, name, now);
  const auto life = state.life.channels.find(name);
  Array arms;
  if (life != state.life.channels.end()) {
    for (const govern::Arm& arm : life->second.arms)
      arms.insert(arms.begin(), arm_json(state, name, arm, plan, now));
  }
  const auto released = state.channels.find(name);
  Value out = Object{{"id", name},
                     {"epoch", plan.epoch},
                     {"stop_epoch", plan.stop_epoch},
                     {"serves", !plan.arms.empty()},
                     {"reason", plan.reason},
                     {"message", plan.message},
                     {"one_person_decides", house.charter().one_person_decides()},
                     {"releases", std::move(arms)},
                     {"stops", stops_json(state, name)}};
  out.set("until", seconds_or_null(plan.until));
  if (released != state.channels.end()) {
    out.set("model", released->second.certificate.model);
    out.set("released_at", released->second.certificate.not_before.seconds());
  }
  return out;
}

}  // namespace

void list_channels(const Call& call) {
  answer_from_house(call, [&](const journal::House& house) -> base::Result<Value> {
    std::set<std::string> names;
    for (const auto& [name, release] : house.state().channels) names.insert(name);
    for (const auto& [name, life] : house.state().life.channels) names.insert(name);
    Array data;
    for (const std::string& name : names)
      data.push_back(channel_json(house, name, call.app->clock.now()));
    return Value(Object{{"object", "list"},
                        {"data", std::move(data)},
                        {"stop_epoch", house.state().life.stop_epoch}});
  });
}

void get_bundle(const Call& call) {
  const auto house = house_of(call);
  if (!house) return call.fail(house.error());
  const govern::State& state = (*house)->state();
  const auto release = state.channels.find(call.parameters[0]);
  if (release == state.channels.end())
    return call.fail(no_item("channel", call.parameters[0]).error());
  const auto proposal = state.proposals.find(release->second.certificate.proposal);
  // Another program may have logged it and not signed the checkpoint yet.
  if (proposal == state.proposals.end() ||
      release->second.at.leaf >= (*house)->log().checkpoint().size)
    return call.fail({base::Code::Unavailable, "the log is being written; try again", {}, {}, {}});
  const auto bundle = (*house)->make_bundle(proposal->second);
  if (!bundle) return call.fail(bundle.error());
  call.respond({200,
                {{"content-type", "application/json"},
                 {"content-disposition", "attachment; filename=\"bundle.json\""},
                 {"cache-control", "no-store"}},
                govern::format_bundle(*bundle)});
}

}  // namespace api
