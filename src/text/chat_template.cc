#include "text/chat_template.h"

#include <utility>

#include "text/template_interpreter.h"
#include "text/template_parser.h"

namespace text {

struct ChatTemplate::Program {
  std::string source;
  TemplateLimits limits;
  jinja::Body body;
};

base::Result<ChatTemplate> ChatTemplate::parse(std::string_view source,
                                               const TemplateLimits& limits) {
  if (source.size() > limits.source_bytes_max)
    return base::fail(
        base::Code::TooLarge,
        "the chat template is longer than " + std::to_string(limits.source_bytes_max) + " bytes",
        "chat_template");
  auto body = jinja::parse_template(source, limits.depth_max);
  if (!body) {
    body.error().where = "chat_template";
    return std::unexpected(std::move(body).error());
  }
  return ChatTemplate(
      std::make_shared<const Program>(Program{std::string(source), limits, *std::move(body)}));
}

base::Result<std::string> ChatTemplate::render(const json::Value& messages,
                                               const Options& options) const {
  json::Object variables = options.extra;
  variables.emplace_back("messages", messages);
  variables.emplace_back("bos_token", options.bos_token);
  variables.emplace_back("eos_token", options.eos_token);
  variables.emplace_back("add_generation_prompt", options.add_generation_prompt);
  // Hugging Face passes none for what is absent, and templates ask "is not none".
  variables.emplace_back("tools", options.tools);
  variables.emplace_back("documents", json::Value());
  return render_with(variables);
}

base::Result<std::string> ChatTemplate::render_with(const json::Object& variables) const {
  jinja::Variables converted;
  for (const auto& [name, value] : variables) {
    TRY(jinja::Value item, jinja::from_json(value));
    converted.emplace_back(name, std::move(item));
  }
  return jinja::Interpreter(program_->limits, std::move(converted)).run(program_->body);
}

std::string_view ChatTemplate::source() const { return program_->source; }

std::string_view default_chat_template() {
  return "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] "
         "}}<|end|>\n{% endfor %}"
         "{% if add_generation_prompt %}<|assistant|>\n{% endif %}";
}

}  // namespace text
