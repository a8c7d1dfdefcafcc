#include "api/fine_tuning_runner.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "api/lists.h"
#include "api/stored_files.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "crypto/random.h"
#include "files/files.h"
#include "gateway/gateway.h"
#include "journal/model_folder.h"
#include "lab/fine_tune.h"

namespace api {
namespace {

using base::Code;

constexpr std::string_view kUnfinished[] = {"validating_files", "queued", "running"};
constexpr int kNice = 10;
constexpr double kLearningRate = 3e-4;  // times the job's multiplier
constexpr int64_t kMetricEvents = 50;   // of a job, about

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

const json::Value& hyperparameters(const objects::Object& job) {
  return job.body["method"]["supervised"]["hyperparameters"];
}

}  // namespace

// step → line of the result file. Steps that are taken again after a restart replace their line.
struct FineTuning::Metrics {
  explicit Metrics(std::string its_path) : path(std::move(its_path)) {}
  std::map<int64_t, std::string> lines;
  std::string path;
  bool validated = false;  // by a file of the client's
  double last_loss = 0, last_validation = 0;

  void load() {
    const auto text = files::read_file(path);
    if (!text) return;
    std::string_view rest = *text;
    while (rest.find('\n') != std::string_view::npos) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      lines[std::atoll(std::string(line).c_str())] = line;
    }
  }
  void add(const lab::StepReport& step) {
    last_loss = step.loss;
    std::string line = std::to_string(step.step) + "," + number_text(step.loss) + ",,";
    if (step.validation_loss && validated) {
      last_validation = *step.validation_loss;
      line += number_text(*step.validation_loss);
    }
    lines[step.step] = line + ",";
    if (auto file = files::AppendFile::open(path, 0600)) [[maybe_unused]]
      const auto written = file->append(lines[step.step] + "\n");
  }
  std::string csv() const {
    std::string out = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n";
    for (const auto& [step, line] : lines) out += line + "\n";
    return out;
  }
};

FineTuning::FineTuning(App& app, std::string data, Told told)
    : app_(app), data_(std::move(data)), told_(std::move(told)) {}

FineTuning::~FineTuning() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    interrupt_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

base::Status FineTuning::start() {
  TRY(const auto jobs, app_.objects.find_all("fine_tuning.job", {}));
  for (const objects::Object& job : jobs)
    if (std::ranges::find(kUnfinished, job.body["status"].as_string()) != std::end(kUnfinished))
      queue_.emplace_back(job.project_id, job.id);
  thread_ = std::thread([this] { loop(); });
  return {};
}

void FineTuning::add(const objects::Object& job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.emplace_back(job.project_id, job.id);
  }
  wake_.notify_one();
}

void FineTuning::interrupt(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (running_ == id) interrupt_ = true;
}

std::string FineTuning::folder(const std::string& id) const {
  return files::join(files::join(data_, "fine_tuned"), id);
}

base::Result<std::string> FineTuning::base_folder(const identity::Caller& caller,
                                                  const std::string& model) const {
  TRY(const auto jobs, app_.objects.list({.kind = "fine_tuning.job",
                                          .project_id = caller.project_id,
                                          .equal = {{"fine_tuned_model", model}},
                                          .limit = 1}));
  if (!jobs.data.empty()) return files::join(folder(jobs.data.front().id), "model");
  TRY(const auto route, app_.gateway.find_model(caller, model));
  const std::string released = files::join(files::join(data_, "models"), route->name);
  if (route->local() != nullptr && files::is_directory(released)) return released;
  return refuse_parameter("model_not_available", "model",
                          "Model " + model +
                              " is not available for fine-tuning: its weights are not in this "
                              "house.");
}

base::Status FineTuning::log(const objects::Object& job, std::string_view level,
                             std::string message, json::Value data) const {
  objects::Object event{.kind = "fine_tuning.event",
                        .id = crypto::random_id("ftevent-"),
                        .project_id = job.project_id,
                        .parent_id = job.id,
                        .created = app_.clock.now()};
  event.body = json::Object{{"object", "fine_tuning.job.event"},
                            {"id", event.id},
                            {"created_at", event.created.seconds()},
                            {"level", level},
                            {"message", std::move(message)},
                            {"type", data.is_null() ? "message" : "metrics"},
                            {"data", data.is_null() ? json::Value(json::Object{}) : data}};
  return app_.objects.insert(std::move(event));
}

