// Statements of a model's life come from whoever may write to the log: every parser on any bytes.
// What parses is spelt again the same.
#include "base/check.h"
#include "govern/lifecycle_statements.h"

namespace {

template <class T>
void round_trip(base::Result<T> (*parse)(std::string_view), std::string (*format)(const T&),
                std::string_view text) {
  const auto parsed = parse(text);
  if (parsed) CHECK(format(*parsed) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace govern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip(parse_model, format_model, text);
  round_trip(parse_run_intent, format_run_intent, text);
  round_trip(parse_eval_run, format_eval_run, text);
  round_trip(parse_stage, format_stage, text);
  round_trip(parse_lease, format_lease, text);
  round_trip(parse_stop, format_stop, text);
  round_trip(parse_resume, format_resume, text);
  round_trip(parse_revoke, format_revoke, text);
  round_trip(parse_alarm, format_alarm, text);
  round_trip(parse_incident, format_incident, text);
  for (const Kind kind : {Kind::Model, Kind::RunIntent, Kind::EvalRun, Kind::Stage, Kind::Lease,
                          Kind::Stop, Kind::Resume, Kind::Revoke, Kind::Alarm, Kind::Incident})
    static_cast<void>(lifecycle_subject(kind, text));
  return 0;
}
