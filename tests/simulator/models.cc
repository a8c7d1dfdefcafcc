// A model's life: who trains, judges, stages, leases, stops and resumes it.
#include <algorithm>

#include "govern/evidence.h"
#include "world.h"

namespace simulator {

using base::Rng;
using govern::Kind;
using govern::LeafReference;

namespace {

govern::Manifest manifest_of(const std::string& model) {
  govern::Manifest manifest;
  manifest.files["model.safetensors"] = crypto::sha256(model);
  return manifest;
}

std::string any_model(Rng* rng) { return rng->below(2) == 0 ? "m0" : "m1"; }
std::string any_channel(Rng* rng) { return rng->below(3) == 0 ? "beta" : "chat"; }

}  // namespace

// The next step towards a verdict; one time in six any of them.
void World::judge(Rng* rng) {
  const govern::State& state = house_.state();
  const std::string model = any_model(rng);
  const govern::Manifest manifest = manifest_of(model);
  const crypto::Digest digest = manifest_digest(manifest);
  const std::string trainer = service_or_person(rng, "trainer");
  const std::string judge_id = service_or_person(rng, "judge");
  const std::string gate = service_or_person(rng, "gate");

  std::vector<LeafReference> evidence;
  for (const auto& [envelope, logged] : state.evidence)
    if (logged.evidence.manifest_digest == digest) evidence.push_back(logged.at);
  std::ranges::sort(evidence);
  const govern::DeclaredRun* open = nullptr;
  for (const auto& [envelope, run] : state.life.runs)
    if (run.intent.manifest == digest && !run.ended) open = &run;

  uint64_t next = !state.life.registered.contains(model) ? 0
                  : !state.life.models.contains(digest)  ? 1
                  : open == nullptr && evidence.empty()  ? 2
                  : evidence.empty()                     ? 3
                  : open != nullptr                      ? 4
                                                         : 5;
  if (rng->below(6) == 0) next = rng->below(6);
  if (next <= 1) {
    govern::ModelStatement statement;
    statement.context = house_.context();
    statement.model = model;
    statement.trainer = trainer;
    if (next == 1) statement.seal = {digest, oms_root(manifest), release_unit(manifest)};
    statement.created = log_time();
    return submit(rng, Kind::Model, format_model(statement), keys_of({trainer}));
  }
  if (next == 2) {
    govern::RunIntent intent;
    intent.context = house_.context();
    intent.evaluator = judge_id;
    intent.manifest = digest;
    intent.standard = standard_digest(charter());
    intent.suites = {{"words", crypto::sha256("words")}};
    intent.seeds = {"1"};
    intent.created = log_time();
    return submit(rng, Kind::RunIntent, format_run_intent(intent), keys_of({judge_id}));
  }
  if (next == 3) {
    govern::Evidence e;
    e.model = model;
    e.manifest_digest = digest;
    e.suite = "words";
    e.suite_version = "1";
    e.suite_root = crypto::sha256("words");
    e.result_root = crypto::sha256(std::to_string(rng->next()));
    e.size = 40;
    e.passed = rng->below(5) == 0 ? 22 : 38;  // 22 of 40: the mean passes 0.50, the bound does not
    e.failed = e.size - e.passed;
    e.finished = log_time();
    return submit(rng, Kind::Evidence, format_evidence(e), keys_of({judge_id}));
  }
  if (next == 4) {
    govern::EvalRun end;
    end.context = house_.context();
    end.evaluator = open == nullptr ? judge_id : open->intent.evaluator;
    if (open != nullptr) end.intent = open->at;
    end.complete = rng->below(5) != 0;
    if (end.complete)
      end.evidence = evidence.empty() ? evidence : std::vector<LeafReference>{evidence.back()};
    else
      end.reason = "power cut";
    end.created = log_time();
    return submit(rng, Kind::EvalRun, format_eval_run(end), keys_of({end.evaluator}));
  }
  const govern::Power* power = charter().find_power("model.promote");
  if (power == nullptr) return;
  std::vector<govern::LoggedEvidence> judged;
  for (const auto& [envelope, logged] : state.evidence)
    if (logged.evidence.manifest_digest == digest) judged.push_back(logged);
  govern::GateVerdict verdict;
  verdict.model = model;
  verdict.channel = any_channel(rng);
  verdict.manifest = digest;
  verdict.standard = standard_digest(charter());
  verdict.evidence = evidence;
  verdict.verified = log_time();
  verdict.passed =
      check_gates(charter(), *power, verdict.channel, digest, judged, log_time()).has_value() !=
      (rng->below(12) == 0);
  submit(rng, Kind::Gate, format_gate_verdict(verdict), keys_of({gate}));
}

void World::stage(Rng* rng) {
  const std::string channel = any_channel(rng);
  const auto found = house_.state().life.channels.find(channel);
  if (found == house_.state().life.channels.end() || found->second.arms.empty()) return;
  const auto& arms = found->second.arms;
  const govern::Arm& arm = rng->below(4) == 0 ? arms[rng->below(arms.size())] : arms.back();
  govern::StageStatement s;
  s.context = house_.context();
  s.channel = channel;
  s.manifest = arm.manifest;
  s.rollback = rng->below(4) == 0;
  s.epoch = found->second.epoch + (s.rollback ? 1 : 0) + (rng->below(10) == 0 ? 1 : 0);
  s.stop_epoch = house_.state().life.stop_epoch;
  s.share = 100;
  if (charter().rollout && !s.rollback)
    s.share = rng->below(4) == 0 ? charter().rollout->below(arm.share)
                                 : charter().rollout->next_after(arm.share);
  for (const govern::Monitor& monitor : charter().monitors)
    s.readings.push_back({monitor.id, 200, rng->below(4) == 0 ? 60u : 0u, log_time()});
  s.created = log_time();
  std::vector<std::string> signers = {controller(rng)};
  if (rng->below(4) != 0) signers.push_back(seated(rng, "safety"));
  if (rng->below(2) == 0) signers.push_back(service_or_person(rng, "monitor"));
  std::ranges::sort(signers);
  signers.erase(std::ranges::unique(signers).begin(), signers.end());
  submit(rng, Kind::Stage, format_stage(s), keys_of(signers));
}

void World::lease(Rng* rng) {
  govern::Lease lease;
  lease.context = house_.context();
  lease.channel = any_channel(rng);
  lease.service = service_or_person(rng, "timestamp");
  lease.epoch = channel_epoch(house_.state(), lease.channel) + (rng->below(12) == 0 ? 1 : 0);
  lease.stop_epoch = house_.state().life.stop_epoch;
  lease.created = log_time();
  lease.expires = log_time() + base::seconds(rng->below(8) == 0 ? 90'000 : 80'000);
  submit(rng, Kind::Lease, format_lease(lease), keys_of({lease.service}));
}

void World::stop(Rng* rng) {
  govern::Stop stop;
  stop.context = house_.context();
  stop.channel = rng->below(2) == 0 ? std::string(govern::kAllChannels) : any_channel(rng);
  stop.holder = rng->below(4) == 0 ? any_person(rng) : controller(rng);
  stop.stop_epoch = house_.state().life.stop_epoch + (rng->below(10) == 0 ? 0 : 1);
  stop.reason = "smoke";
  stop.created = log_time();
  submit(rng, Kind::Stop, format_stop(stop), keys_of({stop.holder}));
}

void World::explain(Rng* rng) {
  const govern::Lifecycle& life = house_.state().life;
  govern::Incident incident;
  for (const auto& [digest, record] : life.alarms)
    if (!record.closed) incident.closes.push_back(record.at);
  for (const auto& [digest, record] : life.stops)
    if (!record.closed) incident.closes.push_back(record.at);
  for (const auto& [name, channel] : life.channels)
    for (const govern::Arm& arm : channel.arms)
      if (arm.phase == govern::Phase::Halted) incident.closes.push_back(arm.halt);
  std::ranges::sort(incident.closes);
  incident.closes.erase(std::ranges::unique(incident.closes).begin(), incident.closes.end());
  if (incident.closes.empty()) return;
  incident.context = house_.context();
  incident.person = controller(rng);
  incident.cause = "a loose wire";
  incident.remedy = "it was fastened";
  incident.created = log_time();
  submit(rng, Kind::Incident, format_incident(incident), keys_of({incident.person}));
}

void World::resume(Rng* rng) {
  const govern::Lifecycle& life = house_.state().life;
  for (const auto& [name, channel] : life.channels) {
    for (const govern::Arm& arm : channel.arms) {
      if (arm.phase != govern::Phase::Halted) continue;
      govern::Resume resume;
      resume.context = house_.context();
      resume.channel = name;
      resume.manifest = arm.manifest;
      resume.epoch = channel.epoch + 1;
      resume.stop_epoch = life.stop_epoch;
      resume.halt = arm.halt;
      for (const auto& [digest, incident] : life.incidents) {
        if (std::ranges::find(incident.closes, arm.halt) == incident.closes.end()) continue;
        for (const auto& entry : house_.log())
          if (entry.leaf.envelope == digest) resume.incident = {entry.leaf.seq, digest};
      }
      resume.created = log_time();
      std::vector<std::string> signers;
      for (const govern::Body& body : charter().bodies) {
        if (body.body_class == govern::BodyClass::Economic) continue;
        for (const std::string& person : body.members)
          if (rng->below(5) != 0) signers.push_back(person);
      }
      std::ranges::sort(signers);
      signers.erase(std::ranges::unique(signers).begin(), signers.end());
      if (signers.empty()) return;
      return submit(rng, Kind::Resume, format_resume(resume), keys_of(signers));
    }
  }
}

void World::revoke(Rng* rng) {
  govern::Revoke revoke;
  revoke.context = house_.context();
  revoke.manifest = manifest_digest(manifest_of(any_model(rng)));
  revoke.holder = rng->below(4) == 0 ? any_person(rng) : controller(rng);
  revoke.reason = "it leaks";
  revoke.created = log_time();
  submit(rng, Kind::Revoke, format_revoke(revoke), keys_of({revoke.holder}));
}

void World::alarm(Rng* rng) {
  govern::Alarm alarm;
  alarm.context = house_.context();
  alarm.channel = any_channel(rng);
  alarm.manifest = manifest_digest(manifest_of(any_model(rng)));
  alarm.cause = static_cast<govern::AlarmCause>(rng->below(4));
  alarm.source = service_or_person(rng, "monitor");
  alarm.detail = "five events";
  alarm.created = log_time();
  submit(rng, Kind::Alarm, format_alarm(alarm), keys_of({alarm.source}));
}

}  // namespace simulator
