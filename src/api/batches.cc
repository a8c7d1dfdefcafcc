// /v1/batches: what is asked of them; api/batch_runner.h runs them.
#include "api/background.h"
#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "api/stored_files.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr int64_t kWindowSeconds = 24 * 3600;

constexpr std::string_view kEndpoints[] = {"/v1/chat/completions", "/v1/responses",
                                           "/v1/embeddings", "/v1/completions", "/v1/moderations"};
constexpr std::string_view kWindows[] = {"24h"};
constexpr std::string_view kAnchors[] = {"created_at"};
constexpr Field kExpiryFields[] = {
    {.name = "anchor", .kinds = kString, .required = true, .values = kAnchors},
    {.name = "seconds", .kinds = kInteger, .required = true, .min = 3600, .max = 2'592'000}};
constexpr Schema kExpiry{"BatchFileExpirationAfter", kExpiryFields};
constexpr Field kCreateFields[] = {
    {.name = "input_file_id", .kinds = kString, .required = true},
    {.name = "endpoint", .kinds = kString, .required = true, .values = kEndpoints},
    {.name = "completion_window", .kinds = kString, .required = true, .values = kWindows},
    {.name = "metadata", .kinds = kMap},
    {.name = "output_expires_after", .kinds = kObject, .schema = &kExpiry}};
constexpr Schema kCreate{"CreateBatchRequest", kCreateFields};

base::Result<objects::Object> create(const Call& call) {
  const App& app = *call.app;
  TRY(const json::Value body, call.json_body());
  TRY(const objects::Object file, find_object(call, "file", body["input_file_id"].as_string()));
  if (file.body["purpose"] != json::Value("batch"))
    return refuse_parameter("invalid_value", "input_file_id",
                            "The file '" + file.id + "' has the purpose '" +
                                file.body["purpose"].as_string() +
                                "', and the input of a batch must have the purpose 'batch'.");
  if (call.caller.key_id.empty())
    return refuse_parameter("", "", "A batch runs in the name of an API key; use one.");
  objects::Object batch{.kind = "batch",
                        .id = crypto::random_id("batch_"),
                        .project_id = call.caller.project_id,
                        .created = app.clock.now()};
  const int64_t created = batch.created.seconds();
  batch.body =
      json::Object{{"id", batch.id},
                   {"object", "batch"},
                   {"endpoint", body["endpoint"]},
                   {"model", nullptr},
                   {"errors", nullptr},
                   {"input_file_id", file.id},
                   {"completion_window", body["completion_window"]},
                   {"status", "validating"},
                   {"output_file_id", nullptr},
                   {"error_file_id", nullptr},
                   {"created_at", created},
                   {"in_progress_at", nullptr},
                   {"expires_at", created + kWindowSeconds},
                   {"finalizing_at", nullptr},
                   {"completed_at", nullptr},
                   {"failed_at", nullptr},
                   {"expired_at", nullptr},
                   {"cancelling_at", nullptr},
                   {"cancelled_at", nullptr},
                   {"request_counts", json::Object{{"total", 0}, {"completed", 0}, {"failed", 0}}},
                   {"usage", nullptr},
                   {"metadata", body["metadata"]},
                   {"_output_expires_after", body["output_expires_after"]},
                   {"_key_id", call.caller.key_id}};
  TRY_VOID(app.objects.insert(batch));
  app.background->batches.add(batch);
  return batch;
}

void create_batch(const Call& call) {
  const auto batch = create(call);
  if (!batch) return call.fail(batch.error());
  call.respond_json(shown(*batch));
}

void list_batches(const Call& call) { respond_page(call, read_list_query(call, "batch")); }

void get_batch(const Call& call) {
  const auto batch = find_object(call, "batch", call.parameters[0]);
  if (!batch) return call.fail(batch.error());
  call.respond_json(shown(*batch));
}

void cancel_batch(const Call& call) {
  const App& app = *call.app;
  const std::string& id = call.parameters[0];
  const auto found = find_object(call, "batch", id);
  if (!found) return call.fail(found.error());
  const auto batch = app.objects.update(
      "batch", call.caller.project_id, id, [&](json::Value& body) -> base::Status {
        const std::string& status = body["status"].as_string();
        if (status == "cancelling" || status == "cancelled") return {};
        if (status != "validating" && status != "in_progress")
          return base::fail(base::Code::AlreadyExists,
                            "Cannot cancel a batch with status '" + status + "'.", "",
                            "invalid_batch_status");
        body.set("status", "cancelling");
        body.set("cancelling_at", app.clock.now().seconds());
        return {};
      });
  if (!batch) return call.fail(batch.error());
  app.background->batches.cancel(id);
  call.respond_json(shown(*batch));
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/batches",
     .auth = Auth::Key,
     .scope = "batches.write",
     .blocks = true,
     .body_bytes_max = 1u << 20,
     .body = &kCreate,
     .handle = create_batch,
     .summary = "runs the requests of a file"},
    {.method = "GET",
     .pattern = "/v1/batches",
     .auth = Auth::Key,
     .scope = "batches.read",
     .blocks = true,
     .handle = list_batches,
     .summary = "lists batches"},
    {.method = "GET",
     .pattern = "/v1/batches/{id}",
     .auth = Auth::Key,
     .scope = "batches.read",
     .blocks = true,
     .handle = get_batch,
     .summary = "how far a batch is"},
    {.method = "POST",
     .pattern = "/v1/batches/{id}/cancel",
     .auth = Auth::Key,
     .scope = "batches.write",
     .blocks = true,
     .body_bytes_max = 1u << 20,
     .handle = cancel_batch,
     .summary = "stops a batch; what is done stays"},
};

}  // namespace

std::span<const Route> batch_routes() { return kRoutes; }

}  // namespace api
