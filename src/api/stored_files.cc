#include "api/stored_files.h"

#include <unordered_set>

#include "api/parameter.h"
#include "base/utf8.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr std::string_view kPurposes[] = {"assistants", "batch",     "fine-tune",
                                          "vision",     "user_data", "evals"};
constexpr size_t kFilenameMax = 512;
constexpr int64_t kExpirySecondsMin = 3600, kExpirySecondsMax = 2'592'000;
constexpr std::string_view kBlobKinds[] = {"file", "upload.part"};

class MappedBlob final : public net::SpooledBody {
 public:
  explicit MappedBlob(std::shared_ptr<const files::MappedFile> file) : file_(std::move(file)) {}
  std::string_view bytes() const override { return base::as_text(file_->bytes()); }

 private:
  std::shared_ptr<const files::MappedFile> file_;
};

// RFC 8187: everything but letters, digits and a few marks as %XX.
std::string extended_value(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF", kPlain = "-._~";
  std::string out = "UTF-8''";
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace

std::string new_file_id() { return crypto::random_id("file-"); }

base::Result<objects::Object> store_file(const App& app, const NewFile& file,
                                         std::string_view bytes) {
  const std::string id = new_file_id();
  TRY_VOID(app.blobs.put(id, bytes));
  return record_file(app, file, id);
}

base::Result<objects::Object> record_file(const App& app, const NewFile& file,
                                          const std::string& id) {
  TRY(const int64_t bytes, app.blobs.size(id));
  objects::Object object{
      .kind = "file", .id = id, .project_id = file.project_id, .created = app.clock.now()};
  object.body = json::Object{{"id", id},
                             {"object", "file"},
                             {"bytes", bytes},
                             {"created_at", object.created.seconds()},
                             {"filename", file.filename},
                             {"purpose", file.purpose},
                             {"status", "processed"},
                             {"status_details", nullptr}};
  if (file.expires_after_seconds) {
    object.expires = object.created + base::seconds(*file.expires_after_seconds);
    object.body.set("expires_at", object.expires->seconds());
  }
  if (auto stored = app.objects.insert(object); !stored) {
    app.blobs.remove(id);
    return std::unexpected(stored.error());
  }
  return object;
}

base::Result<std::optional<int64_t>> read_expires_after(const json::Value& body,
                                                        std::string_view name) {
  const json::Value* given = find_parameter(body, name);
  if (given == nullptr) return std::nullopt;
  const std::string path(name);
  if (!given->is_object()) return wrong_type(path, "an object", *given);
  const json::Value* anchor = find_parameter(*given, "anchor");
  if (anchor == nullptr) return missing(path + ".anchor");
  if (!anchor->is_string() || anchor->as_string() != "created_at")
    return refuse_parameter(
        "invalid_value", path + ".anchor",
        "Invalid value for '" + path + ".anchor'. Supported values are: 'created_at'.");
  const json::Value* seconds = find_parameter(*given, "seconds");
  if (seconds == nullptr) return missing(path + ".seconds");
  if (!seconds->is_int()) return wrong_type(path + ".seconds", "an integer", *seconds);
  TRY_VOID(check_range(*seconds, true, kExpirySecondsMin, kExpirySecondsMax, path + ".seconds"));
  return seconds->as_int();
}

base::Status check_purpose(const std::string& purpose) {
  std::string list;
  for (const std::string_view known : kPurposes) {
    if (purpose == known) return {};
    list += (list.empty() ? "'" : ", '") + std::string(known) + "'";
  }
  return refuse_parameter("invalid_value", "purpose",
                          "'" + base::replace_invalid_utf8(purpose.substr(0, 80)) +
                              "' is not one of [" + list + "] - 'purpose'");
}

base::Status check_filename(std::string_view filename) {
  if (!base::is_utf8(filename))
    return refuse_parameter("invalid_value", "file", "The filename is not valid UTF-8.");
  if (filename.size() > kFilenameMax)
    return refuse_parameter("string_above_max_length", "file",
                            "Invalid 'file': the filename has " + std::to_string(filename.size()) +
                                " bytes, and at most " + std::to_string(kFilenameMax) +
                                " are allowed.");
  return {};
}

base::Result<net::Response> blob_response(const objects::Blobs& blobs, std::string_view id,
                                          std::string_view filename) {
  auto mapped = blobs.map(id);
  if (!mapped)
    return base::fail(base::Code::Corrupt, "the bytes of a stored file are missing",
                      std::string(id));
  net::Response response{
      200,
      {{"content-type", "application/octet-stream"},
       {"content-disposition", "attachment; filename*=" + extended_value(filename)},
       {"x-content-type-options", "nosniff"}},
      ""};
  response.mapped_body = std::make_shared<MappedBlob>(*std::move(mapped));
  return response;
}

void remove_expired_objects(objects::Store& store, objects::Blobs& blobs) {
  store.remove_expired([&](const objects::Object& object) {
    for (const std::string_view kind : kBlobKinds)
      if (object.kind == kind) blobs.remove(object.id);
  });
}

base::Status recover_files(objects::Store& store, objects::Blobs& blobs) {
  std::unordered_set<std::string> known;
  for (const std::string_view kind : kBlobKinds) {
    TRY(const auto rows, store.find_all(kind, {}));
    for (const objects::Object& row : rows) known.insert(row.id);
  }
  TRY_VOID(
      blobs.remove_unknown([&](std::string_view id) { return known.contains(std::string(id)); }));
  TRY(const auto uploads, store.find_all("upload", {{"status", "_completing"}}));
  for (const objects::Object& upload : uploads) {
    TRY_VOID(store.update("upload", upload.project_id, upload.id, [](json::Value& body) {
      body.set("status", "pending");
      return base::Status();
    }));
  }
  return {};
}

}  // namespace api
