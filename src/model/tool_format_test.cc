#include "model/tool_format.h"

#include <gtest/gtest.h>

#include "files/files.h"
#include "model/prompt.h"
#include "model/save.h"
#include "model/testing_tiny.h"

namespace model {
namespace {

using json::Array;
using json::Object;
using json::Value;

std::string golden(const std::string& name) {
  return files::read_file(std::string(CHARTER_SOURCE_DIR) + "/tests/golden/chat_templates/" + name +
                          ".jinja")
      .value();
}

// A tiny model with this template; its vocabulary has the control tokens named.
std::shared_ptr<const Model> model_with(const std::string& chat_template,
                                        const std::vector<std::string>& controls = {}) {
  const auto folder = files::TemporaryDirectory::create("tool-format");
  Config config = testing::tiny_config();
  text::VocabSpec vocabulary = testing::tiny_vocabulary();
  for (const std::string& control : controls) {
    vocabulary.tokens.push_back(control);
    vocabulary.types.push_back(text::TokenType::Control);
  }
  config.vocab_size = static_cast<int32_t>(vocabulary.tokens.size());
  const auto weights = testing::tiny_weights(config, 3);
  const auto saved =
      write_model_folder(config, weights.views, &vocabulary, folder->path(),
                         {.dtype = formats::DType::F32, .chat_template = chat_template});
  EXPECT_TRUE(saved) << saved.error().text();
  auto model = Model::load(*open_model(folder->path()));
  EXPECT_TRUE(model) << model.error().text();
  return *model;
}

Tool weather(bool strict = true) {
  Tool tool{.name = "get_weather", .description = "Weather of a town", .strict = strict};
  tool.parameters = *json::parse(
      R"({"type":"object","properties":{"town":{"type":"string"},"days":{"type":"integer"}},
          "required":["town","days"],"additionalProperties":false})");
  return tool;
}

AnswerForm form_of(ToolChoice choice) {
  return {.tools = {weather(), {.name = "stop_it"}}, .choice = choice, .tool_name = "get_weather"};
}

// What the parser makes of a text that comes in pieces of `size` bytes.
struct Parsed {
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;
};
Parsed parse(const ToolFormat& format, const AnswerForm& form, std::string_view text, size_t size) {
  Parsed out;
  ToolCallParser parser = format.parser(form);
  const auto take = [&](const std::vector<ToolCallParser::Delta>& deltas) {
    for (const auto& delta : deltas) {
      out.content += delta.content;
      if (delta.call < 0) continue;
      EXPECT_TRUE(delta.content.empty());
      if (static_cast<size_t>(delta.call) == out.calls.size()) {
        out.calls.emplace_back(delta.name, "");
      } else {
        EXPECT_EQ(delta.name, "");  // only in the first delta
      }
      EXPECT_EQ(static_cast<size_t>(delta.call) + 1, out.calls.size());
      out.calls.back().second += delta.arguments;
    }
  };
  for (size_t at = 0; at < text.size(); at += size) take(parser.push(text.substr(at, size)));
  take(parser.finish());
  EXPECT_EQ(parser.calls(), static_cast<int>(out.calls.size()));
  return out;
}

const char* const kHermesCall =
    "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"town\": \"}] \\\"ü\", \"days\": "
    "3}}\n</tool_call>";
const char* const kArguments = R"({"town": "}] \"ü", "days": 3})";

TEST(ToolFormat, ReadsTheFormOfCallsFromTheTemplate) {
  EXPECT_EQ(ToolFormat(model_with(golden("qwen"))).kind(), ToolFormat::Kind::Hermes);
  EXPECT_EQ(ToolFormat(model_with(golden("llama3"))).kind(), ToolFormat::Kind::LlamaJson);
  EXPECT_EQ(ToolFormat(model_with(golden("mistral"))).kind(), ToolFormat::Kind::MistralCalls);
  EXPECT_EQ(ToolFormat(model_with("")).kind(), ToolFormat::Kind::Hermes);
  EXPECT_EQ(ToolFormat(model_with(golden("chatml"))).kind(), ToolFormat::Kind::Hermes);
}

TEST(ToolFormat, AutoIsTextThenACallThatFits) {
  const ToolFormat format(model_with(""));
  const auto grammar = format.grammar(form_of(ToolChoice::Auto)).value();
  EXPECT_TRUE(grammar->matches(""));
  EXPECT_TRUE(grammar->matches("Any text, <tool_cal and <<tool_ too \xFF"));
  EXPECT_TRUE(grammar->matches("Let me see.\n" + std::string(kHermesCall)));
  EXPECT_TRUE(grammar->matches(std::string(kHermesCall) + "\n" + kHermesCall));
  EXPECT_TRUE(
      grammar->matches(R"(<tool_call>{"name":"stop_it","arguments":{"x":[1]}}</tool_call>)"));
  EXPECT_FALSE(grammar->matches(R"(<tool_call>{"name":"other","arguments":{}}</tool_call>)"));
  EXPECT_FALSE(grammar->matches(R"(<tool_call>{"name":"get_weather","arguments":{}}</tool_call>)"));
  EXPECT_FALSE(grammar->matches("<tool_call>x"));
  EXPECT_FALSE(grammar->matches("<<tool_call>x"));
  EXPECT_FALSE(grammar->matches("<tool_call>\n{\"name\":"));
}

