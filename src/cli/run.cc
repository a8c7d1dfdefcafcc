// charter run: text from a model on this machine, without a server and without governance.
#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "base/time.h"
#include "cli/command.h"
#include "engine/engine.h"
#include "json/json.h"
#include "model/prompt.h"

namespace cli {
namespace {

constexpr std::string_view kHelp = R"(usage: charter run MODEL PROMPT [OPTIONS]

Runs a model right here: a Hugging Face folder, a .gguf file, or a llama2.c .bin file with its
tokenizer beside it. There is no server, no account and no ledger, and nobody asks whether the
model was released: use this to look at a model, and `charter serve` to offer it to people.

The prompt goes through the model's chat template; --raw, or a model without a template, continues
the text as it is.

  --max-tokens N     stop after so many tokens (256)
  --temperature T    0 takes the likeliest token each time (the model's own default, else 1)
  --top-p P          keep the likeliest tokens that together have this probability (the model's own
                     default, else 1)
  --top-k K          keep the K likeliest tokens; 0 keeps all (the model's own default, else 0)
  --seed N           the same seed gives the same text
  --stop TEXT        end before this text; may come several times
  --system TEXT      a system message in front of the prompt
  --raw              no chat template
  --threads N        0: as many as this process may use
  --json             one JSON value at the end instead of text as it comes

example: charter run models/chat "What is 12 times 7?" --temperature 0
exit codes: 0 done, 64 wrong usage, 65 the model's files are damaged, 66 no such model
)";

struct Plan {
  std::string model, prompt;
  int64_t max_tokens = 256, threads = 0;
  engine::Sampling sampling;
  std::vector<std::string> stop;
  std::string system;
  bool raw = false, json = false;
  bool temperature_given = false, top_p_given = false, top_k_given = false;
};

base::Result<Plan> parse(std::span<const std::string> arguments) {
  Options options("run");
  const auto& model = options.positional("MODEL");
  const auto& prompt = options.positional("PROMPT");
  const auto& max_tokens = options.integer("--max-tokens", 256, 1, 1 << 24);
  const auto& temperature = options.real("--temperature", 1, 0, 100);
  const auto& top_p = options.real("--top-p", 1, 0, 1);
  const auto& top_k = options.integer("--top-k", 0, 0, 1 << 24);
  const auto& seed = options.integer("--seed", 0, INT64_MIN, INT64_MAX);
  const auto& stop = options.list("--stop");
  const auto& system = options.text("--system", "");
  const auto& raw = options.flag("--raw");
  const auto& threads = options.integer("--threads", 0, 0, 1024);
  TRY_VOID(options.parse(arguments));
  Plan plan;
  plan.model = model;
  plan.prompt = prompt;
  plan.max_tokens = max_tokens;
  plan.threads = threads;
  plan.sampling.temperature = static_cast<float>(temperature);
  plan.sampling.top_p = static_cast<float>(top_p);
  plan.sampling.top_k = static_cast<int>(top_k);
  if (options.given("--seed")) plan.sampling.seed = static_cast<uint64_t>(seed);
  plan.stop = stop;
  plan.system = system;
  plan.raw = raw;
  plan.json = options.json();
  plan.temperature_given = options.given("--temperature");
  plan.top_p_given = options.given("--top-p");
  plan.top_k_given = options.given("--top-k");
  return plan;
}

base::Result<engine::Request> request_of(const Plan& plan, const model::Model& model) {
  engine::Request request;
  request.max_tokens = plan.max_tokens;
  request.sampling = plan.sampling;
  request.stop = plan.stop;
  const model::GenerationDefaults& defaults = model.defaults();
  if (!plan.temperature_given && defaults.temperature)
    request.sampling.temperature = static_cast<float>(*defaults.temperature);
  if (!plan.top_p_given && defaults.top_p)
    request.sampling.top_p = static_cast<float>(*defaults.top_p);
  if (!plan.top_k_given && defaults.top_k)
    request.sampling.top_k = static_cast<int>(*defaults.top_k);
  if (plan.raw || model.chat_template() == nullptr) {
    request.prompt = model.tokenizer().encode_prompt(plan.prompt);
    return request;
  }
  json::Array messages;
  if (!plan.system.empty())
    messages.push_back(json::Object{{"role", "system"}, {"content", plan.system}});
  messages.push_back(json::Object{{"role", "user"}, {"content", plan.prompt}});
  TRY(request.prompt, model::chat_prompt(model, messages));
  return request;
}

// Waits for the end of one request; shows its text as it comes when there is no --json.
class Answer {
 public:
  explicit Answer(bool show) : show_(show) {}

  void take(const engine::Event& event) {
    const std::lock_guard lock(mutex_);
    text_ += event.text;
    if (first_ns_ == 0) first_ns_ = base::monotonic_ns();
    if (show_) {
      std::fputs(event.text.c_str(), stdout);
      std::fflush(stdout);
    }
    if (!event.finish) return;
    last_ = event;
    ended_.notify_all();
  }

  // The last event, with the whole text.
  engine::Event wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return last_.finish.has_value(); });
    last_.text = text_;
    return last_;
  }
  int64_t first_ns() const { return first_ns_; }

 private:
  const bool show_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::string text_;
  int64_t first_ns_ = 0;
  engine::Event last_;
};

base::Status run(std::span<const std::string> arguments) {
  TRY(const Plan plan, parse(arguments));
  const int64_t begin_ns = base::monotonic_ns();
  TRY(const model::ModelFiles files, model::open_model(plan.model));
  TRY(const auto model, model::Model::load(files));
  std::fprintf(stderr,
               "charter run: local generation; no server, no governance: nobody has checked that "
               "this model was released\n");
  Answer answer(!plan.json);  // before the engine, whose thread writes into it until it is gone
  engine::Options options;
  options.threads = static_cast<int>(plan.threads);
  options.max_batch = 1;
  TRY(const auto engine, engine::Engine::start(model, options));
  TRY(engine::Request request, request_of(plan, *model));
  const auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  const int64_t ready_ns = base::monotonic_ns();
  TRY_VOID(
      engine->submit(std::move(request), [&](const engine::Event& event) { answer.take(event); }));
  const engine::Event end = answer.wait();
  if (end.error) return std::unexpected(*end.error);
  const double seconds = static_cast<double>(base::monotonic_ns() - ready_ns) * 1e-9;
  const double per_second = static_cast<double>(end.completion_tokens) / seconds;
  if (plan.json) {
    const json::Value value = json::Object{
        {"text", end.text},
        {"finish_reason", engine::finish_name(*end.finish)},
        {"prompt_tokens", prompt_tokens},
        {"completion_tokens", end.completion_tokens},
        {"start_to_first_text_ms", static_cast<double>(answer.first_ns() - begin_ns) * 1e-6},
        {"seconds", seconds},
        {"tokens_per_second", per_second},
        {"governed", false}};
    std::printf("%s\n", json::dump(value).c_str());
  } else {
    std::printf("\n");
    std::fprintf(stderr, "%lld tokens read, %lld written, %.1f a second (%s)\n",
                 static_cast<long long>(prompt_tokens),
                 static_cast<long long>(end.completion_tokens), per_second,
                 std::string(engine::finish_name(*end.finish)).c_str());
  }
  return {};
}

}  // namespace

extern const Command kRunCommand;
const Command kRunCommand{
    "run", "generate text with a model on this machine, without a server or governance", kHelp,
    &run};

}  // namespace cli
