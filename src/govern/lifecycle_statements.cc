#include "govern/lifecycle_statements.h"

#include <algorithm>
#include <array>

#include "govern/checkpoint.h"
#include "govern/refusal.h"
#include "govern/statement_fields.h"

namespace govern {
namespace {

using base::Result;
using fields::digest;
using fields::get_context;
using fields::get_reference;
using fields::get_references;
using fields::get_words;
using fields::moment;
using fields::number;
using fields::only_canonical;
using fields::parse_payload;
using json::Object;
using json::Value;

constexpr size_t kNameBytesMax = 256;
constexpr size_t kListMax = 1000;

// Percent, as a decimal from 0 to 100.
Result<uint64_t> get_share(const Value& object) {
  TRY(const uint64_t share, get_decimal(object, "share"));
  if (share > 100) return malformed("field 'share': expected percent, from 0 to 100", "share");
  return share;
}

Result<std::string> get_name(const Value& object, std::string_view key) {
  return get_words(object, key, kNameBytesMax);
}

Value to_json(const std::vector<Reading>& readings) {
  json::Array out;
  for (const Reading& reading : readings) {
    out.emplace_back(Object{{"monitor", reading.monitor},
                            {"exposures", number(reading.exposures)},
                            {"events", number(reading.events)},
                            {"latest", moment(reading.latest)}});
  }
  return out;
}

Result<Reading> read_reading(const Value& item) {
  TRY_VOID(json::only_fields(item, {"monitor", "exposures", "events", "latest"}));
  Reading reading;
  TRY(reading.monitor, get_name(item, "monitor"));
  TRY(reading.exposures, get_decimal(item, "exposures"));
  TRY(reading.events, get_decimal(item, "events"));
  TRY(reading.latest, get_time(item, "latest"));
  if (reading.events > reading.exposures)
    return malformed("a reading has at most one event for each answer", reading.monitor);
  return reading;
}

Result<std::vector<Reading>> get_readings(const Value& object) {
  TRY(const json::Array* items, json::get_array(object, "readings"));
  if (items->size() > kListMax) return malformed("there are too many readings", "readings");
  std::vector<Reading> out;
  for (const Value& item : *items) {
    TRY(Reading reading, read_reading(item));
    out.push_back(std::move(reading));
  }
  return out;
}

Result<ModelStatement::Seal> read_seal(const Value& value) {
  TRY_VOID(json::only_fields(value, {"manifest", "oms_root", "release_unit"}));
  ModelStatement::Seal seal;
  TRY(seal.manifest, get_digest(value, "manifest"));
  TRY(seal.oms_root, get_digest(value, "oms_root"));
  TRY(seal.release_unit, get_digest(value, "release_unit"));
  return seal;
}

Result<std::vector<SuiteReference>> get_suites(const Value& object) {
  TRY(const json::Array* items, json::get_array(object, "suites"));
  if (items->empty() || items->size() > kListMax)
    return malformed("a run declares at least one suite", "suites");
  std::vector<SuiteReference> out;
  for (const Value& item : *items) {
    TRY_VOID(json::only_fields(item, {"suite", "root"}));
    SuiteReference reference;
    TRY(reference.suite, get_name(item, "suite"));
    TRY(reference.root, get_digest(item, "root"));
    if (!out.empty() && out.back().suite >= reference.suite)
      return malformed("suites stand in order, each once", "suites");
    out.push_back(std::move(reference));
  }
  return out;
}

Result<std::vector<std::string>> get_seeds(const Value& object) {
  TRY(const json::Array* items, json::get_array(object, "seeds"));
  if (items->size() > kListMax) return malformed("there are too many seeds", "seeds");
  std::vector<std::string> out;
  for (const Value& item : *items) {
    if (!item.is_string() || !parse_decimal(item.as_string()))
      return malformed("a seed is a decimal string", "seeds");
    out.push_back(item.as_string());
  }
  return out;
}

constexpr std::array<std::string_view, 4> kAlarmCauses = {"bound", "silence", "refused",
                                                          "inconsistent"};

Result<AlarmCause> get_cause(const Value& object) {
  TRY(const std::string text, json::get_string(object, "cause"));
  const auto found = std::ranges::find(kAlarmCauses, text);
  if (found == kAlarmCauses.end()) return malformed("an alarm of a cause that is not known", text);
  return static_cast<AlarmCause>(found - kAlarmCauses.begin());
}

}  // namespace

std::string_view alarm_cause_name(AlarmCause cause) {
  return kAlarmCauses[static_cast<size_t>(cause)];
}

std::string format_model(const ModelStatement& s) {
  Value seal;
  if (s.seal)
    seal = Object{{"manifest", digest(s.seal->manifest)},
                  {"oms_root", digest(s.seal->oms_root)},
                  {"release_unit", digest(s.seal->release_unit)}};
  return json::canonical(Object{{"type", kind_name(Kind::Model)},
                                {"context", fields::to_json(s.context)},
                                {"model", s.model},
                                {"trainer", s.trainer},
                                {"seal", std::move(seal)},
                                {"created", moment(s.created)}});
}

Result<ModelStatement> parse_model(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Model));
  TRY_VOID(json::only_fields(value, {"type", "context", "model", "trainer", "seal", "created"}));
  ModelStatement s;
  TRY(s.context, get_context(value));
  TRY(s.model, get_name(value, "model"));
  TRY(s.trainer, get_name(value, "trainer"));
  if (!value["seal"].is_null()) {
    TRY(s.seal, read_seal(value["seal"]));
  }
  TRY(s.created, get_time(value, "created"));
  return only_canonical(s, format_model(s), payload);
}

