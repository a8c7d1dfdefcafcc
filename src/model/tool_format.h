// How a local model is shown tools and how it calls them: the way its chat template says, or
// Hermes' (Qwen's) way for templates that know nothing of tools. From the same place comes the
// grammar that holds it to that form and the parser that reads it back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "model/model.h"
#include "text/grammar.h"
#include "text/grammar_cache.h"

namespace model {

// A function that the model may call.
struct Tool {
  std::string name = {};
  std::string description = {};
  json::Value parameters = {};  // JSON Schema; null: any object
  bool strict = false;          // arguments always fit the schema
};

enum class ToolChoice : uint8_t { None, Auto, Required, Named };

struct OutputFormat {
  enum class Kind : uint8_t { Text, JsonObject, JsonSchema };
  Kind kind = Kind::Text;
  std::string name = {};  // of the schema, for errors
  json::Value schema = {};
  bool strict = false;
};

// What an answer may be.
struct AnswerForm {
  std::vector<Tool> tools = {};
  ToolChoice choice = ToolChoice::Auto;
  std::string tool_name = {};  // of ToolChoice::Named
  bool parallel_tool_calls = true;
  OutputFormat format = {};  // of text that is no call
};

// Reads what a model writes, piece by piece. Shows no part of the envelope around calls and never
// cuts a character: what it is given does not either.
class ToolCallParser {
 public:
  struct Delta {
    std::string content = {};  // of the answer's text, or
    int call = -1;             // which call, from 0, and then
    std::string name = {};     // in the first delta of a call
    std::string arguments = {};
  };
  std::vector<Delta> push(std::string_view text);
  // What was held back, once no text will follow.
  std::vector<Delta> finish();
  int calls() const;  // begun so far

  struct State;
  explicit ToolCallParser(std::unique_ptr<State> state);
  ~ToolCallParser();
  ToolCallParser(ToolCallParser&&) noexcept;
  ToolCallParser& operator=(ToolCallParser&&) noexcept;

 private:
  std::unique_ptr<State> state_;
};

class ToolFormat {
 public:
  enum class Kind : uint8_t {
    Hermes,        // <tool_call>\n{"name": …, "arguments": …}\n</tool_call>
    LlamaJson,     // {"name": …, "parameters": …}, the whole answer
    MistralCalls,  // [TOOL_CALLS][{"name": …, "arguments": …}, …]
  };
  explicit ToolFormat(std::shared_ptr<const Model> model);
  ~ToolFormat();
  Kind kind() const { return kind_; }

  // Messages as chat completions have them ({"role", "content", "tool_calls"?, "tool_call_id"?,
  // "name"?}), and the tools unless the choice is None, as the text for encode_chat() (prompt.h).
  // With ToolChoice::Named the text ends where the arguments begin.
  base::Result<std::string> render(const json::Value& messages, const AnswerForm& form) const;

  // Null when anything may be written. Errors: InvalidArgument in OpenAI's words ("Invalid schema
  // for function 'NAME': …"), where: the request's parameter ("tools[0].function.parameters",
  // "response_format"), reason "invalid_function_parameters" or "invalid_json_schema".
  base::Result<std::shared_ptr<const text::Grammar>> grammar(const AnswerForm& form) const;

  // Control tokens that the parser has to see (engine::Request::spelled_tokens).
  const std::vector<int32_t>& spelled_tokens() const { return spelled_tokens_; }
  ToolCallParser parser(const AnswerForm& form) const;

 private:
  base::Result<std::string> render_as(const json::Array& messages, const AnswerForm& form,
                                      const struct TemplateTools& knows) const;

  std::shared_ptr<const Model> model_;
  Kind kind_ = Kind::Hermes;
  std::vector<int32_t> spelled_tokens_;
  std::unique_ptr<text::GrammarCache> grammars_;
};

}  // namespace model
