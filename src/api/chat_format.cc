#include "api/chat_format.h"

#include "base/utf8.h"

namespace api {
namespace {

json::Value token_json(int32_t id, float logprob, const text::Tokenizer& tokenizer) {
  const std::string_view raw = tokenizer.token_bytes(id);
  json::Array bytes;
  for (char c : raw) bytes.push_back(int64_t{static_cast<unsigned char>(c)});
  return json::Object{{"token", base::replace_invalid_utf8(raw)},
                      {"logprob", static_cast<double>(logprob)},
                      {"bytes", std::move(bytes)}};
}

}  // namespace

std::string_view finish_reason(engine::Finish finish) {
  return finish == engine::Finish::Length ? "length" : "stop";
}

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

json::Array logprobs_json(std::span<const engine::TokenLogprob> logprobs,
                          const text::Tokenizer& tokenizer) {
  json::Array list;
  for (const engine::TokenLogprob& token : logprobs) {
    json::Value entry = token_json(token.id, token.logprob, tokenizer);
    json::Array top;
    for (const auto& [id, logprob] : token.top) top.push_back(token_json(id, logprob, tokenizer));
    entry.set("top_logprobs", std::move(top));
    list.push_back(std::move(entry));
  }
  return list;
}

json::Value answer_json(const AnswerHead& head, std::span<const AnswerChoice> choices,
                        const gateway::ChatEnd& end, bool logprobs,
                        const text::Tokenizer& tokenizer) {
  json::Array list;
  for (size_t i = 0; i < choices.size(); ++i) {
    json::Value probabilities;
    if (logprobs) {
      probabilities = json::Object{{"content", logprobs_json(choices[i].logprobs, tokenizer)},
                                   {"refusal", nullptr}};
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
                      {"usage", usage_json(end.prompt_tokens, end.completion_tokens)},
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

std::string ChunkWriter::text(int choice, const engine::Event& event,
                              const text::Tokenizer& tokenizer) const {
  std::string delta = "{\"content\":";
  json::append_string(&delta, event.text);
  delta += '}';
  std::string logprobs = "null";
  if (logprobs_) {
    logprobs = json::dump(
        json::Object{{"content", logprobs_json(event.logprobs, tokenizer)}, {"refusal", nullptr}});
  }
  return chunk(choice, delta, logprobs, "null");
}

std::string ChunkWriter::finish(int choice, engine::Finish reason) const {
  return chunk(choice, "{}", "null", "\"" + std::string(finish_reason(reason)) + "\"");
}

std::string ChunkWriter::usage(const gateway::ChatEnd& end) const {
  return prefix_ +
         "],\"usage\":" + json::dump(usage_json(end.prompt_tokens, end.completion_tokens)) +
         "}\n\n";
}

std::string ChunkWriter::error(const json::Value& body) {
  return "data: " + json::dump(body) + "\n\n";
}

}  // namespace api