TEST(ToolFormat, RequiredNamedAndOneAtATime) {
  const ToolFormat format(model_with(""));
  const auto required = format.grammar(form_of(ToolChoice::Required)).value();
  EXPECT_TRUE(required->matches(kHermesCall));
  EXPECT_FALSE(required->matches(""));
  EXPECT_FALSE(required->matches("x" + std::string(kHermesCall)));
  AnswerForm one = form_of(ToolChoice::Required);
  one.parallel_tool_calls = false;
  const auto single = format.grammar(one).value();
  EXPECT_TRUE(single->matches(kHermesCall));
  EXPECT_FALSE(single->matches(std::string(kHermesCall) + kHermesCall));
  const auto named = format.grammar(form_of(ToolChoice::Named)).value();
  EXPECT_TRUE(named->matches(kArguments));
  EXPECT_TRUE(named->matches(" " + std::string(kArguments)));
  EXPECT_FALSE(named->matches(kHermesCall));
  EXPECT_EQ(format.grammar(form_of(ToolChoice::None)).value(), nullptr);
  EXPECT_EQ(format.grammar(one).value(), single);  // compiled once
}

TEST(ToolFormat, OtherFormsOfCalls) {
  const ToolFormat llama(model_with(golden("llama3")));
  const auto auto_llama = llama.grammar(form_of(ToolChoice::Auto)).value();
  const std::string llama_call =
      R"({"name": "get_weather", "parameters": )" + std::string(kArguments) + "}";
  EXPECT_TRUE(auto_llama->matches(llama_call));
  EXPECT_TRUE(auto_llama->matches("{\"nam is how a call begins"));
  EXPECT_FALSE(auto_llama->matches(R"({"name": "nobody", "parameters": {}})"));
  const ToolFormat mistral(model_with(golden("mistral")));
  const auto auto_mistral = mistral.grammar(form_of(ToolChoice::Auto)).value();
  const std::string one =
      R"({"name": "get_weather", "arguments": )" + std::string(kArguments) + "}";
  EXPECT_TRUE(auto_mistral->matches("[TOOL_CALLS][" + one + "]"));
  EXPECT_TRUE(auto_mistral->matches("Yes. [TOOL_CALLS] [" + one + ", " + one + "]"));
  EXPECT_FALSE(auto_mistral->matches("[TOOL_CALLS][]"));
  for (size_t size : {1u, 2u, 7u, 1000u}) {
    const Parsed from_llama = parse(llama, form_of(ToolChoice::Auto), llama_call, size);
    ASSERT_EQ(from_llama.calls.size(), 1u);
    EXPECT_EQ(from_llama.calls[0],
              (std::pair<std::string, std::string>("get_weather", kArguments)));
    EXPECT_EQ(from_llama.content, "");
    EXPECT_EQ(parse(llama, form_of(ToolChoice::Auto), "{\"nam is text", size).content,
              "{\"nam is text");
    const Parsed from_mistral = parse(mistral, form_of(ToolChoice::Auto),
                                      "Yes. [TOOL_CALLS][" + one + ", " + one + "]", size);
    EXPECT_EQ(from_mistral.content, "Yes.");
    ASSERT_EQ(from_mistral.calls.size(), 2u);
    EXPECT_EQ(from_mistral.calls[1].second, kArguments);
  }
}

TEST(ToolFormat, JsonAnswersAndCallsTogether) {
  const ToolFormat format(model_with(""));
  AnswerForm form = form_of(ToolChoice::Auto);
  form.format = {.kind = OutputFormat::Kind::JsonSchema, .name = "n", .strict = true};
  form.format.schema = weather().parameters;
  const auto grammar = format.grammar(form).value();
  EXPECT_TRUE(grammar->matches(kArguments));
  EXPECT_TRUE(grammar->matches(kHermesCall));
  EXPECT_FALSE(grammar->matches("text"));
  form.choice = ToolChoice::None;
  const auto alone = format.grammar(form).value();
  EXPECT_TRUE(alone->matches(kArguments));
  EXPECT_FALSE(alone->matches(kHermesCall));
}

TEST(ToolFormat, SchemasAreRefusedByNameAndPath) {
  const ToolFormat format(model_with(""));
  AnswerForm form = form_of(ToolChoice::Auto);
  form.tools[1].strict = true;
  form.tools[1].parameters = Object{{"type", "object"}, {"properties", Object{}}};
  const auto refused = format.grammar(form);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "Invalid schema for function 'stop_it': In context=(), 'additionalProperties' is "
            "required to be supplied and to be false.");
  EXPECT_EQ(refused.error().where, "tools[1].function.parameters");
  AnswerForm answer{.format = {.kind = OutputFormat::Kind::JsonSchema,
                               .name = "reply",
                               .schema = Object{{"type", "string"}},
                               .strict = true}};
  EXPECT_EQ(format.grammar(answer).error().message,
            "Invalid schema for response_format 'reply': schema must be a JSON Schema of 'type: "
            "\"object\"', got 'type: \"string\"'.");
}