// Changes a job that is still being worked on; one that was cancelled or paused meanwhile stays so.
base::Result<objects::Object> FineTuning::set(const objects::Object& job,
                                              json::Object members) const {
  return app_.objects.update(job.kind, job.project_id, job.id,
                             [&](json::Value& body) -> base::Status {
                               const std::string& status = body["status"].as_string();
                               if (std::ranges::find(kUnfinished, status) == std::end(kUnfinished))
                                 return base::fail(Code::Cancelled, "the job is " + status);
                               for (const auto& [name, value] : members) body.set(name, value);
                               return {};
                             });
}

void FineTuning::loop() {
  // Requests go first: on Linux this is the thread's own, and that of the pool that it makes.
  setpriority(PRIO_PROCESS, 0, kNice);
  for (;;) {
    std::pair<std::string, std::string> next;
    {
      std::unique_lock lock(mutex_);
      running_.clear();
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      next = std::move(queue_.front());
      queue_.pop_front();
      running_ = next.second;
      interrupt_ = false;
    }
    run(next.first, next.second);
  }
}

void FineTuning::run(const std::string& project_id, const std::string& id) {
  auto job = app_.objects.get("fine_tuning.job", project_id, id);
  if (!job) return;
  if (std::ranges::find(kUnfinished, job->body["status"].as_string()) == std::end(kUnfinished))
    return;
  Metrics metrics(files::join(folder(id), "metrics.csv"));
  auto outcome = train(&*job, &metrics);
  base::Status ended;
  if (!outcome)
    ended = std::unexpected(outcome.error());
  else if (!outcome->interrupted)
    ended = succeed(*job, metrics);
  else
    return;  // paused, cancelled, or the process stops
  if (!ended && ended.error().code != Code::Cancelled) fail(*job, ended.error());
}

base::Status FineTuning::validate(objects::Object* job) {
  for (const std::string name : {"training_file", "validation_file"}) {
    if (!job->body[name].is_string()) continue;
    const auto text = app_.blobs.map(job->body[name].as_string());
    if (!text)
      return base::fail(Code::InvalidArgument, "The " + name + " is not there any more.", name,
                        "invalid_" + name);
    TRY_VOID(lab::check_training_text(base::as_text((*text)->bytes())));
  }
  return lab::check_trainable(job->body["_base"].as_string());
}

base::Result<lab::TrainOutcome> FineTuning::train(objects::Object* job, Metrics* metrics) {
  if (job->body["status"] != json::Value("running")) {
    TRY_VOID(validate(job));
    TRY(*job, set(*job, {{"status", "running"}}));
  }
  TRY_VOID(files::make_directories(folder(job->id), 0700));
  metrics->load();
  metrics->validated = job->body["validation_file"].is_string();
  const json::Value& given = hyperparameters(*job);
  const auto number = [&](std::string_view name, double otherwise) {
    return given[name].is_number() ? given[name].as_double() : otherwise;
  };
  lab::FineTuneRequest request{
      .base = job->body["_base"].as_string(),
      .training_path = app_.blobs.path(job->body["training_file"].as_string()),
      .epochs = static_cast<int64_t>(number("n_epochs", 3)),
      .batch_size = static_cast<int64_t>(number("batch_size", 4)),
      .lr = kLearningRate * number("learning_rate_multiplier", 1),
      .seed = static_cast<uint64_t>(job->body["seed"].as_int()),
      .directory = folder(job->id)};
  if (metrics->validated)
    request.validation_path = app_.blobs.path(job->body["validation_file"].as_string());
  lab::FineTunePlan plan;
  lab::FineTuneHooks hooks{.monotonic_ns = base::monotonic_ns, .stop = &interrupt_};
  hooks.begin = [&](const lab::FineTunePlan& made) {
    plan = made;
    begin(job, plan);
  };
  hooks.progress = [&](const lab::StepReport& step) { progress(*job, plan, step, metrics); };
  hooks.saved = [&](int64_t epoch, int64_t step) { checkpoint(*job, epoch, step, *metrics); };
  base::ThreadPool pool(std::max(1, base::default_thread_count() / 2));
  return lab::fine_tune(request, hooks, pool);
}

void FineTuning::begin(objects::Object* job, const lab::FineTunePlan& plan) const {
  [[maybe_unused]] const auto logged =
      log(*job, "info",
          plan.resumed ? "The job goes on from its checkpoint"
                       : "Fine-tuning job started: " + std::to_string(plan.conversations) +
                             " examples, " + std::to_string(plan.steps) + " steps");
  if (plan.shortened > 0 && !plan.resumed) {
    [[maybe_unused]] const auto warned =
        log(*job, "warn",
            std::to_string(plan.shortened) +
                " examples are longer than the model's context and lost their end");
  }
  const int64_t epochs = plan.steps / plan.steps_per_epoch;
  [[maybe_unused]] const auto noted =
      set(*job, {{"trained_tokens", plan.tokens_per_epoch * epochs}});
}

