// /v1/fine_tuning/jobs: supervised jobs; api/fine_tuning_runner.h runs them.
#include "api/background.h"
#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "api/stored_files.h"
#include "base/bytes.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr Field kHyperFields[] = {
    {.name = "n_epochs", .kinds = kInteger | kString, .min = 1, .max = 50},
    {.name = "batch_size", .kinds = kInteger | kString, .min = 1, .max = 256},
    {.name = "learning_rate_multiplier", .kinds = kDecimal | kString, .min = 0, .max = 100}};
constexpr Schema kHyper{"FineTuneSupervisedHyperparameters", kHyperFields};
constexpr Field kSupervisedFields[] = {
    {.name = "hyperparameters", .kinds = kObject, .schema = &kHyper}};
constexpr Schema kSupervised{"FineTuneSupervisedMethod", kSupervisedFields};
constexpr std::string_view kMethods[] = {"supervised", "dpo", "reinforcement"};
constexpr Field kMethodFields[] = {
    {.name = "type", .kinds = kString, .required = true, .values = kMethods},
    {.name = "supervised", .kinds = kObject, .schema = &kSupervised},
    {.name = "dpo", .kinds = kObject},
    {.name = "reinforcement", .kinds = kObject}};
constexpr Schema kMethod{"FineTuneMethod", kMethodFields};
constexpr Field kCreateFields[] = {{.name = "model", .kinds = kString, .required = true},
                                   {.name = "training_file", .kinds = kString, .required = true},
                                   {.name = "validation_file", .kinds = kString},
                                   {.name = "suffix", .kinds = kString, .min = 1, .max = 64},
                                   {.name = "seed", .kinds = kInteger, .min = 0, .max = 2147483647},
                                   {.name = "method", .kinds = kObject, .schema = &kMethod},
                                   {.name = "hyperparameters", .kinds = kObject, .schema = &kHyper},
                                   {.name = "integrations", .kinds = kArray},
                                   {.name = "metadata", .kinds = kMap}};
constexpr Schema kCreate{"CreateFineTuningJobRequest", kCreateFields};

base::Result<std::string> find_jsonl(const Call& call, const std::string& id,
                                     const std::string& param) {
  TRY(const objects::Object file, find_object(call, "file", id));
  if (file.body["purpose"] == json::Value("fine-tune")) return file.id;
  return refuse_parameter("invalid_file_purpose", param,
                          "The file '" + file.id + "' has the purpose '" +
                              file.body["purpose"].as_string() +
                              "', and must have the purpose 'fine-tune'.");
}

// "auto" becomes the number that is used.
base::Result<json::Value> read_hyperparameters(const json::Value& given, const std::string& path) {
  json::Value out = json::Object{};
  const std::pair<std::string, json::Value> kAuto[] = {
      {"n_epochs", 3}, {"batch_size", 4}, {"learning_rate_multiplier", 1}};
  for (const auto& [name, otherwise] : kAuto) {
    const json::Value* value = find_parameter(given, name);
    if (value != nullptr && value->is_string() && value->as_string() != "auto")
      return refuse_parameter(
          "invalid_value", path + "." + name,
          "Invalid value: '" + value->as_string() + "'. Expected 'auto' or a number.");
    out.set(name, value == nullptr || value->is_string() ? otherwise : *value);
  }
  return out;
}

base::Result<json::Value> read_method(const json::Value& body) {
  const json::Value* method = find_parameter(body, "method");
  if (method != nullptr && (*method)["type"] != json::Value("supervised"))
    return base::fail(base::Code::Unimplemented,
                      "Fine-tuning by '" + (*method)["type"].as_string() +
                          "' is not offered here; use the method 'supervised'.",
                      "method.type", "unsupported_method");
  if (const json::Value* list = find_parameter(body, "integrations");
      list != nullptr && !list->as_array().empty())
    return unsupported("integrations", "is not supported by this server.");
  if (method != nullptr)
    return read_hyperparameters((*method)["supervised"]["hyperparameters"],
                                "method.supervised.hyperparameters");
  return read_hyperparameters(body["hyperparameters"], "hyperparameters");
}

base::Status check_suffix(const std::string& suffix) {
  for (const char c : suffix) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c == '-' || c == '_' || c == '.') continue;
    return refuse_parameter(
        "invalid_value", "suffix",
        "Invalid 'suffix': only letters, digits, '-', '_' and '.' are allowed.");
  }
  return {};
}

