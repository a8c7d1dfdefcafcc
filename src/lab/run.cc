#include "lab/run.h"

#include "crypto/sha256.h"
#include "files/files.h"
#include "kernels/kernels.h"
#include "lab/conversation_dataset.h"
#include "lab/loss_svg.h"
#include "lab/metrics.h"
#include "lab/vocabulary.h"
#include "model/save.h"

namespace lab {
namespace {

constexpr uint64_t kDataBytesMax = uint64_t{4} << 30;
constexpr int64_t kCorpusBytes = 4 << 20;  // of generated text for a tokenizer
constexpr int64_t kValidationTokensMax = 1 << 17;

struct Paths {
  explicit Paths(const std::string& directory)
      : plan(files::join(directory, "train.json")),
        metrics(files::join(directory, "train.jsonl")),
        curve(files::join(directory, "loss.svg")),
        checkpoints(files::join(directory, "checkpoint")) {}
  std::string plan, metrics, curve, checkpoints;
};

class Run {
 public:
  Run(const RunRequest& request, const RunHooks& hooks, base::ThreadPool& pool)
      : request_(request),
        hooks_(hooks),
        pool_(pool),
        paths_(request.directory),
        plan_(request.plan) {}

  base::Result<RunSummary> run();

 private:
  base::Status load_plan();
  base::Status make_tokenizer();
  base::Status make_data();
  base::Status resume(Trainer* trainer);
  base::Result<TrainOutcome> loop(Trainer* trainer);
  base::Status save_model();
  base::Status draw() const;
  TrainerOptions trainer_options() const;
  void say(const std::string& words) const {
    if (hooks_.message) hooks_.message(words);
  }

