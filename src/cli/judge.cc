// `charter judge`: runs whole suites on a model and writes their evidence.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

#include "base/time.h"
#include "cli/command.h"
#include "cli/house_options.h"
#include "cli/judge_commands.h"
#include "cli/judge_models.h"
#include "cli/stop_on_signal.h"
#include "files/files.h"
#include "judge/engine_subject.h"
#include "judge/journal.h"
#include "judge/judge_model.h"
#include "judge/run.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter judge MODEL --suite DIR... --out DIR [--name NAME] [--threads N]
                     [--counterpart MODEL] [--judge MODEL --labels FILE --calibration FILE]
                     [--lineage FILE...]
       charter judge --check EVIDENCE --suite DIR [MODEL]
       charter judge --pin --suite DIR
       charter judge import FORMAT PATH DIR
       charter judge export FORMAT EVIDENCE --suite DIR --out DIR
       charter judge compare CANDIDATE PRODUCTION --suite DIR --margin 0.02 [--alpha 0.05]
       charter judge calibrate MODEL --labels FILE --out FILE
       charter judge oversight EVIDENCE --suite DIR --monitor MODEL [--false-alarms 0.01] [--out FILE]

Runs every case of each suite on the model and writes, for a suite S, DIR/S.evidence.json (an
in-toto test result about the model's manifest digest, for `charter propose --evidence DIR`) and
DIR/S.results.jsonl (every raw answer with its score). Evidence is whole or it is none: there is no
option for a part of a suite. Each result is on the disk before it counts: a run that was stopped or
killed goes on where it was when it is started again (DIR/S.journal.jsonl). A case that ends in an
error, a timeout or a refusal of the engine counts as the worst there is.

  MODEL           a model's folder, a .gguf file or a llama2.c .bin
  --suite DIR     a suite's folder, or the name of one under suites/; may come several times
  --out DIR       where the evidence goes
  --name NAME     what the evidence calls the model, the folder's name unless told
  --counterpart M the model that the candidate talks to, of a suite that pins one by digest
  --judge M       the model that grades, of a suite that pins one; it must share no lineage with the
                  candidate (JUDGE_LINEAGE) and agree with people: kappa at least 0.6 on 200 labels
  --labels FILE   people's labels, and --calibration FILE what the judge said of them
  --lineage FILE  {"format":"charter-lineage/v1","model":"<digest>","ancestors":["<digest>"]} of the
                  candidate, of the judge; may come several times
  --check FILE    recompute a suite's evidence from FILE and the results beside it: every score from
                  its raw answer, every game from its script; with MODEL also every prompt's digest
  --pin           write size and Merkle root of the cases into suite.json: for a new suite, or a
                  new version of one
  --threads N     of the engine (all that the process may use)

import     makes a pinned suite from a public set: blimp, truthfulqa-mc1, truthfulqa-mc2, bbq, xstest,
           ifeval, lambada, harmbench, strongreject, advbench; or results of another harness, checked:
           lm-eval, inspect (PATH is the file, DIR where the report goes)
export     writes evidence as other harnesses do: lm-eval (results_*.json, samples_*.jsonl), inspect
           (.json), inspect-eval (.eval)
compare    bounds from above how much worse the candidate is than production on the same suite, case
           by case; harm counts upwards, capability downwards
calibrate  asks a judge model about answers that people have labelled, and writes its agreement
oversight  a weak model as monitor over a stronger one's right answers, every other one with a number
           changed: recall at 1 % false alarms, with its lower bound; it flags, it never approves

suite.json: format, name, version, description, cases {size, root}, epochs, grader, sampling, gate
{metric, direction, limit, alpha}; and, where wanted, template (chat or raw), timeout_s, elicitation
[{name, messages}] (the result is the worst setting's), counterpart {manifest, system}, judge
{manifest}, sentinels [{messages, expect, answer, score}] (a miss makes the run invalid:
SENTINEL_MISSED). Graders: number, keywords, exact, program, instructions, refusal, choice,
choice-norm, choice-mass, greedy, bias, judged, make-me-pay, make-me-say, ballots, sandbagging,
steganography. A gate looks at the bound and never at the mean: Clopper-Pearson where results are
independent, Student's t over clusters where they are not.

exit codes: 0 the runs are complete, whether the gates passed or not; 65 a suite or model is not
what it says
)";

struct Order {
  std::vector<std::string> suites, lineages;
  std::string model, out, name, counterpart, judge, labels, calibration;
  int64_t threads = 0;
  bool as_json = false;
};

void show_progress(const std::string& suite, const judge::Progress& progress) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  if (!terminal && progress.done != progress.total) return;
  std::fprintf(stderr, "%s%s: %ld of %ld, %ld right%s", terminal ? "\r\033[K" : "", suite.c_str(),
               progress.done, progress.total, progress.passed,
               progress.errors > 0 ? ", with errors" : "");
  if (progress.done == progress.total) std::fputc('\n', stderr);
}

