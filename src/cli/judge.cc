// `charter judge`: runs whole suites on a model and writes their evidence.
#include <unistd.h>

#include <cstdio>

#include "base/time.h"
#include "cli/command.h"
#include "cli/house_options.h"
#include "cli/stop_on_signal.h"
#include "files/files.h"
#include "govern/manifest.h"
#include "judge/engine_subject.h"
#include "judge/run.h"
#include "kernels/isa.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter judge MODEL --suite DIR... --out DIR [--name NAME] [--threads N]
       charter judge --check EVIDENCE --suite DIR
       charter judge --pin --suite DIR

Runs every case of each suite on the model and writes, for a suite S, DIR/S.evidence.json (an
in-toto test result about the model's manifest digest, for `charter propose --evidence DIR`) and
DIR/S.results.jsonl (every answer with its score). Evidence is whole or it is none: there is no
option for a part of a suite, and an interrupted run writes nothing.

  MODEL           a model's folder, a .gguf file or a llama2.c .bin
  --suite DIR     a suite's folder, or the name of one under suites/; may come several times
  --out DIR       where the evidence goes
  --name NAME     what the evidence calls the model, the folder's name unless told
  --check FILE    recompute a suite's evidence from FILE and the results beside it, without a model
  --pin           write size and Merkle root of the cases into suite.json: for a new suite, or a
                  new version of one
  --threads N     of the engine (all that the process may use)

exit codes: 0 the runs are complete, whether the gates passed or not; 65 a suite or model is not
what it says
)";

struct Loaded {
  std::shared_ptr<engine::Engine> engine;
  judge::Identity identity;
};

// The digest is of the very bytes that are loaded. A manifest.json that says otherwise is refused.
base::Result<crypto::Digest> manifest_of(const model::ModelFiles& files) {
  govern::Manifest found;
  for (const auto& [name, file] : files.files) {
    if (govern::is_model_file(name)) found.files[name] = crypto::sha256(file->bytes());
  }
  if (const auto sealed = files.files.find(std::string(govern::kManifestFile));
      sealed != files.files.end()) {
    TRY(const govern::Manifest listed,
        govern::parse_manifest(base::as_text(sealed->second->bytes())));
    TRY_VOID(govern::check_files(listed, found.files));
  }
  return govern::manifest_digest(found);
}

base::Result<Loaded> load(const std::string& path, const std::string& name, int64_t threads) {
  Loaded out;
  TRY(const model::ModelFiles files, model::open_model(path));
  TRY(out.identity.manifest, manifest_of(files));
  TRY(auto model, model::Model::load(files));
  engine::Options options;
  options.threads = static_cast<int>(threads);
  TRY(out.engine, engine::Engine::start(std::move(model), options));
  out.identity.model = name.empty() ? files::base_name(path) : name;
  out.identity.engine =
      std::string(CHARTER_VERSION) + ' ' + std::string(kernels::isa_name(kernels::active_isa()));
  return out;
}

base::Result<std::string> suite_folder(const std::string& given) {
  if (files::is_directory(given)) return given;
  const std::string known = files::join("suites", given);
  if (files::is_directory(known)) return known;
  return base::fail(base::Code::NotFound,
                    "there is no such suite; name its folder, or one of the folders in suites/",
                    given);
}

base::Result<judge::Suite> load_suite(const std::string& given) {
  TRY(const std::string folder, suite_folder(given));
  return judge::load_suite(folder);
}

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
                                 {"cases", static_cast<int64_t>(suite.cases.size())},
                                 {"epochs", suite.epochs},
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
  std::printf("%s: %.1f %% of %zu cases, true rate between %.1f %% and %.1f %%%s\n",
              suite.name.c_str(), 100 * tally.mean, suite.cases.size(), 100 * tally.bounds.lower,
              100 * tally.bounds.upper, gate.c_str());
}

base::Status check(const std::string& path, const std::vector<std::string>& suites, bool as_json) {
  if (suites.size() != 1) {
    return base::fail(base::Code::InvalidArgument,
                      "name the one suite of the evidence with --suite", "--suite");
  }
  TRY(const judge::Suite suite, load_suite(suites.front()));
  constexpr std::string_view kEnding = ".evidence.json";
  if (!path.ends_with(kEnding)) {
    return base::fail(base::Code::InvalidArgument,
                      "evidence is named SUITE.evidence.json, with SUITE.results.jsonl beside it",
                      path);
  }
  TRY(const std::string evidence, files::read_file(path));
  const std::string results_path = path.substr(0, path.size() - kEnding.size()) + ".results.jsonl";
  TRY(const std::string results, files::read_file(results_path, uint64_t{4} << 30));
  TRY(const judge::Checked checked, judge::check_evidence(suite, evidence, results));
  print_summary(suite, checked.tally, as_json, path);
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

base::Status judge_suite(const judge::Suite& suite, const Loaded& loaded, const std::string& out,
                         bool as_json) {
  judge::EngineSubject subject(loaded.engine, &g_stop);
  const base::SystemClock clock;
  judge::RunOptions options{.identity = loaded.identity, .stop = &g_stop};
  options.progress = [&](const judge::Progress& progress) { show_progress(suite.name, progress); };
  TRY(const judge::Run done, judge::run(suite, subject, clock, options));
  const std::string evidence =
      judge::write_evidence(suite, loaded.identity, done.tally, done.records);
  const std::string path = files::join(out, suite.name + ".evidence.json");
  // Results first: evidence that is there always has its results beside it.
  TRY_VOID(files::write_atomic(files::join(out, suite.name + ".results.jsonl"),
                               judge::write_results(done.records)));
  TRY_VOID(files::write_atomic(path, evidence));
  print_summary(suite, done.tally, as_json, path);
  return {};
}

base::Status run(std::span<const std::string> arguments) {
  Options options("judge");
  const std::string& model = options.optional_positional("MODEL");
  const std::vector<std::string>& suite_names = options.list("--suite");
  const std::string& out = options.text("--out", "");
  const std::string& name = options.text("--name", "");
  const std::string& evidence = options.text("--check", "");
  const bool& pinning = options.flag("--pin");
  const int64_t& threads = options.integer("--threads", 0, 0, 1024);
  TRY_VOID(options.parse(arguments));
  if (pinning) return pin(suite_names);
  if (!evidence.empty()) return check(evidence, suite_names, options.json());
  if (model.empty() || suite_names.empty() || out.empty()) {
    return base::fail(
        base::Code::InvalidArgument,
        "name a model, at least one --suite and the folder --out; see `charter help judge`",
        "judge");
  }
  std::vector<judge::Suite> suites;
  for (const std::string& each : suite_names) {
    TRY(judge::Suite suite, load_suite(each));
    suites.push_back(std::move(suite));
  }
  TRY(const Loaded loaded, load(model, name, threads));
  TRY_VOID(files::make_directories(out));
  const StopOnSignal stop_on_signal;
  for (const judge::Suite& suite : suites)
    TRY_VOID(judge_suite(suite, loaded, out, options.json()));
  return {};
}

}  // namespace

extern const Command kJudgeCommand;
const Command kJudgeCommand = {"judge", "run evaluation suites on a model and write the evidence",
                               kHelp, run};

}  // namespace cli
