// `charter judge compare` and `charter judge calibrate`.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "cli/judge_commands.h"
#include "cli/judge_models.h"
#include "cli/stop_on_signal.h"
#include "files/files.h"
#include "judge/engine_subject.h"
#include "judge/evidence.h"
#include "judge/judge_model.h"
#include "judge/run.h"

namespace cli {

base::Status judge_compare(std::span<const std::string> arguments) {
  Options options("judge");
  const std::string& candidate = options.positional("CANDIDATE");
  const std::string& production = options.positional("PRODUCTION");
  const std::vector<std::string>& suites = options.list("--suite");
  const double& margin = options.real("--margin", 0, 0, 1);
  const double& alpha = options.real("--alpha", 0.05, 1e-9, 0.49);
  TRY_VOID(options.parse(arguments));
  if (suites.size() != 1)
    return base::fail(base::Code::InvalidArgument, "name the one suite of both with --suite",
                      "--suite");
  TRY(const judge::Suite suite, load_suite(suites.front()));
  TRY(const judge::Checked ours, load_evidence(suite, candidate));
  TRY(const judge::Checked theirs, load_evidence(suite, production));
  TRY(const judge::Comparison result, judge::compare(suite, ours, theirs, alpha, margin));
  if (options.json()) {
    print_json(json::Object{{"suite", suite.name},
                            {"difference", result.difference},
                            {"worse_at_most", result.worse_at_most},
                            {"margin", margin},
                            {"alpha", alpha},
                            {"passed", result.passed}});
    return {};
  }
  std::printf("%s: the candidate's mean differs by %+.1f %%; it is worse by at most %.1f %%: %s\n",
              suite.name.c_str(), 100 * result.difference, 100 * result.worse_at_most,
              result.passed ? "within the margin" : "not within the margin");
  return {};
}

base::Status judge_calibrate(std::span<const std::string> arguments) {
  Options options("judge");
  const std::string& path = options.positional("MODEL");
  const std::string& labels_path = options.text("--labels", "");
  const std::string& out = options.text("--out", "");
  const int64_t& threads = options.integer("--threads", 0, 0, 1024);
  TRY_VOID(options.parse(arguments));
  if (labels_path.empty() || out.empty())
    return base::fail(base::Code::InvalidArgument, "name the --labels and the file --out", "judge");
  TRY(const std::string labels, files::read_file(labels_path));
  TRY(const JudgedModel model, load_judged_model(path, "", threads));
  const StopOnSignal stop_on_signal;
  judge::EngineSubject subject(model.engine, &g_stop);
  const judge::Sampling sampling{.temperature = 0, .max_tokens = 16};
  TRY(const judge::Calibration result,
      judge::calibrate(model.identity.manifest, labels, [&](const judge::Prompt& prompt) {
        return judge::reply(subject, prompt, sampling, 0);
      }));
  TRY_VOID(files::write_atomic(out, judge::print_calibration(result)));
  const bool enough = result.agreement.count() >= judge::kLabelsMin;
  std::printf("kappa %.3f over %ld labels: %s\n", result.kappa, result.agreement.count(),
              !enough                           ? "too few labels, 200 are needed"
              : result.kappa < judge::kKappaMin ? "below 0.6, this model may not judge"
                                                : "this model may judge");
  return {};
}

}  // namespace cli