std::string format_run_intent(const RunIntent& i) {
  json::Array suites, seeds;
  for (const SuiteReference& suite : i.suites)
    suites.emplace_back(Object{{"suite", suite.suite}, {"root", digest(suite.root)}});
  for (const std::string& seed : i.seeds) seeds.emplace_back(seed);
  return json::canonical(Object{{"type", kind_name(Kind::RunIntent)},
                                {"context", fields::to_json(i.context)},
                                {"evaluator", i.evaluator},
                                {"manifest", digest(i.manifest)},
                                {"standard", digest(i.standard)},
                                {"suites", std::move(suites)},
                                {"seeds", std::move(seeds)},
                                {"created", moment(i.created)}});
}

Result<RunIntent> parse_run_intent(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::RunIntent));
  TRY_VOID(json::only_fields(value, {"type", "context", "evaluator", "manifest", "standard",
                                     "suites", "seeds", "created"}));
  RunIntent i;
  TRY(i.context, get_context(value));
  TRY(i.evaluator, get_name(value, "evaluator"));
  TRY(i.manifest, get_digest(value, "manifest"));
  TRY(i.standard, get_digest(value, "standard"));
  TRY(i.suites, get_suites(value));
  TRY(i.seeds, get_seeds(value));
  TRY(i.created, get_time(value, "created"));
  return only_canonical(i, format_run_intent(i), payload);
}

std::string format_eval_run(const EvalRun& r) {
  return json::canonical(Object{{"type", kind_name(Kind::EvalRun)},
                                {"context", fields::to_json(r.context)},
                                {"evaluator", r.evaluator},
                                {"intent", fields::to_json(r.intent)},
                                {"status", r.complete ? "complete" : "aborted"},
                                {"reason", r.reason},
                                {"evidence", fields::to_json(r.evidence)},
                                {"created", moment(r.created)}});
}

Result<EvalRun> parse_eval_run(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::EvalRun));
  TRY_VOID(json::only_fields(value, {"type", "context", "evaluator", "intent", "status", "reason",
                                     "evidence", "created"}));
  EvalRun r;
  TRY(r.context, get_context(value));
  TRY(r.evaluator, get_name(value, "evaluator"));
  TRY(r.intent, get_reference(value, "intent"));
  TRY(const std::string status, json::get_string(value, "status"));
  if (status != "complete" && status != "aborted")
    return malformed("a run ends complete or aborted", status);
  r.complete = status == "complete";
  TRY(r.reason, json::get_string(value, "reason"));
  TRY(r.evidence, get_references(value, "evidence"));
  TRY(r.created, get_time(value, "created"));
  return only_canonical(r, format_eval_run(r), payload);
}

std::string format_stage(const StageStatement& s) {
  return json::canonical(Object{{"type", kind_name(Kind::Stage)},
                                {"context", fields::to_json(s.context)},
                                {"channel", s.channel},
                                {"manifest", digest(s.manifest)},
                                {"epoch", number(s.epoch)},
                                {"stop_epoch", number(s.stop_epoch)},
                                {"share", number(s.share)},
                                {"rollback", s.rollback},
                                {"readings", to_json(s.readings)},
                                {"created", moment(s.created)}});
}