  const RunRequest& request_;
  const RunHooks& hooks_;
  base::ThreadPool& pool_;
  Paths paths_;
  RunPlan plan_;
  std::string text_;  // of a text file
  text::VocabSpec vocabulary_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::unique_ptr<Dataset> data_;
  std::unique_ptr<model::TrainModel> model_;
  MetricsFile metrics_;
};

base::Status Run::load_plan() {
  if (request_.resume) {
    auto text = files::read_file(paths_.plan);
    if (!text)
      return base::wrap(text.error(), "There is no run to resume in this folder",
                        request_.directory);
    TRY(const json::Value value, json::parse(*text));
    TRY(plan_, plan_from_json(value, paths_.plan));
    if (request_.resume_steps > 0 && request_.resume_steps != plan_.steps) {
      plan_.steps = request_.resume_steps;
      TRY_VOID(files::write_atomic(paths_.plan, json::dump_pretty(to_json(plan_))));
    }
  } else if (files::exists(paths_.plan)) {
    return base::fail(
        base::Code::AlreadyExists,
        "The folder holds a run already; continue it with --resume, or give another --out.",
        request_.directory, "RUN_EXISTS");
  }
  if (is_generated(plan_)) return {};
  TRY(text_, files::read_file(plan_.data, kDataBytesMax));
  const std::string digest = crypto::hex(crypto::sha256(text_));
  if (request_.resume && digest != plan_.data_digest) {
    return base::fail(base::Code::FailedPrecondition,
                      "The training data has changed since the run began, so it cannot go on to "
                      "the same result; bring "
                      "back the file, or start a new run.",
                      plan_.data, "DATA_CHANGED");
  }
  plan_.data_digest = digest;
  return {};
}

base::Status Run::make_tokenizer() {
  if (request_.resume) {
    TRY(vocabulary_, read_vocabulary(request_.directory));
  } else {
    std::string generated;
    std::string_view corpus =
        plan_.tokenizer == "char" ? std::string_view(text_) : training_part(text_);
    if (is_generated(plan_) && plan_.tokenizer.starts_with("bpe:")) {
      TRY(generated, conversation_corpus(generator_list(plan_), kCorpusBytes, plan_.seed));
      corpus = generated;
    }
    TRY(vocabulary_, make_vocabulary(plan_.tokenizer, corpus));
    plan_.config.vocab_size = std::ssize(vocabulary_.tokens);
    TRY_VOID(model::check_config(plan_.config, "the run's options"));
    TRY_VOID(write_vocabulary(vocabulary_, request_.directory));
    TRY_VOID(files::write_atomic(paths_.plan, json::dump_pretty(to_json(plan_))));
  }
  TRY(text::Tokenizer tokenizer, text::Tokenizer::create(vocabulary_));
  if (tokenizer.size() != plan_.config.vocab_size) {
    return base::fail(base::Code::Corrupt, "The run's tokenizer is not the one that it began with.",
                      request_.directory);
  }
  tokenizer_ = std::make_unique<text::Tokenizer>(std::move(tokenizer));
  return {};
}

base::Status Run::make_data() {
  const BatchShape shape{plan_.config.context_length, plan_.step_tokens, plan_.micro_tokens};
  if (is_generated(plan_)) {
    ConversationOptions options;
    options.generators = generator_list(plan_);
    options.counted = plan_.counted;
    options.seed = plan_.seed;
    TRY(data_, conversation_dataset(options, *tokenizer_, shape));
  } else {
    TRY(data_, text_dataset(text_, *tokenizer_, shape, kValidationTokensMax, plan_.seed));
  }
  return {};
}

TrainerOptions Run::trainer_options() const {
  TrainerOptions options;
  options.schedule.shape = plan_.schedule;
  options.schedule.peak = plan_.lr;
  options.schedule.floor_share = plan_.floor_share;
  options.schedule.steps = plan_.steps;
  constexpr int64_t kWarmupMax = 100;
  const double share = plan_.warmup_share * static_cast<double>(plan_.steps);
  options.schedule.warmup_steps =
      plan_.steps > 0 ? std::clamp<int64_t>(static_cast<int64_t>(share), 1, kWarmupMax)
                      : kWarmupMax;
  options.optimizer = plan_.optimizer;
  options.clip_norm = plan_.clip_norm;
  options.eval_every = plan_.steps > 0 ? std::clamp<int64_t>(plan_.steps / 20, 1, 250) : 100;
  options.checkpoint_every = 2 * options.eval_every;
  options.minutes = plan_.steps > 0 ? 0 : plan_.minutes;
  options.checkpoint_directory = paths_.checkpoints;
  options.monotonic_ns = hooks_.monotonic_ns;
  options.stop = hooks_.stop;
  return options;
}

base::Status Run::resume(Trainer* trainer) {
  TRY(const FoundCheckpoint found, find_checkpoint(paths_.checkpoints));
  for (const std::string& refused : found.refused) say(refused + " The one before it is used.");
  TRY_VOID(trainer->restore(found.checkpoint));
  if (const auto text = files::read_file(paths_.metrics, kDataBytesMax)) {
    metrics_ = read_metrics(*text, found.checkpoint.step);
  }
  say("Resumed at step " + std::to_string(found.checkpoint.step) + ".");
  return {};
}

base::Result<TrainOutcome> Run::loop(Trainer* trainer) {
  TRY_VOID(files::write_atomic(paths_.metrics, metrics_.lines));
  TRY(files::AppendFile record, files::AppendFile::open(paths_.metrics));
  const double flops = model::train_flops_per_token(plan_.config, plan_.config.context_length);
  base::Status written;
  auto outcome = trainer->run([&](const StepReport& step) {
    const double share =
        hooks_.peak_flops > 0 ? step.tokens_per_second * flops / hooks_.peak_flops : 0;
    if (written) written = record.append(json::dump(metrics_line(step, share)) + "\n");
    metrics_.points.push_back({step.step, step.loss, step.validation_loss});
    if (step.validation_loss && written) written = draw();
    if (hooks_.progress) hooks_.progress({step, share});
  });
  if (outcome && !written) return std::unexpected(written.error());
  return outcome;
}

base::Status Run::draw() const {
  return files::write_atomic(
      paths_.curve, loss_svg(metrics_.points, "Training " + files::base_name(request_.directory)));
}

base::Status Run::save_model() {
  std::vector<formats::TensorView> tensors;
  for (const model::ParameterSlot& slot : model_->layout().slots) {
    const bool is_norm = slot.role == model::ParameterRole::Norm;
    const std::vector<int64_t> shape =
        is_norm ? std::vector<int64_t>{slot.cols} : std::vector<int64_t>{slot.rows, slot.cols};
    tensors.push_back(
        formats::f32_view(slot.name, shape, model_->parameters().data() + slot.offset));
  }
  model::SaveOptions options;
  if (vocabulary_.kind == text::VocabSpec::Kind::ByteBpe) options.chat_template = chat_template();
  if (is_generated(plan_)) {
    // Small models answer best close to their likeliest words.
    options.generation_config =
        json::Object{{"do_sample", true}, {"temperature", 0.3}, {"top_p", 0.9}};
  }
  return model::write_model_folder(plan_.config, tensors, &vocabulary_, request_.directory,
                                   options);
}

base::Result<RunSummary> Run::run() {
  const int64_t begin_ns = hooks_.monotonic_ns();
  TRY_VOID(files::make_directories(request_.directory));
  TRY_VOID(load_plan());
  TRY_VOID(make_tokenizer());
  TRY_VOID(make_data());
  const auto precision =
      plan_.precision == "f32" ? kernels::Precision::F32 : kernels::Precision::BF16;
  model_ = std::make_unique<model::TrainModel>(plan_.config, plan_.micro_tokens, precision, pool_);
  Trainer trainer(*model_, *data_, trainer_options(), pool_);
  if (request_.resume) {
    TRY_VOID(resume(&trainer));
  } else {
    model_->initialize(plan_.seed);
  }
  TRY(const TrainOutcome outcome, loop(&trainer));
  TRY_VOID(draw());
  TRY_VOID(save_model());
  return RunSummary{outcome, model_->layout().parameters,
                    static_cast<double>(hooks_.monotonic_ns() - begin_ns) * 1e-9};
}

}  // namespace

base::Result<RunSummary> run(const RunRequest& request, const RunHooks& hooks,
                             base::ThreadPool& pool) {
  return Run(request, hooks, pool).run();
}

}  // namespace lab
