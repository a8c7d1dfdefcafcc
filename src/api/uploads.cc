// /v1/uploads: a large file in parts of at most 64 MB. Parts are blobs of their own; completing
// puts them together in the order that the client names, and makes a file.
#include <algorithm>
#include <set>

#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "api/stored_files.h"
#include "base/bytes.h"
#include "crypto/md5.h"
#include "crypto/random.h"
#include "net/multipart.h"

namespace api {
namespace {

constexpr size_t kPartBytesMax = 64u << 20;
constexpr size_t kPartFormBytesMax = kPartBytesMax + (1u << 20);
constexpr double kUploadBytesMax = 8.0 * (1u << 30);
constexpr int64_t kLifeSeconds = 3600;

constexpr std::string_view kAnchors[] = {"created_at"};
constexpr Field kExpiryFields[] = {
    {.name = "anchor", .kinds = kString, .required = true, .values = kAnchors},
    {.name = "seconds", .kinds = kInteger, .required = true, .min = 3600, .max = 2'592'000}};
constexpr Schema kExpiry{"FileExpirationAfter", kExpiryFields};
constexpr Field kCreateFields[] = {
    {.name = "filename", .kinds = kString, .required = true, .max = 512},
    {.name = "purpose", .kinds = kString, .required = true},
    {.name = "bytes", .kinds = kInteger, .required = true, .min = 0, .max = kUploadBytesMax},
    {.name = "mime_type", .kinds = kString, .required = true, .max = 256},
    {.name = "expires_after", .kinds = kObject, .schema = &kExpiry}};
constexpr Schema kCreate{"CreateUploadRequest", kCreateFields};
constexpr Field kCompleteFields[] = {
    {.name = "part_ids",
     .kinds = kArray,
     .required = true,
     .max = 10000,
     .elements = kString,
     .summary = "the parts in their order"},
    {.name = "md5", .kinds = kString, .summary = "of the whole file, in hexadecimal digits"}};
constexpr Schema kComplete{"CompleteUploadRequest", kCompleteFields};

// What a client sees of an upload: one that nobody completed in time has expired.
json::Value upload_json(const objects::Object& upload, base::Time now) {
  json::Value out = shown(upload);
  const std::string& status = upload.body["status"].as_string();
  if (status == "_completing") out.set("status", "pending");
  if (status == "pending" && upload.body["expires_at"].as_int() <= now.seconds())
    out.set("status", "expired");
  return out;
}

std::unexpected<base::Error> not_pending(const objects::Object& upload, base::Time now) {
  return refuse_parameter("invalid_upload_status", "",
                          "The upload '" + upload.id + "' is " +
                              upload_json(upload, now)["status"].as_string() +
                              ", and only a pending one can be changed.");
}

base::Status check_pending(const objects::Object& upload, base::Time now) {
  if (upload_json(upload, now)["status"].as_string() == "pending" &&
      upload.body["status"].as_string() == "pending")
    return {};
  return not_pending(upload, now);
}

void create_upload(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  const App& app = *call.app;
  const std::string& purpose = (*body)["purpose"].as_string();
  if (const auto known = check_purpose(purpose); !known) return call.fail(known.error());
  objects::Object upload{.kind = "upload",
                         .id = crypto::random_id("upload_"),
                         .project_id = call.caller.project_id,
                         .created = app.clock.now()};
  const int64_t created = upload.created.seconds();
  upload.body = json::Object{{"id", upload.id},
                             {"object", "upload"},
                             {"bytes", (*body)["bytes"]},
                             {"created_at", created},
                             {"filename", (*body)["filename"]},
                             {"purpose", purpose},
                             {"status", "pending"},
                             {"expires_at", created + kLifeSeconds},
                             {"file", nullptr},
                             {"_mime_type", (*body)["mime_type"]},
                             {"_expires_after", (*body)["expires_after"]}};
  if (const auto stored = app.objects.insert(upload); !stored) return call.fail(stored.error());
  call.respond_json(upload_json(upload, app.clock.now()));
}

base::Result<objects::Object> add_part(const Call& call) {
  const App& app = *call.app;
  TRY(const objects::Object upload, find_object(call, "upload", call.parameters[0]));
  TRY_VOID(check_pending(upload, app.clock.now()));
  const net::Request& request = call.request();
  TRY(const auto parts, net::parse_multipart(request.header("content-type"), request.body_view()));
  const net::FormPart* data = net::find_part(parts, "data");
  if (data == nullptr) return missing("data");
  if (data->body.size() > kPartBytesMax)
    return base::fail(base::Code::TooLarge,
                      "The part has " + std::to_string(data->body.size()) +
                          " bytes, and at most 64 MB are allowed; send more parts.",
                      "data");
  objects::Object part{.kind = "upload.part",
                       .id = crypto::random_id("part_"),
                       .project_id = call.caller.project_id,
                       .parent_id = upload.id,
                       .created = app.clock.now(),
                       .expires = upload.created + base::seconds(2 * kLifeSeconds)};
  part.body = json::Object{{"id", part.id},
                           {"object", "upload.part"},
                           {"created_at", part.created.seconds()},
                           {"upload_id", upload.id},
                           {"_bytes", static_cast<int64_t>(data->body.size())}};
  TRY_VOID(app.blobs.put(part.id, data->body));
  if (auto stored = app.objects.insert(part); !stored) {
    app.blobs.remove(part.id);
    return std::unexpected(stored.error());
  }
  return part;
}

void create_part(const Call& call) {
  const auto part = add_part(call);
  if (!part) return call.fail(part.error());
  call.respond_json(shown(*part));
}

void remove_parts(const App& app, const objects::Object& upload) {
  const auto parts = app.objects.list({.kind = "upload.part",
                                       .project_id = upload.project_id,
                                       .parent_id = upload.id,
                                       .limit = 100'000});
  if (!parts) return;  // they expire by themselves
  if (!app.objects.remove_children("upload.part", upload.project_id, upload.id)) return;
  for (const objects::Object& part : parts->data) app.blobs.remove(part.id);
}

// The parts in the order asked for, if they are this upload's and have its size.
base::Result<std::vector<std::string>> read_parts(const App& app, const objects::Object& upload,
                                                  const json::Value& body) {
  std::vector<std::string> ids;
  std::set<std::string> seen;
  int64_t bytes = 0;
  for (const json::Value& id : body["part_ids"].as_array()) {
    TRY(const objects::Object part,
        find_object(app, upload.project_id, "upload.part", id.as_string()));
    if (part.parent_id != upload.id) return no_such_object("upload.part", id.as_string());
    if (!seen.insert(part.id).second)
      return refuse_parameter("duplicate_part_id", "part_ids",
                              "The part '" + part.id + "' stands in 'part_ids' more than once.");
    bytes += part.body["_bytes"].as_int();
    ids.push_back(part.id);
  }
  if (bytes != upload.body["bytes"].as_int())
    return refuse_parameter("upload_size_mismatch", "part_ids",
                            "The parts have " + std::to_string(bytes) +
                                " bytes together, but the upload said " +
                                std::to_string(upload.body["bytes"].as_int()) + " bytes.");
  return ids;
}

base::Status check_md5(const App& app, const std::string& file_id, const json::Value& body) {
  const json::Value* wanted = find_parameter(body, "md5");
  if (wanted == nullptr) return {};
  TRY(const auto mapped, app.blobs.map(file_id));
  const std::string digest = base::hex(crypto::md5(mapped->bytes()));
  std::string lower = wanted->as_string();
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
  });
  if (lower == digest) return {};
  return refuse_parameter(
      "md5_mismatch", "md5",
      "The parts put together have the MD5 " + digest + ", which is not the one that was sent.");
}

base::Result<objects::Object> put_together(const App& app, const objects::Object& upload,
                                           const json::Value& body) {
  TRY(const auto parts, read_parts(app, upload, body));
  const std::string id = new_file_id();
  TRY_VOID(app.blobs.concatenate(id, parts));
  if (const auto same = check_md5(app, id, body); !same) {
    app.blobs.remove(id);
    return std::unexpected(same.error());
  }
  NewFile made{.project_id = upload.project_id,
               .purpose = upload.body["purpose"].as_string(),
               .filename = upload.body["filename"].as_string()};
  const json::Value& expiry = upload.body["_expires_after"];
  if (expiry.is_object()) made.expires_after_seconds = expiry["seconds"].as_int();
  return record_file(app, made, id);
}

// One of several completions at a time gets through; a failed one leaves the upload pending.
base::Result<objects::Object> complete(const Call& call) {
  const App& app = *call.app;
  TRY(const json::Value body, call.json_body());
  TRY(const objects::Object upload, find_object(call, "upload", call.parameters[0]));
  const auto set = [&](std::string_view from, std::string_view to,
                       const json::Value& file) -> base::Result<objects::Object> {
    return app.objects.update("upload", upload.project_id, upload.id,
                              [&](json::Value& row) -> base::Status {
                                objects::Object as_now = upload;
                                as_now.body = row;
                                if (from == "pending")
                                  TRY_VOID(check_pending(as_now, app.clock.now()));
                                row.set("status", to);
                                row.set("file", file);
                                return {};
                              });
  };
  TRY_VOID(set("pending", "_completing", nullptr));
  const auto file = put_together(app, upload, body);
  if (!file) {
    TRY_VOID(set("_completing", "pending", nullptr));
    return std::unexpected(file.error());
  }
  TRY(objects::Object completed, set("_completing", "completed", shown(*file)));
  remove_parts(app, upload);
  return completed;
}

void complete_upload(const Call& call) {
  const auto upload = complete(call);
  if (!upload) return call.fail(upload.error());
  call.respond_json(upload_json(*upload, call.app->clock.now()));
}

void cancel_upload(const Call& call) {
  const App& app = *call.app;
  const auto found = find_object(call, "upload", call.parameters[0]);
  if (!found) return call.fail(found.error());
  const auto upload = app.objects.update("upload", call.caller.project_id, found->id,
                                         [&](json::Value& row) -> base::Status {
                                           objects::Object as_now = *found;
                                           as_now.body = row;
                                           TRY_VOID(check_pending(as_now, app.clock.now()));
                                           row.set("status", "cancelled");
                                           return {};
                                         });
  if (!upload) return call.fail(upload.error());
  remove_parts(app, *upload);
  call.respond_json(upload_json(*upload, app.clock.now()));
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/uploads",
     .auth = Auth::Key,
     .scope = "files.write",
     .blocks = true,
     .body_bytes_max = 1u << 20,
     .body = &kCreate,
     .handle = create_upload,
     .summary = "begins a file that comes in parts"},
    {.method = "POST",
     .pattern = "/v1/uploads/{id}/parts",
     .auth = Auth::Key,
     .scope = "files.write",
     .blocks = true,
     .body_bytes_max = kPartFormBytesMax,
     .spool = true,
     .handle = create_part,
     .summary = "adds a part: multipart/form-data with data"},
    {.method = "POST",
     .pattern = "/v1/uploads/{id}/complete",
     .auth = Auth::Key,
     .scope = "files.write",
     .blocks = true,
     .body_bytes_max = 1u << 20,
     .body = &kComplete,
     .handle = complete_upload,
     .summary = "makes a file of the parts"},
    {.method = "POST",
     .pattern = "/v1/uploads/{id}/cancel",
     .auth = Auth::Key,
     .scope = "files.write",
     .blocks = true,
     .body_bytes_max = 1u << 20,
     .handle = cancel_upload,
     .summary = "gives an upload up"},
};

}  // namespace

std::span<const Route> upload_routes() { return kRoutes; }

}  // namespace api
