#include "api/vector_store_json.h"

#include "api/background.h"
#include "api/lists.h"
#include "api/parameter.h"
#include "base/utf8.h"

namespace api {
namespace {

constexpr size_t kAttributesMax = 16, kKeyMax = 64, kTextMax = 512;
constexpr int64_t kDaySeconds = 24 * 3600;
constexpr std::string_view kStatuses[] = {"in_progress", "completed", "failed", "cancelled"};

json::Value static_rule(int64_t units_max, int64_t overlap) {
  return json::Object{{"type", "static"},
                      {"static", json::Object{{"max_chunk_size_tokens", units_max},
                                              {"chunk_overlap_tokens", overlap}}}};
}

// How many of the store's files (of a batch, if one is named) have each status.
json::Value file_counts(const App& app, const objects::Object& of, const std::string& store_id,
                        int64_t* used_bytes) {
  int64_t counts[std::size(kStatuses)] = {}, total = 0;
  objects::Query query{.kind = "vector_store.file",
                       .project_id = of.project_id,
                       .parent_id = store_id,
                       .limit = 10'000};
  if (of.kind == "vector_store.files_batch") query.equal = {{"_batch_id", of.id}};
  const auto files = app.objects.list(query);
  if (files) {
    for (const objects::Object& file : files->data) {
      for (size_t i = 0; i < std::size(kStatuses); ++i)
        if (file.body["status"] == json::Value(kStatuses[i])) ++counts[i];
      *used_bytes += file.body["usage_bytes"].as_int();
      ++total;
    }
  }
  json::Value out = json::Object{};
  for (size_t i = 0; i < std::size(kStatuses); ++i) out.set(std::string(kStatuses[i]), counts[i]);
  out.set("total", total);
  return out;
}

}  // namespace

base::Result<json::Value> read_chunking(const json::Value& body, const std::string& path) {
  const json::Value* given = find_parameter(body, "chunking_strategy");
  if (given == nullptr) return static_rule(800, 400);
  if (!given->is_object()) return wrong_type(path, "an object", *given);
  const json::Value& type = (*given)["type"];
  if (type.is_null()) return missing(path + ".type");
  if (type == json::Value("auto")) return static_rule(800, 400);
  if (type != json::Value("static"))
    return refuse_parameter(
        "invalid_value", path + ".type",
        "Invalid value for '" + path + ".type'. Supported values are: 'auto' and 'static'.");
  const json::Value& rule = (*given)["static"];
  if (rule.is_null()) return missing(path + ".static");
  const std::string inner = path + ".static.";
  int64_t values[2] = {};
  const std::pair<std::string, std::pair<double, double>> kBounds[] = {
      {"max_chunk_size_tokens", {100, 4096}}, {"chunk_overlap_tokens", {0, 2048}}};
  for (size_t i = 0; i < 2; ++i) {
    const auto& [name, bounds] = kBounds[i];
    const json::Value& value = rule[name];
    if (value.is_null()) return missing(inner + name);
    if (!value.is_int()) return wrong_type(inner + name, "an integer", value);
    TRY_VOID(check_range(value, true, bounds.first, bounds.second, inner + name));
    values[i] = value.as_int();
  }
  if (2 * values[1] > values[0])
    return refuse_parameter("invalid_value", inner + "chunk_overlap_tokens",
                            "Invalid '" + inner +
                                "chunk_overlap_tokens': it must not exceed half of "
                                "'max_chunk_size_tokens'.");
  return static_rule(values[0], values[1]);
}

base::Result<json::Value> read_attributes(const json::Value& body, const std::string& path) {
  const json::Value* given = find_parameter(body, "attributes");
  if (given == nullptr) return json::Value(json::Object{});
  if (!given->is_object()) return wrong_type(path, "an object", *given);
  if (given->as_object().size() > kAttributesMax)
    return refuse_parameter("object_above_max_properties", path,
                            "Invalid '" + path + "': at most 16 attributes are kept.");
  for (const auto& [name, value] : given->as_object()) {
    const std::string member = path + "." + name.substr(0, kKeyMax);
    if (!value.is_string() && !value.is_number() && !value.is_bool())
      return wrong_type(member, "one of a string, number or boolean", value);
    if (base::count_characters(name) > kKeyMax ||
        (value.is_string() && base::count_characters(value.as_string()) > kTextMax))
      return refuse_parameter(
          "string_above_max_length", member,
          "Invalid '" + member + "': keys have at most 64 characters and values at most 512.");
  }
  return *given;
}

base::Result<std::vector<objects::Object>> attach_files(const Call& call,
                                                        const objects::Object& store,
                                                        const std::vector<Attachment>& files,
                                                        const std::string& batch_id) {
  const App& app = *call.app;
  std::vector<objects::Object> rows;
  for (const Attachment& one : files) {
    TRY(const objects::Object file, find_object(call, "file", one.file_id));
    objects::Object row{.kind = "vector_store.file",
                        .id = vector_file_key(store.id, file.id),
                        .project_id = store.project_id,
                        .parent_id = store.id,
                        .created = app.clock.now()};
    row.body = json::Object{{"id", file.id},
                            {"object", "vector_store.file"},
                            {"created_at", row.created.seconds()},
                            {"vector_store_id", store.id},
                            {"status", "in_progress"},
                            {"last_error", nullptr},
                            {"usage_bytes", 0},
                            {"chunking_strategy", one.chunking},
                            {"attributes", one.attributes},
                            {"_filename", file.body["filename"]},
                            {"_batch_id", batch_id}};
    bool again = false;
    for (objects::Object& other : rows) {
      if (other.id != row.id) continue;
      other = row;
      again = true;
    }
    if (!again) rows.push_back(std::move(row));
  }
  for (const objects::Object& row : rows) {
    const auto removed = app.objects.remove(row.kind, row.project_id, row.id);
    if (!removed && removed.error().code != base::Code::NotFound)
      return std::unexpected(removed.error());
  }
  TRY_VOID(app.objects.insert(rows));
  for (const objects::Object& row : rows) app.background->vectors.add(row);
  return rows;
}

json::Value vector_store_json(const App& app, const objects::Object& store) {
  int64_t used_bytes = 0;
  json::Value counts = file_counts(app, store, store.id, &used_bytes);
  json::Value out = shown(store);
  const bool working = counts["in_progress"].as_int() > 0;
  out.set("status", working ? "in_progress" : "completed");
  out.set("usage_bytes", used_bytes);
  out.set("file_counts", std::move(counts));
  const json::Value& rule = store.body["expires_after"];
  if (rule.is_object()) {
    const int64_t expires =
        store.body["last_active_at"].as_int() + rule["days"].as_int() * kDaySeconds;
    out.set("expires_at", expires);
    if (expires <= app.clock.now().seconds()) out.set("status", "expired");
  }
  return out;
}

json::Value vector_file_json(const objects::Object& file) { return shown(file); }

json::Value file_batch_json(const App& app, const objects::Object& batch) {
  int64_t used_bytes = 0;
  json::Value counts = file_counts(app, batch, batch.parent_id, &used_bytes);
  json::Value out = shown(batch);
  if (out["status"] != json::Value("cancelled"))
    out.set("status", counts["in_progress"].as_int() > 0 ? "in_progress" : "completed");
  out.set("file_counts", std::move(counts));
  return out;
}

void respond_polled(const Call& call, const json::Value& body) {
  net::Response response = json_response(200, body);
  response.headers.push_back({"openai-poll-after-ms", "100"});
  call.respond(std::move(response));
}

}  // namespace api