Result<StageStatement> parse_stage(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Stage));
  // Nothing that asks to skip the analysis may pass for a field without meaning.
  if (auto known =
          json::only_fields(value, {"type", "context", "channel", "manifest", "epoch", "stop_epoch",
                                    "share", "rollback", "readings", "created"});
      !known)
    return refuse("NOT_PROMOTABLE", known.error().message, known.error().where);
  StageStatement s;
  TRY(s.context, get_context(value));
  TRY(s.channel, get_name(value, "channel"));
  TRY(s.manifest, get_digest(value, "manifest"));
  TRY(s.epoch, get_decimal(value, "epoch"));
  TRY(s.stop_epoch, get_decimal(value, "stop_epoch"));
  TRY(s.share, get_share(value));
  TRY(s.rollback, json::get_bool(value, "rollback"));
  auto readings = get_readings(value);
  if (!readings)
    return refuse("NOT_PROMOTABLE",
                  "what the monitors say is no reading: " + readings.error().message);
  s.readings = *std::move(readings);
  TRY(s.created, get_time(value, "created"));
  return only_canonical(s, format_stage(s), payload);
}

std::string format_lease(const Lease& l) {
  return json::canonical(Object{{"type", kind_name(Kind::Lease)},
                                {"context", fields::to_json(l.context)},
                                {"channel", l.channel},
                                {"service", l.service},
                                {"epoch", number(l.epoch)},
                                {"stop_epoch", number(l.stop_epoch)},
                                {"created", moment(l.created)},
                                {"expires", moment(l.expires)}});
}

Result<Lease> parse_lease(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Lease));
  TRY_VOID(json::only_fields(value, {"type", "context", "channel", "service", "epoch", "stop_epoch",
                                     "created", "expires"}));
  Lease l;
  TRY(l.context, get_context(value));
  TRY(l.channel, get_name(value, "channel"));
  TRY(l.service, get_name(value, "service"));
  TRY(l.epoch, get_decimal(value, "epoch"));
  TRY(l.stop_epoch, get_decimal(value, "stop_epoch"));
  TRY(l.created, get_time(value, "created"));
  TRY(l.expires, get_time(value, "expires"));
  return only_canonical(l, format_lease(l), payload);
}

std::string format_stop(const Stop& s) {
  return json::canonical(Object{{"type", kind_name(Kind::Stop)},
                                {"context", fields::to_json(s.context)},
                                {"channel", s.channel},
                                {"holder", s.holder},
                                {"stop_epoch", number(s.stop_epoch)},
                                {"reason", s.reason},
                                {"created", moment(s.created)}});
}

Result<Stop> parse_stop(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Stop));
  TRY_VOID(json::only_fields(
      value, {"type", "context", "channel", "holder", "stop_epoch", "reason", "created"}));
  Stop s;
  TRY(s.context, get_context(value));
  TRY(s.channel, get_name(value, "channel"));
  TRY(s.holder, get_name(value, "holder"));
  TRY(s.stop_epoch, get_decimal(value, "stop_epoch"));
  TRY(s.reason, get_words(value, "reason"));
  TRY(s.created, get_time(value, "created"));
  return only_canonical(s, format_stop(s), payload);
}

std::string format_resume(const Resume& r) {
  return json::canonical(Object{{"type", kind_name(Kind::Resume)},
                                {"context", fields::to_json(r.context)},
                                {"channel", r.channel},
                                {"manifest", digest(r.manifest)},
                                {"epoch", number(r.epoch)},
                                {"stop_epoch", number(r.stop_epoch)},
                                {"halt", fields::to_json(r.halt)},
                                {"incident", fields::to_json(r.incident)},
                                {"created", moment(r.created)}});
}

Result<Resume> parse_resume(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Resume));
  TRY_VOID(json::only_fields(value, {"type", "context", "channel", "manifest", "epoch",
                                     "stop_epoch", "halt", "incident", "created"}));
  Resume r;
  TRY(r.context, get_context(value));
  TRY(r.channel, get_name(value, "channel"));
  TRY(r.manifest, get_digest(value, "manifest"));
  TRY(r.epoch, get_decimal(value, "epoch"));
  TRY(r.stop_epoch, get_decimal(value, "stop_epoch"));
  TRY(r.halt, get_reference(value, "halt"));
  TRY(r.incident, get_reference(value, "incident"));
  TRY(r.created, get_time(value, "created"));
  return only_canonical(r, format_resume(r), payload);
}

