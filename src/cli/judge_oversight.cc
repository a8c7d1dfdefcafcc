// `charter judge oversight`: a weak model as monitor over a stronger one's answers.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "cli/judge_commands.h"
#include "cli/judge_models.h"
#include "cli/stop_on_signal.h"
#include "files/files.h"
#include "judge/engine_subject.h"
#include "judge/oversight.h"

namespace cli {

base::Status judge_oversight(std::span<const std::string> arguments) {
  Options options("judge");
  const std::string& evidence = options.positional("EVIDENCE");
  const std::string& monitor_path = options.text("--monitor", "");
  const std::vector<std::string>& suites = options.list("--suite");
  const std::string& out = options.text("--out", "");
  const double& fpr = options.real("--false-alarms", 0.01, 0, 0.5);
  const double& alpha = options.real("--alpha", 0.05, 1e-9, 0.49);
  const int64_t& threads = options.integer("--threads", 0, 0, 1024);
  TRY_VOID(options.parse(arguments));
  if (monitor_path.empty() || suites.size() != 1)
    return base::fail(base::Code::InvalidArgument,
                      "name the --monitor and the one --suite of the evidence", "judge");
  TRY(const judge::Suite suite, load_suite(suites.front()));
  TRY(const judge::Checked checked, load_evidence(suite, evidence));
  TRY(const JudgedModel monitor, load_judged_model(monitor_path, "", threads));
  const StopOnSignal stop_on_signal;
  judge::EngineSubject subject(monitor.engine, &g_stop);
  TRY(const judge::Oversight found, judge::oversee(subject, suite, checked.records, fpr, alpha));
  const judge::Recall& recall = found.recall;
  json::Array audit;
  for (const int64_t index : found.disagreements)
    audit.emplace_back(suite.cases[static_cast<size_t>(index)].id);
  const json::Value report = json::Object{{"format", "charter-oversight/v1"},
                                          {"monitor", crypto::hex(monitor.identity.manifest)},
                                          {"model", crypto::hex(checked.identity.manifest)},
                                          {"suite", suite.name},
                                          {"suite_root", crypto::hex(suite.root)},
                                          {"result_root", crypto::hex(checked.tally.result_root)},
                                          {"false_alarms_allowed", fpr},
                                          {"false_alarms", recall.false_alarms},
                                          {"clean", recall.clean},
                                          {"flagged", recall.flagged},
                                          {"faulty", recall.faulty},
                                          {"recall", recall.recall},
                                          {"recall_lower_bound", recall.bounds.lower},
                                          {"alpha", alpha},
                                          {"threshold", recall.threshold},
                                          {"for_audit", std::move(audit)},
                                          {"may", json::Array{"flag", "restrict"}}};
  if (!out.empty()) TRY_VOID(files::write_atomic(out, json::dump_pretty(report)));
  if (options.json()) {
    print_json(report);
    return {};
  }
  std::printf(
      "%s: the monitor flags %ld of %ld planted faults (%.1f %%, at least %.1f %%) with %ld "
      "false alarms on %ld clean answers; it flags, it never approves\n",
      suite.name.c_str(), recall.flagged, recall.faulty, 100 * recall.recall,
      100 * recall.bounds.lower, recall.false_alarms, recall.clean);
  return {};
}

}  // namespace cli
