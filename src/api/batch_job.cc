#include "api/batch_job.h"

#include <algorithm>

#include "api/lists.h"
#include "api/stored_files.h"
#include "base/log.h"
#include "crypto/sha256.h"
#include "gateway/gateway.h"

namespace api {
namespace {

using base::Code;

constexpr int kAttemptsMax = 6;
constexpr int kLinesAheadMax = 64;              // more than are ever under way together
constexpr int64_t kFirstPauseNs = 500'000'000;  // doubles with each attempt
constexpr int64_t kTendEveryNs = 500'000'000;

int64_t number(const json::Value& object, std::string_view name) {
  const json::Value& value = object[name];
  return value.is_int() ? value.as_int() : 0;
}

// Usage as chat completions, completions and embeddings name it, or as responses do.
void add_usage(const json::Value& usage, int64_t totals[4]) {
  if (!usage.is_object()) return;
  const bool chat = usage.find("prompt_tokens") != nullptr;
  totals[0] += number(usage, chat ? "prompt_tokens" : "input_tokens");
  totals[1] +=
      number(usage[chat ? "prompt_tokens_details" : "input_tokens_details"], "cached_tokens");
  totals[2] += number(usage, chat ? "completion_tokens" : "output_tokens");
  totals[3] += number(usage[chat ? "completion_tokens_details" : "output_tokens_details"],
                      "reasoning_tokens");
}

// Worth another attempt later: too many requests, or a server that is busy or stopping. An empty
// purse is not.
bool passes(const InternalResponse& response) {
  if (response.status == 503 || response.status == 0) return true;
  if (response.status != 429) return false;
  const auto body = json::parse(response.body);
  return !body || (*body)["error"]["code"] != json::Value("insufficient_quota");
}

}  // namespace

BatchJob::BatchJob(App& app, std::string directory, objects::Object batch, Finish finish)
    : app_(app),
      results_path_(files::join(directory, batch.id + ".jsonl")),
      batch_(std::move(batch)),
      finish_(std::move(finish)) {}

base::Status BatchJob::open() {
  const std::string& file_id = batch_.body["input_file_id"].as_string();
  auto mapped = app_.blobs.map(file_id);
  if (!mapped) {
    input_.errors.push_back({"file_not_found", "The input file is not there any more.", {}, 0});
    return fail_validation(input_);
  }
  mapped_ = *std::move(mapped);
  input_ = read_batch_input(base::as_text(mapped_->bytes()), batch_.body["endpoint"].as_string());
  const bool validating = batch_.body["status"] == json::Value("validating");
  if (validating && input_.errors.empty() && !input_.model.empty()) {
    const auto caller = app_.identity.caller_of_key(batch_.body["_key_id"].as_string());
    if (!caller || !app_.gateway.find_model(*caller, input_.model))
      input_.errors.push_back(
          {"model_not_found",
           "The provided model '" + input_.model + "' is not supported by the Batch API.",
           "body.model", 1});
  }
  if (!input_.errors.empty()) return fail_validation(input_);
  lines_.resize(input_.lines.size());
  TRY_VOID(load_results());
  starts_ = number(batch_.body, "_starts");
  json::Object started{{"_starts", starts_ + 1}, {"request_counts", counts_json()}};
  if (validating) {
    started.emplace_back("in_progress_at", app_.clock.now().seconds());
    if (!input_.model.empty()) started.emplace_back("model", input_.model);
  }
  cancelled_ = batch_.body["status"] == json::Value("cancelling");
  TRY_VOID(set_status(validating ? "in_progress" : batch_.body["status"].as_string(),
                      std::move(started)));
  open_ = true;
  return {};
}

base::Status BatchJob::fail_validation(const BatchInput& input) {
  over_ = true;
  return set_status("failed", {{"failed_at", app_.clock.now().seconds()},
                               {"errors", batch_errors_json(input.errors)}});
}

// Results that an earlier process wrote. Its last line may be torn: it does not count.
base::Status BatchJob::load_results() {
  size_t whole = 0, last_done = 0;
  if (files::exists(results_path_)) {
    TRY(const auto mapped, files::MappedFile::open(results_path_));
    const std::string_view bytes = base::as_text(mapped->bytes());
    while (whole < bytes.size()) {
      const size_t end = bytes.find('\n', whole);
      if (end == std::string_view::npos) break;
      const auto result = json::parse(bytes.substr(whole, end - whole));
      if (!result) break;
      const auto line = static_cast<size_t>(number(*result, "line"));
      if (line < lines_.size() && !lines_[line].done) {
        lines_[line].done = true;
        last_done = std::max(last_done, line);
        count((*result)["failed"] == json::Value(true), (*result)["usage"]);
      }
      whole = end + 1;
    }
  }
  TRY(files::AppendFile file, files::AppendFile::open(results_path_, 0600));
  if (file.size() > whole) TRY_VOID(file.truncate(whole));
  results_.emplace(std::move(file));
  starts_ = number(batch_.body, "_starts");
  if (starts_ > 0) give_back_lost(last_done);
  return {};
}

// Lines start in their order, so those whose answer was lost stand before or shortly behind the
// last one that is done.
void BatchJob::give_back_lost(size_t last_done) {
  const size_t end = std::min(lines_.size(), last_done + kLinesAheadMax);
  for (size_t line = 0; line < end; ++line) {
    if (lines_[line].done) continue;
    for (int64_t start = 0; start < starts_; ++start) {
      for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const auto given =
            app_.ledger.refund(request_id(line, start, attempt), "the batch's line runs again");
        if (!given && given.error().code != Code::NotFound)
          base::log(base::Level::Warn, "a lost line of a batch is not given back",
                    {{"batch", batch_.id}, {"error", given.error().text()}});
      }
    }
  }
}

