#include "api/chat_format.h"

#include "base/utf8.h"

namespace api {
namespace {

json::Value token_json(std::string_view raw, float logprob) {
  json::Array bytes;
  for (char c : raw) bytes.push_back(int64_t{static_cast<unsigned char>(c)});
  return json::Object{{"token", base::replace_invalid_utf8(raw)},
                      {"logprob", static_cast<double>(logprob)},
                      {"bytes", std::move(bytes)}};
}

}  // namespace

std::string_view finish_reason(gateway::Finish finish) { return gateway::finish_name(finish); }

json::Value usage_json(int64_t prompt_tokens, int64_t completion_tokens) {
  return json::Object{
      {"prompt_tokens", prompt_tokens},
      {"completion_tokens", completion_tokens},
      {"total_tokens", prompt_tokens + completion_tokens},
      {"prompt_tokens_details", json::Object{{"cached_tokens", 0}, {"audio_tokens", 0}}},
      {"completion_tokens_details", json::Object{{"reasoning_tokens", 0},
                                                 {"audio_tokens", 0},
                                                 {"accepted_prediction_tokens", 0},
                                                 {"rejected_prediction_tokens", 0}}}};
}

json::Array logprobs_json(std::span<const gateway::TokenProbability> tokens) {
  json::Array list;
  for (const gateway::TokenProbability& token : tokens) {
    json::Value entry = token_json(token.bytes, token.logprob.value_or(0));
    json::Array top;
    for (const auto& [bytes, logprob] : token.top) top.push_back(token_json(bytes, logprob));
    entry.set("top_logprobs", std::move(top));
    list.push_back(std::move(entry));
  }
  return list;
}

json::Value answer_json(const AnswerHead& head, std::span<const AnswerChoice> choices,
                        const gateway::End& end, bool logprobs) {
  json::Array list;
  for (size_t i = 0; i < choices.size(); ++i) {
    json::Value probabilities;
    if (logprobs) {
      probabilities =
          json::Object{{"content", logprobs_json(choices[i].tokens)}, {"refusal", nullptr}};
    }
    list.push_back(json::Object{{"index", static_cast<int64_t>(i)},
                                {"message", json::Object{{"role", "assistant"},
                                                         {"content", choices[i].text},
                                                         {"refusal", nullptr},
                                                         {"annotations", json::Array{}}}},
                                {"logprobs", std::move(probabilities)},
                                {"finish_reason", finish_reason(end.finishes[i])}});
  }
  return json::Object{{"id", head.id},
                      {"object", "chat.completion"},
                      {"created", head.created},
                      {"model", head.model},
                      {"choices", std::move(list)},
                      {"usage", usage_json(end.usage.prompt, end.usage.completion)},
                      {"service_tier", "default"},
                      {"system_fingerprint", head.fingerprint}};
}

ChunkWriter::ChunkWriter(const AnswerHead& head, bool include_usage, bool logprobs)
    : include_usage_(include_usage), logprobs_(logprobs) {
  prefix_ = "data: {\"id\":";
  json::append_string(&prefix_, head.id);
  prefix_ += ",\"object\":\"chat.completion.chunk\",\"created\":" + std::to_string(head.created) +
             ",\"model\":";
  json::append_string(&prefix_, head.model);
  prefix_ += ",\"system_fingerprint\":";
  json::append_string(&prefix_, head.fingerprint);
  prefix_ += ",\"choices\":[";
}

std::string ChunkWriter::chunk(int choice, std::string_view delta, std::string_view logprobs,
                               std::string_view finish) const {
  std::string out = prefix_;
  out += "{\"index\":" + std::to_string(choice) + ",\"delta\":";
  out.append(delta)
      .append(",\"logprobs\":")
      .append(logprobs)
      .append(",\"finish_reason\":")
      .append(finish);
  out += include_usage_ ? "}],\"usage\":null}\n\n" : "}]}\n\n";
  return out;
}

std::string ChunkWriter::first(int choice) const {
  return chunk(choice, R"({"role":"assistant","content":"","refusal":null})", "null", "null");
}

std::string ChunkWriter::text(const gateway::Delta& delta) const {
  std::string content = "{\"content\":";
  json::append_string(&content, delta.text);
  content += '}';
  std::string logprobs = "null";
  if (logprobs_) {
    logprobs =
        json::dump(json::Object{{"content", logprobs_json(delta.tokens)}, {"refusal", nullptr}});
  }
  return chunk(delta.choice, content, logprobs, "null");
}

std::string ChunkWriter::finish(int choice, gateway::Finish reason) const {
  return chunk(choice, "{}", "null", "\"" + std::string(finish_reason(reason)) + "\"");
}

std::string ChunkWriter::usage(const gateway::End& end) const {
  return prefix_ + "],\"usage\":" + json::dump(usage_json(end.usage.prompt, end.usage.completion)) +
         "}\n\n";
}

std::string ChunkWriter::error(const json::Value& body) {
  return "data: " + json::dump(body) + "\n\n";
}

}  // namespace api