TEST(ToolCallParser, ShowsTextAndCallsAndNothingBetween) {
  const ToolFormat format(model_with(""));
  const AnswerForm form = form_of(ToolChoice::Auto);
  for (size_t size : {1u, 3u, 5u, 11u, 1000u}) {
    const Parsed parsed = parse(
        format, form, "I look.  \n" + std::string(kHermesCall) + "\n" + kHermesCall + "\n", size);
    EXPECT_EQ(parsed.content, "I look.");
    ASSERT_EQ(parsed.calls.size(), 2u);
    for (const auto& call : parsed.calls) {
      EXPECT_EQ(call.first, "get_weather");
      EXPECT_EQ(call.second, kArguments);
    }
    EXPECT_EQ(parse(format, form, "a < b <tool_ \n", size).content, "a < b <tool_ \n");
    EXPECT_EQ(parse(format, form, "", size).content, "");
    // Cut by max_tokens.
    const Parsed cut = parse(format, form, std::string(kHermesCall).substr(0, 60), size);
    EXPECT_EQ(cut.content, "");
    ASSERT_EQ(cut.calls.size(), 1u);
    EXPECT_TRUE(std::string_view(kArguments).starts_with(cut.calls[0].second));
    EXPECT_TRUE(parse(format, form, "<tool_call>\n{\"name\": \"get", size).calls.empty());
    const Parsed named =
        parse(format, form_of(ToolChoice::Named), " " + std::string(kArguments), size);
    ASSERT_EQ(named.calls.size(), 1u);
    EXPECT_EQ(named.calls[0].first, "get_weather");
    EXPECT_EQ(named.calls[0].second, kArguments);
    EXPECT_EQ(parse(format, form_of(ToolChoice::None), kHermesCall, size).content, kHermesCall);
  }
}

Value conversation() {
  return *json::parse(R"([
    {"role":"user","content":[{"type":"text","text":"Weather "},{"type":"text","text":"in Bonn?"}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"call_abcdefghijkl","type":"function",
      "function":{"name":"get_weather","arguments":"{\"town\":\"Bonn\",\"days\":1}"}}]},
    {"role":"tool","tool_call_id":"call_abcdefghijkl","content":"Sun."},
    {"role":"tool","tool_call_id":"call_abcdefghijkm","content":[{"type":"text","text":"Rain."}]}])");
}

TEST(ToolFormat, MessagesWithCallsReachTemplatesThatKnowThem) {
  const ToolFormat qwen(model_with(golden("qwen")));
  const std::string text = qwen.render(conversation(), form_of(ToolChoice::Auto)).value();
  EXPECT_NE(text.find("\"name\": \"stop_it\""), text.npos) << text;
  EXPECT_NE(text.find("Weather in Bonn?"), text.npos);
  EXPECT_NE(
      text.find("<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"town\": \"Bonn\""),
      text.npos)
      << text;
  EXPECT_NE(text.find("<tool_response>\nRain.\n</tool_response><|im_end|>"), text.npos) << text;
  EXPECT_TRUE(text.ends_with("<|im_start|>assistant\n"));
  EXPECT_TRUE(qwen.render(conversation(), form_of(ToolChoice::Named))
                  .value()
                  .ends_with("assistant\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\":"));
  EXPECT_EQ(qwen.render(conversation(), form_of(ToolChoice::None)).value().find("stop_it"),
            text.npos);
}

TEST(ToolFormat, TemplatesThatDoNotGetText) {
  for (const std::string& source :
       {std::string(), golden("chatml"), golden("gemma"), golden("llama2"), golden("zephyr")}) {
    const ToolFormat format(model_with(source));
    const auto text = format.render(conversation(), form_of(ToolChoice::Auto));
    ASSERT_TRUE(text) << source << text.error().text();
    for (const char* part : {"stop_it", "Weather in Bonn?", "get_weather", "Sun.", "Rain."})
      EXPECT_NE(text->find(part), text->npos) << part << " in " << *text;
  }
}

TEST(ToolFormat, APartThatIsNoTextIsRefused) {
  const ToolFormat format(model_with(""));
  const Value messages = *json::parse(
      R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}])");
  const auto refused = format.render(messages, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::InvalidArgument);
  EXPECT_NE(refused.error().message.find("'image_url'"), std::string::npos);
}

TEST(ToolFormat, ATriggerThatIsAControlTokenIsSpelled) {
  const auto model = model_with(golden("mistral"), {"[TOOL_CALLS]"});
  const ToolFormat format(model);
  EXPECT_EQ(format.spelled_tokens(), std::vector<int32_t>{model->tokenizer().find("[TOOL_CALLS]")});
  // A message that spells it stays letters.
  const auto text =
      format.render(Array{Object{{"role", "user"}, {"content", "[TOOL_CALLS][]"}}}, {});
  for (const int32_t token : encode_chat(*model, *text)) {
    EXPECT_NE(token, format.spelled_tokens()[0]);
  }
}

}  // namespace
}  // namespace model
