// `charter train`: options into a RunPlan, then lab::run.
#include <unistd.h>

#include <cstdio>

#include "base/thread_pool.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/stop_on_signal.h"
#include "kernels/ceilings.h"
#include "kernels/isa.h"
#include "lab/run.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter train --data FILE|synth:NAME[,NAME...] --out DIR [options]
       charter train --resume --out DIR

Trains a model from nothing and writes DIR as a model folder: config.json, model.safetensors,
tokenizer.json, with train.jsonl (one line a step), loss.svg and checkpoint/ beside them. Of a text
file the last tenth is kept for validation; generated conversations (charter data) are validated on
wordings that training never shows.

  --preset NAME         char-0.8m (the default for files), 1m, 3m, 5m
  --tokenizer CHOICE    char, bpe:SIZE, or a folder with a tokenizer.json
  --steps N             optimizer steps
  --minutes M           instead of --steps: as many as fit, by the pace of the first ones
  --batch TOKENS        tokens of a step; --micro TOKENS: of one pass, passes are accumulated
  --context TOKENS      longest sequence            --lr RATE       peak of the learning rate
  --dim --layers --heads --hidden                   sizes, instead of the preset's
  --schedule SHAPE      cosine or warm-down         --optimizer     adamw or muon
  --loss TURNS          of conversations: assistant (default) or all
  --weight-decay W  --beta2 B  --precision bf16|f32  --untied  --seed N  --threads N

SIGINT and SIGTERM finish the step and write a checkpoint; --resume continues to the same numbers,
to the last bit. With --resume, --steps N moves the end of the run: during the plateau of
--schedule warm-down that is as if it had been N from the start.
)";

struct TrainOptions {
  Options options{"train"};
  std::string& data = options.text("--data", "");
  std::string& out = options.text("--out", "");
  std::string& preset = options.text("--preset", "char-0.8m");
  std::string& tokenizer = options.text("--tokenizer", "");
  std::string& schedule = options.text("--schedule", "cosine");
  std::string& optimizer = options.text("--optimizer", "adamw");
  std::string& loss = options.text("--loss", "assistant");
  std::string& precision = options.text("--precision", "bf16");
  int64_t& steps = options.integer("--steps", 0, 1, 100'000'000);
  int64_t& batch = options.integer("--batch", 0, 16, 1 << 24);
  int64_t& micro = options.integer("--micro", 2048, 16, 1 << 20);
  int64_t& context = options.integer("--context", 0, 8, 1 << 16);
  int64_t& dim = options.integer("--dim", 0, 8, 8192);
  int64_t& layers = options.integer("--layers", 0, 1, 200);
  int64_t& heads = options.integer("--heads", 0, 1, 256);
  int64_t& hidden = options.integer("--hidden", 0, 8, 65536);
  int64_t& seed = options.integer("--seed", 1, 0, INT64_MAX);
  int64_t& threads = options.integer("--threads", base::default_thread_count(), 1, 1024);
  double& minutes = options.real("--minutes", 0, 0.01, 100'000);
  double& lr = options.real("--lr", 0, 1e-7, 1);
  double& weight_decay = options.real("--weight-decay", 0.1, 0, 10);
  double& beta2 = options.real("--beta2", 0.99, 0.5, 0.99999);
  bool& resume = options.flag("--resume");
  bool& untied = options.flag("--untied");
};

base::Status choose(const std::string& value, std::string_view option, std::string_view first,
                    std::string_view second) {
  if (value == first || value == second) return {};
  return base::fail(base::Code::InvalidArgument,
                    std::string(option) + " is " + std::string(first) + " or " +
                        std::string(second) + ", not '" + value + "'; see charter help train.",
                    std::string(option));
}

void apply_sizes(const TrainOptions& o, model::Config* config) {
  if (o.dim > 0) config->dim = o.dim, config->hidden_dim = (o.dim * 8 / 3 + 15) / 16 * 16;
  if (o.layers > 0) config->layers = o.layers;
  if (o.heads > 0) config->heads = config->kv_heads = o.heads;
  if (o.hidden > 0) config->hidden_dim = o.hidden;
  config->head_dim = config->dim / config->heads;
  if (o.context > 0) config->context_length = o.context;
  config->tied_embeddings = !o.untied;
}

base::Result<lab::RunPlan> make_plan(const TrainOptions& o) {
  if (o.data.empty()) {
    return base::fail(
        base::Code::InvalidArgument,
        "What to train on is missing; give --data FILE or --data synth:NAME, or --resume.",
        "--data");
  }
  TRY_VOID(choose(o.optimizer, "--optimizer", "adamw", "muon"));
  TRY_VOID(choose(o.loss, "--loss", "assistant", "all"));
  TRY_VOID(choose(o.precision, "--precision", "bf16", "f32"));
  const bool generated = o.data.starts_with("synth:");
  TRY(lab::RunPlan plan,
      lab::preset_plan(generated && !o.options.given("--preset") ? "1m" : o.preset));
  TRY(plan.schedule, lab::parse_schedule(o.schedule));
  plan.data = o.data;
  if (!o.tokenizer.empty()) plan.tokenizer = o.tokenizer;
  apply_sizes(o, &plan.config);
  if (plan.config.dim % plan.config.heads != 0) {
    return base::fail(base::Code::InvalidArgument,
                      "--dim must be a multiple of --heads: " + std::to_string(plan.config.dim) +
                          " is not one of " + std::to_string(plan.config.heads) + ".",
                      "--heads");
  }
  if (o.steps > 0) plan.steps = o.steps;
  if (o.minutes > 0) plan.steps = o.steps, plan.minutes = o.minutes;
  if (o.batch > 0) plan.step_tokens = o.batch;
  plan.step_tokens = std::max(plan.step_tokens, plan.config.context_length);
  plan.micro_tokens = std::max(std::min(o.micro, plan.step_tokens), plan.config.context_length);
  if (o.lr > 0) plan.lr = o.lr;
  plan.optimizer.muon = o.optimizer == "muon";
  plan.optimizer.weight_decay = o.weight_decay;
  plan.optimizer.beta2 = o.beta2;
  plan.precision = o.precision;
  plan.counted = o.loss == "all" ? lab::CountedTurns::All : lab::CountedTurns::Assistant;
  plan.seed = static_cast<uint64_t>(o.seed);
  return plan;
}

std::string time_text(double seconds) {
  const int64_t whole = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  char text[32];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%ldh%02ldm", whole / 3600, whole / 60 % 60);
  } else {
    std::snprintf(text, sizeof text, "%ldm%02lds", whole / 60, whole % 60);
  }
  return text;
}

