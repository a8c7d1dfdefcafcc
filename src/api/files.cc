// /v1/files: a multipart form in, rows and blobs kept, bytes out as they came.
#include <charconv>

#include "api/background.h"
#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "api/stored_files.h"
#include "net/multipart.h"

namespace api {
namespace {

constexpr size_t kFormBytesMax = static_cast<size_t>(kFileBytesMax) + (1u << 20);
constexpr int64_t kListMax = 10000;

// expires_after[anchor] and expires_after[seconds] as the object that JSON bodies have.
base::Result<json::Value> form_expiry(const std::vector<net::FormPart>& parts) {
  json::Value out = json::Object{};
  if (const auto* anchor = net::find_part(parts, "expires_after[anchor]"))
    out.set("anchor", anchor->body);
  if (const auto* seconds = net::find_part(parts, "expires_after[seconds]")) {
    int64_t value = 0;
    const char* end = seconds->body.data() + seconds->body.size();
    const auto read = std::from_chars(seconds->body.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end)
      return wrong_type("expires_after.seconds", "an integer", json::Value(seconds->body));
    out.set("seconds", value);
  }
  if (out.as_object().empty()) return json::Value();
  return out;
}

base::Status check_names(const std::vector<net::FormPart>& parts, bool tolerate_unknown) {
  constexpr std::string_view kKnown[] = {"file", "purpose", "expires_after[anchor]",
                                         "expires_after[seconds]"};
  for (const net::FormPart& part : parts) {
    bool known = tolerate_unknown;
    for (const std::string_view name : kKnown) known |= part.name == name;
    const std::string shown_name = part.name.substr(0, 200);
    if (!known)
      return refuse_parameter("unknown_parameter", shown_name,
                              "Unknown parameter: '" + shown_name + "'.");
    int count = 0;
    for (const net::FormPart& other : parts) count += other.name == part.name ? 1 : 0;
    if (count > 1)
      return refuse_parameter("duplicate_parameter", shown_name,
                              "Duplicate parameter: '" + shown_name + "' was sent " +
                                  std::to_string(count) + " times.");
  }
  return {};
}

base::Result<objects::Object> create(const Call& call) {
  const net::Request& request = call.request();
  TRY(const auto parts, net::parse_multipart(request.header("content-type"), request.body_view()));
  TRY_VOID(check_names(parts, call.app->options.tolerate_unknown_parameters));
  const net::FormPart* file = net::find_part(parts, "file");
  if (file == nullptr) return missing("file");
  if (!file->filename)
    return refuse_parameter("invalid_type", "file",
                            "Invalid type for 'file': expected a file, but got a field without a "
                            "filename instead.");
  const net::FormPart* purpose = net::find_part(parts, "purpose");
  if (purpose == nullptr) return missing("purpose");
  NewFile made{.project_id = call.caller.project_id,
               .purpose = std::string(purpose->body),
               .filename = *file->filename};
  TRY_VOID(check_purpose(made.purpose));
  TRY_VOID(check_filename(made.filename));
  TRY(json::Value expiry, form_expiry(parts));
  TRY(made.expires_after_seconds,
      read_expires_after(json::Object{{"expires_after", std::move(expiry)}}, "expires_after"));
  if (static_cast<int64_t>(file->body.size()) > kFileBytesMax)
    return base::fail(
        base::Code::TooLarge,
        "The file has " + std::to_string(file->body.size()) +
            " bytes, and at most 512 MB are allowed; use /v1/uploads for larger ones.",
        "file");
  return store_file(*call.app, made, file->body);
}

void create_file(const Call& call) {
  const auto file = create(call);
  if (!file) return call.fail(file.error());
  call.respond_json(shown(*file));
}

void list_files(const Call& call) {
  auto query = read_list_query(call, "file", {.limit = kListMax, .limit_max = kListMax});
  if (query) {
    if (std::string purpose = query_parameter(call, "purpose"); !purpose.empty())
      query->equal.emplace_back("purpose", std::move(purpose));
  }
  respond_page(call, query);
}

void get_file(const Call& call) {
  const auto file = find_object(call, "file", call.parameters[0]);
  if (!file) return call.fail(file.error());
  call.respond_json(shown(*file));
}

void delete_file(const Call& call) {
  const std::string& id = call.parameters[0];
  const auto file = find_object(call, "file", id);
  if (!file) return call.fail(file.error());
  if (const auto removed = call.app->objects.remove("file", call.caller.project_id, id); !removed)
    return call.fail(removed.error().code == base::Code::NotFound
                         ? no_such_object("file", id).error()
                         : removed.error());
  call.app->blobs.remove(id);
  if (const auto forgotten = call.app->background->vectors.forget_file(call.caller.project_id, id);
      !forgotten)
    return call.fail(forgotten.error());
  call.respond_json(deleted_object_json(id, "file"));
}

void get_file_content(const Call& call) {
  const auto file = find_object(call, "file", call.parameters[0]);
  if (!file) return call.fail(file.error());
  auto response = blob_response(call.app->blobs, file->id, file->body["filename"].as_string());
  if (!response) return call.fail(response.error());
  call.respond(*std::move(response));
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/files",
     .auth = Auth::Key,
     .scope = "files.write",
     .blocks = true,
     .body_bytes_max = kFormBytesMax,
     .spool = true,
     .handle = create_file,
     .summary = "keeps a file: multipart/form-data with file and purpose"},
    {.method = "GET",
     .pattern = "/v1/files",
     .auth = Auth::Key,
     .scope = "files.read",
     .blocks = true,
     .handle = list_files,
     .summary = "lists files"},
    {.method = "GET",
     .pattern = "/v1/files/{id}",
     .auth = Auth::Key,
     .scope = "files.read",
     .blocks = true,
     .handle = get_file,
     .summary = "one file's record"},
    {.method = "DELETE",
     .pattern = "/v1/files/{id}",
     .auth = Auth::Key,
     .scope = "files.write",
     .blocks = true,
     .handle = delete_file,
     .summary = "deletes a file"},
    {.method = "GET",
     .pattern = "/v1/files/{id}/content",
     .auth = Auth::Key,
     .scope = "files.read",
     .blocks = true,
     .handle = get_file_content,
     .summary = "the file's bytes"},
};

}  // namespace

std::span<const Route> file_routes() { return kRoutes; }

}  // namespace api