base::Result<objects::Object> create(const Call& call) {
  const App& app = *call.app;
  TRY(const json::Value body, call.json_body());
  TRY(const json::Value numbers, read_method(body));
  const std::string& model = body["model"].as_string();
  TRY(const std::string base, app.background->fine_tuning.base_folder(call.caller, model));
  TRY(const std::string training,
      find_jsonl(call, body["training_file"].as_string(), "training_file"));
  json::Value validation;
  if (const json::Value* id = find_parameter(body, "validation_file")) {
    TRY(validation, find_jsonl(call, id->as_string(), "validation_file"));
  }
  const json::Value* suffix = find_parameter(body, "suffix");
  if (suffix != nullptr) TRY_VOID(check_suffix(suffix->as_string()));
  const json::Value* seed = find_parameter(body, "seed");
  objects::Object job{.kind = "fine_tuning.job",
                      .id = crypto::random_id("ftjob-"),
                      .project_id = call.caller.project_id,
                      .created = app.clock.now()};
  const std::string name = "ft:" + model + ":" + call.caller.org_id + ":" +
                           (suffix != nullptr ? suffix->as_string() : "") + ":" +
                           job.id.substr(job.id.size() - 8);
  const auto random =
      static_cast<int64_t>(base::load_le<uint32_t>(crypto::random_bytes(4).data()) >> 1);
  job.body = json::Object{
      {"object", "fine_tuning.job"},
      {"id", job.id},
      {"model", model},
      {"created_at", job.created.seconds()},
      {"finished_at", nullptr},
      {"fine_tuned_model", nullptr},
      {"organization_id", call.caller.org_id},
      {"result_files", json::Array{}},
      {"status", "validating_files"},
      {"validation_file", validation},
      {"training_file", training},
      {"hyperparameters", numbers},
      {"trained_tokens", nullptr},
      {"error", nullptr},
      {"user_provided_suffix", suffix != nullptr ? *suffix : json::Value()},
      {"seed", seed != nullptr ? *seed : json::Value(random)},
      {"estimated_finish", nullptr},
      {"integrations", json::Array{}},
      {"metadata", body["metadata"]},
      {"method", json::Object{{"type", "supervised"},
                              {"supervised", json::Object{{"hyperparameters", numbers}}}}},
      {"_base", base},
      {"_name", name}};
  TRY_VOID(app.objects.insert(job));
  TRY_VOID(app.background->fine_tuning.log(job, "info", "Created fine-tuning job: " + job.id));
  app.background->fine_tuning.add(job);
  return job;
}

void answer(const Call& call, const base::Result<objects::Object>& job) {
  if (!job) return call.fail(job.error());
  call.respond_json(shown(*job));
}

void create_job(const Call& call) { answer(call, create(call)); }
void list_jobs(const Call& call) { respond_page(call, read_list_query(call, "fine_tuning.job")); }
void get_job(const Call& call) {
  answer(call, find_object(call, "fine_tuning.job", call.parameters[0]));
}

// From one of the statuses to another; what runs is interrupted, what is to go on is queued.
base::Result<objects::Object> move(const Call& call, std::initializer_list<std::string_view> from,
                                   const std::string& to, std::string_view verb) {
  const App& app = *call.app;
  TRY(const objects::Object found, find_object(call, "fine_tuning.job", call.parameters[0]));
  TRY(objects::Object job,
      app.objects.update(found.kind, found.project_id, found.id,
                         [&](json::Value& body) -> base::Status {
                           const std::string& status = body["status"].as_string();
                           bool may = false;
                           for (const std::string_view one : from) may |= status == one;
                           if (!may)
                             return refuse_parameter(
                                 "invalid_job_status", "",
                                 "Cannot " + std::string(verb) + " a job that is " + status + ".");
                           body.set("status", to);
                           if (to == "cancelled")
                             body.set("finished_at", app.clock.now().seconds());
                           return {};
                         }));
  FineTuning& runner = app.background->fine_tuning;
  if (to == "queued")
    runner.add(job);
  else
    runner.interrupt(job.id);
  TRY_VOID(runner.log(job, "info", "The job is " + to));
  if (to == "cancelled") runner.tell("fine_tuning.job.cancelled", job);
  return job;
}

void cancel_job(const Call& call) {
  answer(call,
         move(call, {"validating_files", "queued", "running", "paused"}, "cancelled", "cancel"));
}
void pause_job(const Call& call) {
  answer(call, move(call, {"validating_files", "queued", "running"}, "paused", "pause"));
}
void resume_job(const Call& call) { answer(call, move(call, {"paused"}, "queued", "resume")); }

void list_children(const Call& call, std::string_view kind) {
  const auto job = find_object(call, "fine_tuning.job", call.parameters[0]);
  if (!job) return call.fail(job.error());
  auto query = read_list_query(call, kind);
  if (query) query->parent_id = job->id;
  respond_page(call, query);
}

void list_events(const Call& call) { list_children(call, "fine_tuning.event"); }
void list_checkpoints(const Call& call) { list_children(call, "fine_tuning.checkpoint"); }

constexpr Route route(std::string_view method, std::string_view pattern, const Schema* body,
                      void (*handle)(const Call&), std::string_view summary) {
  return {.method = method,
          .pattern = pattern,
          .auth = Auth::Key,
          .scope = method == "GET" ? "fine_tuning.read" : "fine_tuning.write",
          .blocks = true,
          .body_bytes_max = 1u << 20,
          .body = body,
          .handle = handle,
          .summary = summary};
}

constexpr Route kRoutes[] = {
    route("POST", "/v1/fine_tuning/jobs", &kCreate, create_job, "trains a model further"),
    route("GET", "/v1/fine_tuning/jobs", nullptr, list_jobs, "lists jobs"),
    route("GET", "/v1/fine_tuning/jobs/{id}", nullptr, get_job, "one job"),
    route("POST", "/v1/fine_tuning/jobs/{id}/cancel", nullptr, cancel_job, "ends it"),
    route("POST", "/v1/fine_tuning/jobs/{id}/pause", nullptr, pause_job, "holds it"),
    route("POST", "/v1/fine_tuning/jobs/{id}/resume", nullptr, resume_job, "goes on with it"),
    route("GET", "/v1/fine_tuning/jobs/{id}/events", nullptr, list_events, "what happened"),
    route("GET", "/v1/fine_tuning/jobs/{id}/checkpoints", nullptr, list_checkpoints,
          "the model after each epoch"),
};

}  // namespace

std::span<const Route> fine_tuning_routes() { return kRoutes; }

}  // namespace api