json::Value summary_json(const judge::Suite& suite, const judge::Tally& tally) {
  json::Value out = json::Object{{"suite", suite.name},
                                 {"version", suite.version},
                                 {"suite_root", crypto::hex(suite.root)},
                                 {"cases", suite.size()},
                                 {"epochs", suite.epochs},
                                 {"setting", tally.name},
                                 {"passed", tally.passed},
                                 {"failed", tally.failed},
                                 {"errors", tally.errors},
                                 {"metric", suite.metric},
                                 {"mean", tally.mean},
                                 {"lower_bound", tally.bounds.lower},
                                 {"upper_bound", tally.bounds.upper},
                                 {"result_root", crypto::hex(tally.result_root)}};
  if (suite.gate) out.set("gate", tally.gate_passed ? "passed" : "failed");
  return out;
}

void print_summary(const judge::Suite& suite, const judge::Tally& tally, bool as_json,
                   const std::string& evidence) {
  json::Value value = summary_json(suite, tally);
  value.set("evidence", evidence);
  if (as_json) return print_json(value);
  std::string gate;
  if (suite.gate) {
    gate = std::string("; gate ") + (tally.gate_passed ? "passed" : "failed") + " (" +
           (suite.gate->upper ? "at most " : "at least ") + suite.gate->limit_text + ')';
  }
  if (suite.elicits) gate += "; worst setting: " + tally.name;
  std::printf("%s: %.1f %% of %zu cases, true rate between %.1f %% and %.1f %%%s\n",
              suite.name.c_str(), 100 * tally.mean, suite.cases.size(), 100 * tally.bounds.lower,
              100 * tally.bounds.upper, gate.c_str());
}

base::Status check(const std::string& path, const Order& order) {
  if (order.suites.size() != 1) {
    return base::fail(base::Code::InvalidArgument,
                      "name the one suite of the evidence with --suite", "--suite");
  }
  TRY(const judge::Suite suite, load_suite(order.suites.front()));
  TRY(const judge::Checked checked, load_evidence(suite, path));
  if (!order.model.empty()) {
    TRY(const JudgedModel model, load_judged_model(order.model, order.name, order.threads));
    if (model.identity.manifest != checked.identity.manifest)
      return base::fail(base::Code::InvalidArgument, "the evidence is about another model",
                        order.model, "DIGEST_MISMATCH");
    judge::EngineSubject subject(model.engine, nullptr);
    for (const judge::Record& record : checked.records)
      TRY_VOID(judge::check_prompt(suite, record, subject));
  }
  print_summary(suite, checked.tally, order.as_json, path);
  return {};
}

