#include "api/batch_input.h"

#include <unordered_map>

namespace api {
namespace {

constexpr size_t kErrorsMax = 100;  // shown to the client

class Reader {
 public:
  Reader(std::string_view endpoint, BatchInput* out) : endpoint_(endpoint), out_(out) {}

  // False when there is no use in reading on.
  bool take(std::string_view text, int64_t line) {
    line_ = line;
    out_->lines.push_back(text);
    if (out_->lines.size() > kBatchLinesMax) {
      line_ = 0;
      refuse("too_many_requests",
             "The batch has more than " + std::to_string(kBatchLinesMax) + " requests; split it.");
      return false;
    }
    const auto request = json::parse(text);
    if (!request || !request->is_object()) {
      refuse("invalid_json_line", "This line is not parseable as valid JSON.");
    } else {
      check(*request);
    }
    return out_->errors.size() < kErrorsMax;
  }

 private:
  void refuse(std::string code, std::string message, std::string param = {}) {
    out_->errors.push_back({std::move(code), std::move(message), std::move(param), line_});
  }

  const std::string* text_member(const json::Value& request, const std::string& name) {
    const json::Value& value = request[name];
    if (value.is_string() && !value.as_string().empty()) return &value.as_string();
    if (value.is_null())
      refuse("missing_required_parameter", "Missing required parameter: '" + name + "'.", name);
    else
      refuse("invalid_type",
             "Invalid type for '" + name + "': expected a string that is not empty.", name);
    return nullptr;
  }

  void check(const json::Value& request) {
    if (const std::string* id = text_member(request, "custom_id"); id != nullptr) {
      if (id->size() > 512)
        refuse("invalid_value", "The custom_id is longer than 512 bytes.", "custom_id");
      if (!seen_.emplace(*id, line_).second)
        refuse("duplicate_custom_id",
               "The custom_id '" + *id +
                   "' for this request is a duplicate of another request. The custom_id parameter "
                   "must be unique for each request in a batch.",
               "custom_id");
    }
    if (const std::string* method = text_member(request, "method"); method && *method != "POST")
      refuse("invalid_method", "The HTTP method must be POST.", "method");
    if (const std::string* url = text_member(request, "url"); url && *url != endpoint_)
      refuse("invalid_url",
             "The URL provided for this request does not match the batch endpoint '" +
                 std::string(endpoint_) + "'.",
             "url");
    const json::Value& body = request["body"];
    if (body.is_null())
      refuse("missing_required_parameter", "Missing required parameter: 'body'.", "body");
    else if (!body.is_object())
      refuse("invalid_type", "Invalid type for 'body': expected an object.", "body");
    else
      check_model(body["model"]);
  }

  void check_model(const json::Value& model) {
    if (model.is_null() && endpoint_ == "/v1/moderations") return;
    if (!model.is_string()) {
      refuse("missing_required_parameter", "Missing required parameter: 'body.model'.",
             "body.model");
    } else if (out_->model.empty()) {
      out_->model = model.as_string();
    } else if (model.as_string() != out_->model) {
      refuse("mismatched_model",
             "The provided model '" + model.as_string() + "' does not match the model '" +
                 out_->model +
                 "' of the other requests. Each batch must contain requests for a single model.",
             "body.model");
    }
  }

  const std::string_view endpoint_;
  BatchInput* out_;
  int64_t line_ = 0;
  std::unordered_map<std::string, int64_t> seen_;  // custom_id → line
};

}  // namespace

BatchInput read_batch_input(std::string_view bytes, std::string_view endpoint) {
  BatchInput input;
  if (bytes.size() > kBatchBytesMax) {
    input.errors.push_back({"file_too_large", "The input file is larger than 200 MB.", {}, 0});
    return input;
  }
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  Reader reader(endpoint, &input);
  for (int64_t line = 1; !bytes.empty(); ++line) {
    std::string_view text = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), text.size() + 1));
    while (text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
    if (!text.empty() && !reader.take(text, line)) break;
  }
  if (input.lines.empty())
    input.errors.push_back({"empty_file",
                            "The input file is empty. Please ensure that the batch contains at "
                            "least one request.",
                            {},
                            0});
  return input;
}

json::Value batch_errors_json(const std::vector<BatchError>& errors) {
  json::Array data;
  for (const BatchError& error : errors) {
    data.push_back(
        json::Object{{"code", error.code},
                     {"message", error.message},
                     {"param", error.param.empty() ? json::Value() : json::Value(error.param)},
                     {"line", error.line == 0 ? json::Value() : json::Value(error.line)}});
  }
  return json::Object{{"object", "list"}, {"data", std::move(data)}};
}

}  // namespace api
