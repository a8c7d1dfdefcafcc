#include "api/answer.h"

#include "api/generation_request.h"
#include "gateway/gateway.h"
#include "gateway/limits.h"

namespace api {

void AnswerChoice::add(const gateway::Delta& delta) {
  text += delta.text;
  reasoning += delta.reasoning;
  refusal += delta.refusal;
  for (const gateway::ToolCallDelta& piece : delta.tool_calls) {
    const auto index = static_cast<size_t>(piece.index);
    if (index >= calls.size()) calls.resize(index + 1);
    if (!piece.id.empty()) calls[index].id = piece.id;
    if (!piece.name.empty()) calls[index].name = piece.name;
    calls[index].arguments += piece.arguments;
  }
  tokens.insert(tokens.end(), delta.tokens.begin(), delta.tokens.end());
  if (delta.finish) finish = delta.finish;
}

std::optional<base::Error> failure_of(const gateway::End& end) {
  if (end.error) return end.error;
  for (const gateway::Finish finish : end.finishes) {
    if (finish == gateway::Finish::Cancelled || finish == gateway::Finish::Error) {
      return base::Error{
          base::Code::Unavailable, "the answer was cut off", "server_is_draining", {}, {}};
    }
  }
  return {};
}

std::vector<net::Header> headers_of(const gateway::Admission& admission,
                                    std::optional<base::Duration> retry_after) {
  std::vector<net::Header> headers;
  for (const auto& [name, value] : admission.headers) {
    if (!retry_after || !name.starts_with("retry-after")) headers.push_back({name, value});
  }
  if (!retry_after) return headers;
  headers.push_back({"retry-after", gateway::retry_after_seconds(*retry_after)});
  headers.push_back({"retry-after-ms", gateway::retry_after_ms(*retry_after)});
  return headers;
}

void AnswerSink::respond_json(std::string body) const {
  std::vector<net::Header> headers = headers_of(admission_);
  headers.push_back({"content-type", "application/json"});
  call_.respond({200, std::move(headers), std::move(body)});
}

void answer(gateway::Generation generation, std::shared_ptr<AnswerSink> sink) {
  const Call call = sink->call_;
  identify(call, &generation);
  gateway::Admission* admission = &sink->admission_;
  const auto run = call.app->gateway.generate(call.caller, std::move(generation), sink, admission);
  if (!run) return sink->fail(run.error());
  call.exchange->on_close([weak = std::weak_ptr(*run)] {
    if (const auto strong = weak.lock()) strong->leave();
  });
}

void append_member(std::string* out, std::string_view name, std::string_view text) {
  out->push_back('"');
  out->append(name).append("\":");
  json::append_string(out, text);
}

}  // namespace api