std::string format_revoke(const Revoke& r) {
  return json::canonical(Object{{"type", kind_name(Kind::Revoke)},
                                {"context", fields::to_json(r.context)},
                                {"manifest", digest(r.manifest)},
                                {"holder", r.holder},
                                {"reason", r.reason},
                                {"created", moment(r.created)}});
}

Result<Revoke> parse_revoke(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Revoke));
  TRY_VOID(
      json::only_fields(value, {"type", "context", "manifest", "holder", "reason", "created"}));
  Revoke r;
  TRY(r.context, get_context(value));
  TRY(r.manifest, get_digest(value, "manifest"));
  TRY(r.holder, get_name(value, "holder"));
  TRY(r.reason, get_words(value, "reason"));
  TRY(r.created, get_time(value, "created"));
  return only_canonical(r, format_revoke(r), payload);
}

std::string format_alarm(const Alarm& a) {
  return json::canonical(Object{{"type", kind_name(Kind::Alarm)},
                                {"context", fields::to_json(a.context)},
                                {"channel", a.channel},
                                {"manifest", digest(a.manifest)},
                                {"cause", alarm_cause_name(a.cause)},
                                {"source", a.source},
                                {"detail", a.detail},
                                {"readings", to_json(a.readings)},
                                {"created", moment(a.created)}});
}

Result<Alarm> parse_alarm(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Alarm));
  TRY_VOID(json::only_fields(value, {"type", "context", "channel", "manifest", "cause", "source",
                                     "detail", "readings", "created"}));
  Alarm a;
  TRY(a.context, get_context(value));
  TRY(a.channel, get_name(value, "channel"));
  TRY(a.manifest, get_digest(value, "manifest"));
  TRY(a.cause, get_cause(value));
  TRY(a.source, get_name(value, "source"));
  TRY(a.detail, get_words(value, "detail"));
  TRY(a.readings, get_readings(value));
  TRY(a.created, get_time(value, "created"));
  return only_canonical(a, format_alarm(a), payload);
}

std::string format_incident(const Incident& i) {
  return json::canonical(Object{{"type", kind_name(Kind::Incident)},
                                {"context", fields::to_json(i.context)},
                                {"person", i.person},
                                {"closes", fields::to_json(i.closes)},
                                {"cause", i.cause},
                                {"remedy", i.remedy},
                                {"created", moment(i.created)}});
}

Result<Incident> parse_incident(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Incident));
  TRY_VOID(json::only_fields(
      value, {"type", "context", "person", "closes", "cause", "remedy", "created"}));
  Incident i;
  TRY(i.context, get_context(value));
  TRY(i.person, get_name(value, "person"));
  TRY(i.closes, get_references(value, "closes"));
  TRY(i.cause, get_words(value, "cause"));
  TRY(i.remedy, get_words(value, "remedy"));
  TRY(i.created, get_time(value, "created"));
  return only_canonical(i, format_incident(i), payload);
}

bool is_lifecycle_kind(Kind kind) {
  switch (kind) {
    case Kind::Model:
    case Kind::RunIntent:
    case Kind::EvalRun:
    case Kind::Stage:
    case Kind::Lease:
    case Kind::Stop:
    case Kind::Resume:
    case Kind::Revoke:
    case Kind::Alarm:
    case Kind::Incident:
      return true;
    default:
      return false;
  }
}

Result<crypto::Digest> lifecycle_subject(Kind kind, std::string_view payload) {
  TRY(const Value value, parse_payload(payload, kind));
  if (kind == Kind::EvalRun) {
    TRY(const LeafReference intent, get_reference(value, "intent"));
    return intent.sha256;
  }
  if (kind == Kind::Incident) {
    TRY(const std::string person, get_name(value, "person"));
    return crypto::sha256(person);
  }
  if (kind == Kind::Model) {
    TRY(const std::string model, get_name(value, "model"));
    const Value& seal = value["seal"];
    return seal.is_null() ? crypto::sha256(model) : get_digest(seal, "manifest");
  }
  if (value.find("manifest") != nullptr) return get_digest(value, "manifest");
  TRY(const std::string channel, get_name(value, "channel"));
  return crypto::sha256(channel);
}

}  // namespace govern
