// POST /v1/embeddings.
#include <charconv>

#include "api/answer.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "base/bytes.h"
#include "gateway/gateway.h"

namespace api {
namespace {

using Input = std::variant<std::string, std::vector<int32_t>>;

constexpr std::string_view kFormats[] = {"float", "base64"};
constexpr Field kFields[] = {
    {.name = "model",
     .kinds = kString,
     .required = true,
     .missing = "you must provide a model parameter"},
    {.name = "input",
     .kinds = kString | kArray,
     .required = true,
     .min = 1,
     .elements = kString | kInteger | kArray,
     .summary = "a text, its tokens, or a list of at most 2048 of either"},
    {.name = "encoding_format", .kinds = kString, .values = kFormats},
    {.name = "dimensions", .kinds = kInteger, .min = 1, .max = 1 << 20},
    {.name = "user", .kinds = kString},
};
constexpr Schema kEmbeddingSchema{"CreateEmbeddingRequest", kFields};
constexpr size_t kInputsMax = 2048;

std::unexpected<base::Error> empty(const std::string& path, std::string_view what) {
  const std::string kind(what), with_article = (what == "array" ? "an " : "a ") + kind;
  return refuse_parameter("empty_" + kind, path,
                          "Invalid '" + path + "': empty " + kind + ". Expected " + with_article +
                              " with minimum length 1, but got an empty " + kind + " instead.");
}

base::Result<Input> read_tokens(const json::Array& list, const std::string& path) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (!list[i].is_int()) return wrong_type(at, "an integer", list[i]);
    TRY_VOID(check_range(list[i], true, 0, INT32_MAX, at));
    tokens.push_back(static_cast<int32_t>(list[i].as_int()));
  }
  if (tokens.empty()) return empty(path, "array");
  return tokens;
}

base::Result<Input> read_input(const json::Value& value, const std::string& path) {
  if (value.is_array()) return read_tokens(value.as_array(), path);
  if (value.as_string().empty()) return empty(path, "string");
  return value.as_string();
}

base::Result<std::vector<Input>> read_inputs(const json::Value& input) {
  std::vector<Input> inputs;
  const bool one = input.is_string() || input.as_array()[0].is_int();
  if (one) {
    TRY(Input value, read_input(input, "input"));
    inputs.push_back(std::move(value));
    return inputs;
  }
  const json::Array& list = input.as_array();
  if (list.size() > kInputsMax) {
    return refuse_parameter("array_above_max_length", "input",
                            "Invalid 'input': array too long. Expected an array with maximum "
                            "length 2048, but got an array with length " +
                                std::to_string(list.size()) + " instead.");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string path = "input[" + std::to_string(i) + "]";
    if (list[i].is_int() || list[i].is_string() != list[0].is_string())
      return wrong_type(path, list[0].is_string() ? "a string" : "an array of integers", list[i]);
    TRY(Input value, read_input(list[i], path));
    inputs.push_back(std::move(value));
  }
  return inputs;
}

// Little-endian float32, as both official clients ask for it.
void append_base64(std::string* out, const std::vector<float>& vector) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(vector.data());
  json::append_string(out, base::base64({bytes, vector.size() * sizeof(float)}));
}

void append_floats(std::string* out, const std::vector<float>& vector) {
  char text[32];
  out->push_back('[');
  for (size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) out->push_back(',');
    const auto [end, error] = std::to_chars(text, text + sizeof text, vector[i]);
    out->append(text, end);
  }
  out->push_back(']');
}

std::string embeddings_answer(const gateway::Embeddings& embeddings, bool base64) {
  std::string out = "{\"object\":\"list\",\"data\":[";
  for (size_t i = 0; i < embeddings.vectors.size(); ++i) {
    out += i > 0 ? "," : "";
    out += "{\"object\":\"embedding\",\"index\":" + std::to_string(i) + ",\"embedding\":";
    if (base64)
      append_base64(&out, embeddings.vectors[i]);
    else
      append_floats(&out, embeddings.vectors[i]);
    out += '}';
  }
  const std::string tokens = std::to_string(embeddings.usage.prompt);
  out += "],";
  append_member(&out, "model", embeddings.answerer.model);
  return out + ",\"usage\":{\"prompt_tokens\":" + tokens + ",\"total_tokens\":" + tokens + "}}";
}

void create_embeddings(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  auto inputs = read_inputs((*body)["input"]);
  if (!inputs) return call.fail(inputs.error());
  gateway::EmbeddingRequest request;
  request.request_id = call.request_id;
  request.model = (*body)["model"].as_string();
  request.inputs = *std::move(inputs);
  if (const json::Value* dimensions = find_parameter(*body, "dimensions"))
    request.dimensions = dimensions->as_int();
  request.traceparent = call.request().header("traceparent");
  request.batch = call.batch;
  request.received_ns = call.request().received_ns;
  const bool base64 = (*body)["encoding_format"] == json::Value("base64");
  const auto admission = std::make_shared<gateway::Admission>();
  auto done = [call, base64, admission](const base::Result<gateway::Embeddings>& embeddings) {
    std::vector<net::Header> headers = headers_of(*admission);
    if (!embeddings) {
      base::Error error = embeddings.error();
      if (error.where == "messages") error.where = "input";
      return call.fail(error, headers);
    }
    headers.push_back({"content-type", "application/json"});
    call.respond({200, std::move(headers), embeddings_answer(*embeddings, base64)});
  };
  call.app->gateway.embed(call.caller, std::move(request), std::move(done), admission.get());
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/embeddings",
     .auth = Auth::Key,
     .scope = "model.request",
     .body_bytes_max = 32u << 20,
     .body = &kEmbeddingSchema,
     .handle = create_embeddings,
     .summary = "vectors of texts"},
};

}  // namespace

std::span<const Route> embedding_routes() { return kRoutes; }

}  // namespace api