// One line that is written over while a person watches; a line for each evaluation otherwise.
class ProgressLine {
 public:
  void show(const lab::RunReport& report, int64_t now_ns) {
    const lab::StepReport& step = report.step;
    const bool evaluated = step.validation_loss.has_value();
    if (evaluated)
      validation_ = *step.validation_loss,
      bits_per_byte_ = step.validation_bits_per_byte.value_or(0);
    constexpr int64_t kRefreshNs = 200'000'000;
    if (!evaluated && (!terminal_ || now_ns - shown_ns_ < kRefreshNs)) return;
    shown_ns_ = now_ns;
    char line[256];
    const std::string steps = step.steps > 0 ? std::to_string(step.steps) : "?";
    int length = std::snprintf(line, sizeof line, "step %ld/%s  loss %.4f", step.step,
                               steps.c_str(), step.loss);
    const auto add = [&](const char* format, auto... values) {
      length += std::snprintf(line + length, sizeof line - static_cast<size_t>(length), format,
                              values...);
    };
    if (validation_ > 0) add("  val %.4f  %.3f bits/byte", validation_, bits_per_byte_);
    add("  %.0f tokens/s", step.tokens_per_second);
    if (report.peak_share > 0) add("  %.0f%% of peak", 100 * report.peak_share);
    add("  %s left", time_text(step.seconds_left).c_str());
    std::fprintf(stderr, "%s%s%s", terminal_ ? "\r\033[K" : "", line,
                 terminal_ && !evaluated ? "" : "\n");
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) == 1;
  int64_t shown_ns_ = 0;
  double validation_ = 0, bits_per_byte_ = 0;
};

double measured_peak(const std::string& precision, base::ThreadPool& pool) {
  const bool bf16 = precision == "bf16" && kernels::has_bf16_products();
  return bf16 ? kernels::peak_bf16_flops(pool) : kernels::peak_f32_flops(pool);
}

void print_summary(const lab::RunSummary& summary, const std::string& out, bool as_json) {
  const lab::TrainOutcome& o = summary.outcome;
  if (as_json) {
    const json::Value value = json::Object{{"out", out},
                                           {"step", o.step},
                                           {"steps", o.steps},
                                           {"tokens", o.tokens},
                                           {"parameters", summary.parameters},
                                           {"validation_loss", o.validation_loss},
                                           {"bits_per_byte", o.validation_bits_per_byte},
                                           {"seconds", summary.seconds},
                                           {"interrupted", o.interrupted}};
    std::printf("%s\n", json::dump(value).c_str());
    return;
  }
  if (o.interrupted) {
    std::fprintf(stderr,
                 "Stopped after step %ld; the checkpoint is written. Continue with: charter train "
                 "--resume --out %s\n",
                 o.step, out.c_str());
    return;
  }
  std::printf("%s: %ld parameters, %ld tokens, validation loss %.4f (%.3f bits a byte), %s\n",
              out.c_str(), summary.parameters, o.tokens, o.validation_loss,
              o.validation_bits_per_byte, time_text(summary.seconds).c_str());
}

base::Status run_train(std::span<const std::string> arguments) {
  TrainOptions o;
  TRY_VOID(o.options.parse(arguments));
  if (o.out.empty()) {
    return base::fail(base::Code::InvalidArgument,
                      "Where to write the model is missing; give --out DIR.", "--out");
  }
  lab::RunRequest request;
  request.directory = o.out;
  request.resume = o.resume;
  request.resume_steps = o.steps;
  if (!o.resume) {
    TRY(request.plan, make_plan(o));
  }
  base::ThreadPool pool(static_cast<int>(o.threads));
  ProgressLine line;
  StopOnSignal signals;
  lab::RunHooks hooks;
  hooks.monotonic_ns = base::monotonic_ns;
  hooks.stop = &g_stop;
  hooks.progress = [&](const lab::RunReport& report) { line.show(report, base::monotonic_ns()); };
  hooks.message = [](const std::string& words) { std::fprintf(stderr, "%s\n", words.c_str()); };
  hooks.peak_flops = measured_peak(request.plan.precision, pool);
  TRY(const lab::RunSummary summary, lab::run(request, hooks, pool));
  print_summary(summary, o.out, o.options.json());
  return {};
}

}  // namespace

extern const Command kTrainCommand;
const Command kTrainCommand{"train", "train a model from a text or from generated conversations",
                            kHelp, run_train};

}  // namespace cli
