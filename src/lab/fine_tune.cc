#include "lab/fine_tune.h"

#include "files/files.h"
#include "lab/conversation_file.h"
#include "model/model.h"
#include "model/save.h"
#include "model/source.h"

namespace lab {
namespace {

using base::Code;

constexpr size_t kConversationsMin = 10;
constexpr int64_t kParametersMax = 2'000'000'000;
constexpr int64_t kMicroTokens = 1024;

// The tensors of the source point into the files.
struct Base {
  model::ModelFiles files;
  model::Source source;
};

base::Result<Base> open_base(const std::string& base) {
  const auto refuse = [&](const std::string& why) {
    return base::fail(Code::FailedPrecondition, "The base model cannot be trained further: " + why,
                      base, "base_not_trainable");
  };
  TRY(model::ModelFiles files, model::open_model(base));
  TRY(model::Source source, model::read_source(files));
  if (!source.vocabulary) return refuse("it has no tokenizer.");
  if (source.chat_template != chat_template())
    return refuse("its chat template is not the one that this trainer writes.");
  TRY(const text::Tokenizer tokenizer, text::Tokenizer::create(*source.vocabulary));
  if (!ChatFormat::create(tokenizer)) return refuse("its tokenizer lacks the tokens of turns.");
  if (model::make_train_layout(source.config).parameters > kParametersMax)
    return refuse("it has more than 2 billion parameters.");
  return Base{std::move(files), std::move(source)};
}

base::Status load_weights(const model::Source& source, model::TrainModel* model) {
  for (const model::ParameterSlot& slot : model->layout().slots) {
    const auto found = source.tensors.find(slot.name);
    if (found == source.tensors.end() || found->second.view.elements() != slot.size() ||
        found->second.view.dtype == formats::DType::Other)
      return base::fail(Code::Corrupt, "the base model has no fitting tensor " + slot.name,
                        source.path);
    const formats::TensorView& view = found->second.view;
    formats::to_floats(view.dtype, view.data.data(), slot.size(),
                       model->parameters().data() + slot.offset);
  }
  return {};
}

base::Status save_model(const model::Source& source, model::TrainModel& model,
                        const std::string& directory) {
  std::vector<formats::TensorView> tensors;
  for (const model::ParameterSlot& slot : model.layout().slots) {
    const bool is_norm = slot.role == model::ParameterRole::Norm;
    const std::vector<int64_t> shape =
        is_norm ? std::vector<int64_t>{slot.cols} : std::vector<int64_t>{slot.rows, slot.cols};
    tensors.push_back(formats::f32_view(slot.name, shape, model.parameters().data() + slot.offset));
  }
  model::SaveOptions options;
  options.chat_template = source.chat_template;
  options.generation_config = source.generation_config;
  TRY_VOID(files::make_directories(directory));
  return model::write_model_folder(source.config, tensors, &*source.vocabulary, directory, options);
}

base::Result<EncodedFile> load_file(const std::string& path, const ChatFormat& format,
                                    int64_t context) {
  TRY(const auto mapped, files::MappedFile::open(path));
  TRY(const ConversationFile file, read_conversation_file(base::as_text(mapped->bytes())));
  return encode_conversations(file, format, context);
}

TrainerOptions trainer_options(const FineTuneRequest& request, const FineTuneHooks& hooks,
                               int64_t steps) {
  TrainerOptions options;
  options.schedule.peak = request.lr;
  options.schedule.steps = steps;
  options.schedule.warmup_steps = std::clamp<int64_t>(steps / 10, 1, 100);
  options.optimizer.weight_decay = 0.01;
  options.eval_every = std::max<int64_t>(1, steps / 10);
  options.checkpoint_every = std::clamp<int64_t>(steps / 10, 1, 200);
  options.checkpoint_directory = files::join(request.directory, "checkpoint");
  options.monotonic_ns = hooks.monotonic_ns;
  options.stop = hooks.stop;
  return options;
}

}  // namespace

base::Status check_trainable(const std::string& base) {
  TRY_VOID(open_base(base));
  return {};
}

base::Status check_training_text(std::string_view text) {
  TRY(const ConversationFile file, read_conversation_file(text));
  if (file.conversations.size() >= kConversationsMin) return {};
  return base::fail(Code::InvalidArgument,
                    "Training file has " + std::to_string(file.conversations.size()) +
                        " example(s), but must have at least 10 examples",
                    "training_file", "invalid_n_examples");
}

base::Result<TrainOutcome> fine_tune(const FineTuneRequest& request, const FineTuneHooks& hooks,
                                     base::ThreadPool& pool) {
  TRY(const Base base, open_base(request.base));
  const model::Source& source = base.source;
  TRY(const text::Tokenizer tokenizer, text::Tokenizer::create(*source.vocabulary));
  TRY(const ChatFormat format, ChatFormat::create(tokenizer));
  const int64_t context = source.config.context_length;
  TRY(EncodedFile train, load_file(request.training_path, format, context));
  std::optional<EncodedFile> validation;
  if (!request.validation_path.empty()) {
    TRY(validation, load_file(request.validation_path, format, context));
  }
  FineTunePlan plan{.conversations = std::ssize(train.conversations),
                    .steps_per_epoch = steps_per_epoch(train, request.batch_size),
                    .tokens_per_epoch = train.tokens,
                    .shortened = train.shortened};
  plan.steps = plan.steps_per_epoch * request.epochs;

  const BatchShape shape{.context = context, .micro_tokens = std::max(context, kMicroTokens)};
  const auto data = epoch_dataset(std::move(train), validation ? &*validation : nullptr,
                                  request.batch_size, shape, request.seed);
  const auto model = std::make_unique<model::TrainModel>(source.config, shape.micro_tokens,
                                                         kernels::Precision::F32, pool);
  Trainer trainer(*model, *data, trainer_options(request, hooks, plan.steps), pool);
  TRY_VOID(files::make_directories(files::join(request.directory, "checkpoint")));
  if (auto found = find_checkpoint(files::join(request.directory, "checkpoint")); found) {
    TRY_VOID(trainer.restore(found->checkpoint));
    plan.resumed = true;
  } else {
    TRY_VOID(load_weights(source, model.get()));
  }
  if (hooks.begin) hooks.begin(plan);
  base::Status saved;
  TRY(const TrainOutcome outcome, trainer.run([&](const StepReport& step) {
    if (hooks.progress) hooks.progress(step);
    if (step.step % plan.steps_per_epoch != 0 || !saved) return;
    const int64_t epoch = step.step / plan.steps_per_epoch;
    saved = save_model(source, *model,
                       files::join(request.directory, "epoch-" + std::to_string(epoch)));
    if (saved && hooks.saved) hooks.saved(epoch, step.step);
  }));
  TRY_VOID(saved);
  if (outcome.interrupted) return outcome;
  TRY_VOID(save_model(source, *model, files::join(request.directory, "model")));
  return outcome;
}

}  // namespace lab