void FineTuning::progress(const objects::Object& job, const lab::FineTunePlan& plan,
                          const lab::StepReport& step, Metrics* metrics) const {
  metrics->add(step);
  const int64_t every = std::max<int64_t>(1, plan.steps / kMetricEvents);
  if (step.step % every != 0 && step.step != 1 && step.step != plan.steps) return;
  json::Value data =
      json::Object{{"step", step.step}, {"total_steps", plan.steps}, {"train_loss", step.loss}};
  if (step.validation_loss && metrics->validated) data.set("valid_loss", *step.validation_loss);
  [[maybe_unused]] const auto logged =
      log(job, "info",
          "Step " + std::to_string(step.step) + "/" + std::to_string(plan.steps) +
              ": training loss=" + number_text(step.loss),
          std::move(data));
  [[maybe_unused]] const auto noted =
      set(job, {{"estimated_finish", app_.clock.now().seconds() +
                                         static_cast<int64_t>(std::max(0.0, step.seconds_left))}});
}

void FineTuning::checkpoint(const objects::Object& job, int64_t epoch, int64_t step,
                            const Metrics& metrics) const {
  objects::Object row{.kind = "fine_tuning.checkpoint",
                      .id = crypto::random_id("ftckpt_"),
                      .project_id = job.project_id,
                      .parent_id = job.id,
                      .created = app_.clock.now()};
  json::Value numbers = json::Object{{"step", step}, {"train_loss", metrics.last_loss}};
  if (metrics.validated) numbers.set("valid_loss", metrics.last_validation);
  row.body = json::Object{{"object", "fine_tuning.job.checkpoint"},
                          {"id", row.id},
                          {"created_at", row.created.seconds()},
                          {"fine_tuned_model_checkpoint",
                           job.body["_name"].as_string() + ":ckpt-step-" + std::to_string(step)},
                          {"fine_tuning_job_id", job.id},
                          {"metrics", std::move(numbers)},
                          {"step_number", step},
                          {"_epoch", epoch}};
  [[maybe_unused]] const auto stored = app_.objects.insert(std::move(row));
}

base::Status FineTuning::succeed(const objects::Object& job, const Metrics& metrics) {
  const std::string model = files::join(folder(job.id), "model");
  TRY(const govern::Manifest manifest, journal::seal_model(model));
  TRY(const objects::Object results, store_file(app_,
                                                {.project_id = job.project_id,
                                                 .purpose = "fine-tune-results",
                                                 .filename = "step_metrics.csv"},
                                                metrics.csv()));
  const std::string& name = job.body["_name"].as_string();
  TRY_VOID(log(job, "info", "New fine-tuned model created"));
  TRY_VOID(log(job, "info",
               name + " is the model version " + crypto::hex(govern::manifest_digest(manifest)) +
                   " in " + model +
                   ". It is not served: the charter's board has to release it first (charter "
                   "judge, propose, vote, release)"));
  TRY(const objects::Object done, set(job, {{"status", "succeeded"},
                                            {"fine_tuned_model", name},
                                            {"finished_at", app_.clock.now().seconds()},
                                            {"estimated_finish", nullptr},
                                            {"result_files", json::Array{results.id}}}));
  TRY_VOID(log(job, "info", "The job has successfully completed"));
  told_("fine_tuning.job.succeeded", done);
  return files::remove_directory(files::join(folder(job.id), "checkpoint"));
}

void FineTuning::fail(const objects::Object& job, const base::Error& error) {
  const bool theirs = error.code == Code::InvalidArgument || error.code == Code::FailedPrecondition;
  base::log(base::Level::Warn, "a fine-tuning job failed",
            {{"job", job.id}, {"error", error.text()}});
  const std::string message = theirs ? error.message : "The job failed on the server's side.";
  const bool file = error.reason.starts_with("invalid_");
  [[maybe_unused]] const auto logged = log(job, "error", message);
  const auto failed = set(
      job, {{"status", "failed"},
            {"finished_at", app_.clock.now().seconds()},
            {"estimated_finish", nullptr},
            {"error", json::Object{{"code", theirs ? error.reason : "server_error"},
                                   {"message", message},
                                   {"param", file ? json::Value(error.where) : json::Value()}}}});
  if (failed) told_("fine_tuning.job.failed", *failed);
}

}  // namespace api
