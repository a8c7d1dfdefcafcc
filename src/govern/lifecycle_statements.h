// Statements of a model's life before and after the vote: registered and sealed, judged in declared
// runs, staged, leased, stopped, resumed, revoked; alarms, and the incidents that close them.
// Parsers are strict; meaning is judged by lifecycle.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "govern/statements.h"

namespace govern {

// Without digests: a name and its trainer. With them: the bytes, signed for by that trainer.
struct ModelStatement {
  struct Seal {
    crypto::Digest manifest{}, oms_root{}, release_unit{};
    friend bool operator==(const Seal&, const Seal&) = default;
  };
  Context context;
  std::string model, trainer;
  std::optional<Seal> seal;
  base::Time created;
};

struct SuiteReference {
  std::string suite;  // "persuasion/mms"
  crypto::Digest root{};
  friend auto operator<=>(const SuiteReference&, const SuiteReference&) = default;
};

// Says beforehand that these suites will be run on this model.
struct RunIntent {
  Context context;
  std::string evaluator;  // a person or a service
  crypto::Digest manifest{}, standard{};
  std::vector<SuiteReference> suites;  // in order, none twice; at least one
  std::vector<std::string> seeds;      // decimals
  base::Time created;
};

// The one end of a declared run.
struct EvalRun {
  Context context;
  std::string evaluator;
  LeafReference intent;
  bool complete = false;
  std::string reason;                   // of an aborted run
  std::vector<LeafReference> evidence;  // of a complete one, of every suite that was declared
  base::Time created;
};

// What a monitor counted in the current stage. Whatever is not a number, or stands beside the known
// fields, is not a reading; such a stage is not promotable.
struct Reading {
  std::string monitor;  // its id in the charter
  uint64_t exposures = 0, events = 0;
  base::Time latest;  // of the last answer counted
};

// A release's share of a channel's traffic: raised or lowered, or given back to an earlier release.
struct StageStatement {
  Context context;
  std::string channel;
  crypto::Digest manifest{};
  uint64_t epoch = 0;       // the channel's; of a rollback the next
  uint64_t stop_epoch = 0;  // the house's
  uint64_t share = 0;       // percent
  bool rollback = false;
  std::vector<Reading> readings;
  base::Time created;
};

// A node that knows the channel at least as far as this may serve it until `expires`.
struct Lease {
  Context context;
  std::string channel, service;
  uint64_t epoch = 0, stop_epoch = 0;
  base::Time created, expires;
};

struct Stop {
  Context context;
  std::string channel;      // "*": all of them
  std::string holder;       // a person or a service
  uint64_t stop_epoch = 1;  // the house's next
  std::string reason;
  base::Time created;
};

struct Resume {
  Context context;
  std::string channel;
  crypto::Digest manifest{};
  uint64_t epoch = 0;       // the channel's next
  uint64_t stop_epoch = 0;  // the house's
  LeafReference halt;       // what halted it: a stop, an alarm, a verdict
  LeafReference incident;
  base::Time created;
};

struct Revoke {
  Context context;
  crypto::Digest manifest{};
  std::string holder, reason;
  base::Time created;
};

enum class AlarmCause : unsigned char {
  Bound,         // a monitor fired
  Silence,       // a monitor heard nothing until the deadline
  Refused,       // a loader refused what it was given
  Inconsistent,  // the log was shown in two forms: everything stops
};
std::string_view alarm_cause_name(AlarmCause cause);

struct Alarm {
  Context context;
  std::string channel;        // "*" when it is about all
  crypto::Digest manifest{};  // of the release that it is about
  AlarmCause cause = AlarmCause::Bound;
  std::string source;  // a monitor's service, or a person who may stop
  std::string detail;
  std::vector<Reading> readings;
  base::Time created;
};

// What happened and what was done about it; closes the alarms and stops that it names.
struct Incident {
  Context context;
  std::string person;
  std::vector<LeafReference> closes;
  std::string cause, remedy;
  base::Time created;
};

std::string format_model(const ModelStatement& statement);
std::string format_run_intent(const RunIntent& intent);
std::string format_eval_run(const EvalRun& run);
std::string format_stage(const StageStatement& stage);
std::string format_lease(const Lease& lease);
std::string format_stop(const Stop& stop);
std::string format_resume(const Resume& resume);
std::string format_revoke(const Revoke& revoke);
std::string format_alarm(const Alarm& alarm);
std::string format_incident(const Incident& incident);

base::Result<ModelStatement> parse_model(std::string_view payload);
base::Result<RunIntent> parse_run_intent(std::string_view payload);
base::Result<EvalRun> parse_eval_run(std::string_view payload);
base::Result<StageStatement> parse_stage(std::string_view payload);  // also NOT_PROMOTABLE
base::Result<Lease> parse_lease(std::string_view payload);
base::Result<Stop> parse_stop(std::string_view payload);
base::Result<Resume> parse_resume(std::string_view payload);
base::Result<Revoke> parse_revoke(std::string_view payload);
base::Result<Alarm> parse_alarm(std::string_view payload);
base::Result<Incident> parse_incident(std::string_view payload);

inline constexpr std::string_view kAllChannels = "*";

// The subject that the log's entry names: the model's manifest where there is one, else a digest of
// the channel's or the model's name.
base::Result<crypto::Digest> lifecycle_subject(Kind kind, std::string_view payload);
bool is_lifecycle_kind(Kind kind);

}  // namespace govern