base::Status pin(const std::vector<std::string>& suites) {
  for (const std::string& given : suites) {
    TRY(const std::string folder, suite_folder(given));
    const std::string definition = files::join(folder, "suite.json");
    TRY(const std::string before, files::read_file(definition));
    TRY(const std::string cases,
        files::read_file(files::join(folder, "cases.jsonl"), uint64_t{256} << 20));
    TRY(const std::string after, judge::pin_suite(before, cases));
    TRY_VOID(files::write_atomic(definition, after));
    std::fprintf(stderr, "%s: pinned\n", folder.c_str());
  }
  return {};
}

// The models beside the candidate, as the suites of this order pin them.
struct Others {
  std::optional<JudgedModel> counterpart, judge;
  std::vector<judge::Lineage> lineages;
};

base::Status must_be(const crypto::Digest& pinned, const std::optional<JudgedModel>& model,
                     const char* option) {
  if (!model)
    return base::fail(
        base::Code::InvalidArgument,
        "the suite pins another model by digest: name it with this option, " + crypto::hex(pinned),
        option);
  if (model->identity.manifest != pinned)
    return base::fail(base::Code::InvalidArgument,
                      "this model is not the one that the suite pins, " + crypto::hex(pinned),
                      model->identity.model, "DIGEST_MISMATCH");
  return {};
}

judge::Lineage lineage_of(const Others& others, const crypto::Digest& model) {
  for (const judge::Lineage& lineage : others.lineages) {
    if (lineage.model == model) return lineage;
  }
  return {model, {}};
}

// The identity with what the judge's calibration adds to it.
base::Result<judge::Identity> trusted_judge(const judge::Suite& suite, const Order& order,
                                            const Others& others, judge::Identity identity) {
  TRY_VOID(must_be(*suite.judge, others.judge, "--judge"));
  TRY_VOID(judge::check_lineage(lineage_of(others, *suite.judge),
                                lineage_of(others, identity.manifest)));
  if (order.labels.empty() || order.calibration.empty())
    return base::fail(base::Code::FailedPrecondition,
                      "a judge model needs its calibration: --labels and --calibration",
                      crypto::hex(*suite.judge), "JUDGE_UNCALIBRATED");
  TRY(const std::string labels, files::read_file(order.labels));
  TRY(const std::string text, files::read_file(order.calibration));
  TRY(const judge::Calibration calibration, judge::check_calibration(text, labels, *suite.judge));
  identity.calibration = crypto::sha256(text);
  char kappa[32];
  std::snprintf(kappa, sizeof kappa, "%.4f", calibration.kappa);
  identity.kappa = kappa;
  return identity;
}

base::Status judge_suite(const judge::Suite& suite, const JudgedModel& model, const Order& order,
                         const Others& others) {
  const base::Duration timeout =
      base::seconds(suite.timeout_s > 0 ? suite.timeout_s : judge::kTimeoutSecondsDefault);
  judge::EngineSubject subject(model.engine, &g_stop, timeout);
  std::optional<judge::EngineSubject> counterpart;
  std::optional<judge::EngineSubject> grader;
  judge::RunOptions options{.identity = model.identity, .stop = &g_stop};
  if (suite.counterpart) {
    TRY_VOID(must_be(suite.counterpart->manifest, others.counterpart, "--counterpart"));
    options.counterpart = &counterpart.emplace(others.counterpart->engine, &g_stop, timeout);
  }
  if (suite.judge) {
    TRY(options.identity, trusted_judge(suite, order, others, model.identity));
    options.judge = &grader.emplace(others.judge->engine, &g_stop, timeout);
  }
  const std::string journal_path = files::join(order.out, suite.name + ".journal.jsonl");
  TRY(const files::LockFile lock, files::LockFile::acquire(journal_path + ".lock"));
  TRY(judge::Journal journal, judge::Journal::open(journal_path, suite, options.identity));
  if (!journal.records().empty())
    std::fprintf(stderr, "%s: goes on after %zu results\n", suite.name.c_str(),
                 journal.records().size());
  options.done = journal.records();
  options.keep = [&](const judge::Record& record) { return journal.append(record); };
  options.progress = [&](const judge::Progress& progress) { show_progress(suite.name, progress); };
  const base::SystemClock clock;
  TRY(const judge::Run done, judge::run(suite, subject, clock, options));
  const std::string evidence =
      judge::write_evidence(suite, options.identity, done.tally, done.records);
  const std::string path = files::join(order.out, suite.name + ".evidence.json");
  // Results first: evidence that is there always has its results beside it.
  TRY_VOID(files::write_atomic(files::join(order.out, suite.name + ".results.jsonl"),
                               judge::write_results(suite, done.records)));
  TRY_VOID(files::write_atomic(path, evidence));
  TRY_VOID(files::remove_file(journal_path));
  TRY_VOID(files::remove_file(journal_path + ".lock"));
  print_summary(suite, done.tally, order.as_json, path);
  return {};
}

