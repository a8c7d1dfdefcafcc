// Chat templates: the subset of Jinja that model files carry, with white space handled as Hugging
// Face does (trim_blocks, lstrip_blocks). A template comes from a file, so it is bounded in steps,
// output and depth, and reaches nothing outside its arguments. Immutable once parsed; every thread
// may render.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"

namespace text {

struct TemplateLimits {
  size_t source_bytes_max = 1u << 20;
  size_t output_bytes_max = 64u << 20;
  int64_t steps_max = 5'000'000;  // nodes walked, elements made, and a step for each 16 bytes
                                  // handled, in one rendering
  int depth_max = 100;            // nesting of the source; macro calls
};

class ChatTemplate {
 public:
  // Code::Malformed with the line, or Code::Unimplemented for Jinja that is outside the subset.
  static base::Result<ChatTemplate> parse(std::string_view source,
                                          const TemplateLimits& limits = {});

  struct Options {
    std::string bos_token = {}, eos_token = {};
    bool add_generation_prompt = true;
    json::Value tools = {};   // null: none
    json::Object extra = {};  // further variables: sep_token, enable_thinking, ...
  };
  // messages: an array of {"role", "content", ...}. A raise_exception() in the template becomes
  // Code::InvalidArgument with reason TEMPLATE_REFUSED and the template's words.
  base::Result<std::string> render(const json::Value& messages, const Options& options) const;
  // The general form: any variables.
  base::Result<std::string> render_with(const json::Object& variables) const;

  std::string_view source() const;

  struct Program;

 private:
  explicit ChatTemplate(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

// A template for models that carry none: <|role|>\ncontent<|end|>\n, then <|assistant|>\n.
std::string_view default_chat_template();

}  // namespace text