// 24 hexadecimal digits that follow from the batch and the line, and from nothing else.
std::string BatchJob::public_id(size_t line) const {
  const auto digest = crypto::sha256(batch_.id + "/" + std::to_string(line));
  return "batch_req_" + crypto::hex(digest).substr(0, 24);
}

std::string BatchJob::request_id(size_t line, int64_t start, int attempt) const {
  std::string id = public_id(line);
  if (start > 0 || attempt > 0) id += "-" + std::to_string(start) + "-" + std::to_string(attempt);
  return id;
}

bool BatchJob::start_line() {
  if (!running() || cancelled_) return false;
  const int64_t now_ns = base::monotonic_ns();
  size_t line = lines_.size();
  const auto ready = std::ranges::find_if(
      again_, [&](size_t waiting) { return lines_[waiting].not_before_ns <= now_ns; });
  if (ready != again_.end()) {
    line = *ready;
    again_.erase(ready);
  } else {
    while (next_ < lines_.size() && lines_[next_].done) ++next_;
    if (next_ == lines_.size()) return false;
    line = next_++;
  }
  const auto request = json::parse(input_.lines[line]);
  const auto caller = app_.identity.caller_of_key(batch_.body["_key_id"].as_string());
  if (!caller || (*request)["body"]["stream"] == json::Value(true)) {
    const net::Response refused =
        error_response(caller ? ApiError{400,
                                         "invalid_request_error",
                                         "unsupported_parameter",
                                         "stream",
                                         "Streaming is not supported in a batch.",
                                         {}}
                              : to_api_error(caller.error()));
    calls_[line] = nullptr;
    finish_line(line, {refused.status, refused.body});
    return true;
  }
  // Entered first: the answer may come before the call returns.
  calls_[line] = nullptr;
  auto call = run_internal_call(
      app_, *caller,
      {.path = batch_.body["endpoint"].as_string(),
       .body = json::dump((*request)["body"]),
       .request_id = request_id(line, starts_, lines_[line].attempts),
       .batch = true},
      [finish = finish_, line](InternalResponse response) { finish(line, std::move(response)); });
  calls_[line] = std::move(call);
  return true;
}

void BatchJob::finish_line(size_t line, const InternalResponse& response) {
  if (calls_.erase(line) == 0 || over_) return;
  Line& state = lines_[line];
  if (passes(response) && app_.gateway.draining()) return;  // the next start takes it up
  if (passes(response) && state.attempts + 1 < kAttemptsMax && !cancelled_) {
    // What it cost nevertheless, cut off in the middle, is given back.
    [[maybe_unused]] const auto given = app_.ledger.refund(
        request_id(line, starts_, state.attempts), "the batch's line runs again");
    state.not_before_ns = base::monotonic_ns() + (kFirstPauseNs << state.attempts);
    ++state.attempts;
    again_.push_back(line);
    return;
  }
  if (const auto recorded = record_response(line, response); !recorded)
    base::log(base::Level::Error, "a batch's result is not on disk",
              {{"batch", batch_.id}, {"error", recorded.error().text()}});
}

std::string BatchJob::custom_id(size_t line) const {
  return (*json::parse(input_.lines[line]))["custom_id"].as_string();
}

base::Status BatchJob::record_response(size_t line, const InternalResponse& response) {
  auto body = json::parse(response.body);
  json::Value usage = body && body->is_object() ? (*body)["usage"] : json::Value();
  const json::Value output = json::Object{
      {"id", public_id(line)},
      {"custom_id", custom_id(line)},
      {"response", json::Object{{"status_code", response.status},
                                {"request_id", request_id(line, starts_, lines_[line].attempts)},
                                {"body", body ? *std::move(body) : json::Value(response.body)}}},
      {"error", nullptr}};
  return record(line, response.status >= 400, output, usage);
}

base::Status BatchJob::record_unrun(size_t line) {
  const json::Value output = json::Object{
      {"id", public_id(line)},
      {"custom_id", custom_id(line)},
      {"response", nullptr},
      {"error", json::Object{{"code", "batch_expired"},
                             {"message",
                              "This request could not be executed before the completion window "
                              "expired."}}}};
  return record(line, true, output, nullptr);
}

base::Status BatchJob::record(size_t line, bool failed, const json::Value& output,
                              const json::Value& usage) {
  const json::Value result = json::Object{{"line", static_cast<int64_t>(line)},
                                          {"failed", failed},
                                          {"usage", usage},
                                          {"output", output}};
  TRY_VOID(results_->append(json::dump(result) + "\n"));
  lines_[line].done = true;
  count(failed, usage);
  return {};
}