base::Status run_suites(const Order& order) {
  std::vector<judge::Suite> suites;
  for (const std::string& each : order.suites) {
    TRY(judge::Suite suite, load_suite(each));
    suites.push_back(std::move(suite));
  }
  TRY(const JudgedModel model, load_judged_model(order.model, order.name, order.threads));
  Others others;
  if (!order.counterpart.empty()) {
    TRY(others.counterpart, load_judged_model(order.counterpart, "", order.threads));
  }
  if (!order.judge.empty()) {
    TRY(others.judge, load_judged_model(order.judge, "", order.threads));
  }
  for (const std::string& path : order.lineages) {
    TRY(const std::string text, files::read_file(path));
    TRY(judge::Lineage lineage, judge::parse_lineage(text));
    others.lineages.push_back(std::move(lineage));
  }
  TRY_VOID(files::make_directories(order.out));
  const StopOnSignal stop_on_signal;
  for (const judge::Suite& suite : suites) TRY_VOID(judge_suite(suite, model, order, others));
  return {};
}

base::Status run(std::span<const std::string> arguments) {
  struct Word {
    std::string_view word;
    base::Status (*run)(std::span<const std::string> arguments);
  };
  constexpr std::array kWords = {Word{"import", judge_import}, Word{"export", judge_export},
                                 Word{"compare", judge_compare}, Word{"calibrate", judge_calibrate},
                                 Word{"oversight", judge_oversight}};
  for (const Word& word : kWords) {
    if (!arguments.empty() && arguments.front() == word.word) return word.run(arguments.subspan(1));
  }
  Options options("judge");
  const std::string& model = options.optional_positional("MODEL");
  const std::vector<std::string>& suites = options.list("--suite");
  const std::vector<std::string>& lineages = options.list("--lineage");
  const std::string& out = options.text("--out", "");
  const std::string& name = options.text("--name", "");
  const std::string& counterpart = options.text("--counterpart", "");
  const std::string& grader = options.text("--judge", "");
  const std::string& labels = options.text("--labels", "");
  const std::string& calibration = options.text("--calibration", "");
  const std::string& evidence = options.text("--check", "");
  const bool& pinning = options.flag("--pin");
  const int64_t& threads = options.integer("--threads", 0, 0, 1024);
  TRY_VOID(options.parse(arguments));
  const Order order{suites, lineages, model,       out,     name,          counterpart,
                    grader, labels,   calibration, threads, options.json()};
  if (pinning) return pin(suites);
  if (!evidence.empty()) return check(evidence, order);
  if (model.empty() || suites.empty() || out.empty()) {
    return base::fail(
        base::Code::InvalidArgument,
        "name a model, at least one --suite and the folder --out; see `charter help judge`",
        "judge");
  }
  return run_suites(order);
}

}  // namespace

extern const Command kJudgeCommand;
const Command kJudgeCommand = {"judge", "run evaluation suites on a model and write the evidence",
                               kHelp, run};

}  // namespace cli