void BatchJob::count(bool failed, const json::Value& usage) {
  (failed ? failed_ : completed_) += 1;
  add_usage(usage, usage_);
}

json::Value BatchJob::counts_json() const {
  return json::Object{{"total", static_cast<int64_t>(lines_.size())},
                      {"completed", completed_},
                      {"failed", failed_}};
}

void BatchJob::cancel() {
  cancelled_ = true;
  again_.clear();
  for (const auto& [line, call] : calls_)
    if (call) call->cancel();
  calls_.clear();
}

base::Status BatchJob::tend() {
  if (!running()) return {};
  const int64_t counted = completed_ + failed_;
  const bool done = counted == static_cast<int64_t>(lines_.size());
  if (cancelled_ || done) return finalize(cancelled_ ? "cancelled" : "completed");
  if (batch_.body["expires_at"].as_int() <= app_.clock.now().seconds()) {
    cancel();
    for (size_t line = 0; line < lines_.size(); ++line)
      if (!lines_[line].done) TRY_VOID(record_unrun(line));
    return finalize("expired");
  }
  const int64_t now_ns = base::monotonic_ns();
  if (counted == counts_written_ || now_ns - tended_ns_ < kTendEveryNs) return {};
  tended_ns_ = now_ns;
  counts_written_ = counted;
  TRY_VOID(results_->sync());
  return set_status(batch_.body["status"].as_string(), {{"request_counts", counts_json()}});
}

base::Status BatchJob::finalize(std::string_view status) {
  TRY_VOID(results_->sync());
  const int64_t now = app_.clock.now().seconds();
  // The files' ids are written down first: a restart makes the same files, or finds them.
  const auto id = [&](std::string_view name) -> json::Value {
    const json::Value& known = batch_.body[name];
    return known.is_string() ? known : json::Value(new_file_id());
  };
  json::Object ids{{"_output_id", id("_output_id")}, {"_error_id", id("_error_id")}};
  if (status == "completed") ids.emplace_back("finalizing_at", now);
  TRY_VOID(set_status(status == "completed" ? "finalizing" : batch_.body["status"].as_string(),
                      std::move(ids)));
  TRY_VOID(write_files());
  const json::Value usage =
      json::Object{{"input_tokens", usage_[0]},
                   {"input_tokens_details", json::Object{{"cached_tokens", usage_[1]}}},
                   {"output_tokens", usage_[2]},
                   {"output_tokens_details", json::Object{{"reasoning_tokens", usage_[3]}}},
                   {"total_tokens", usage_[0] + usage_[2]}};
  TRY_VOID(set_status(status, {{std::string(status) + "_at", app_.clock.now().seconds()},
                               {"output_file_id", batch_.body["output_file_id"]},
                               {"error_file_id", batch_.body["error_file_id"]},
                               {"request_counts", counts_json()},
                               {"usage", usage}}));
  over_ = true;
  results_.reset();
  return files::remove_file(results_path_);
}

// The results, told apart: each file exists only if it has lines.
base::Status BatchJob::write_files() {
  TRY(const auto results, files::MappedFile::open(results_path_));
  const std::string_view all = base::as_text(results->bytes());
  const json::Value& expiry = batch_.body["_output_expires_after"];
  for (const bool failed : {false, true}) {
    if ((failed ? failed_ : completed_) == 0) continue;
    const std::string id = batch_.body[failed ? "_error_id" : "_output_id"].as_string();
    if (!app_.objects.get("file", batch_.project_id, id)) {
      TRY(objects::BlobWriter writer, app_.blobs.create(id));
      for (std::string_view rest = all; !rest.empty();) {
        const std::string_view text = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), text.size() + 1));
        TRY(const json::Value result, json::parse(text));
        if (result["failed"].as_bool() == failed)
          TRY_VOID(writer.append(json::dump(result["output"]) + "\n"));
      }
      TRY_VOID(writer.commit());
      NewFile made{.project_id = batch_.project_id,
                   .purpose = "batch_output",
                   .filename = batch_.id + (failed ? "_error.jsonl" : "_output.jsonl")};
      if (expiry.is_object()) made.expires_after_seconds = number(expiry, "seconds");
      TRY_VOID(record_file(app_, made, id));
    }
    batch_.body.set(failed ? "error_file_id" : "output_file_id", id);
  }
  return {};
}

// A cancellation that came meanwhile keeps its status until the batch is cancelled.
base::Status BatchJob::set_status(std::string_view status, json::Object more) {
  TRY(objects::Object changed,
      app_.objects.update("batch", batch_.project_id, batch_.id,
                          [&](json::Value& body) -> base::Status {
                            const bool cancelling = body["status"] == json::Value("cancelling");
                            const bool moving = status == "in_progress" || status == "validating";
                            if (!(cancelling && moving)) body.set("status", status);
                            for (const auto& [name, value] : more) body.set(name, value);
                            return {};
                          }));
  batch_.body = std::move(changed.body);
  return {};
}

}  // namespace api
