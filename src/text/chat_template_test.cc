#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace text {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kGolden = CHARTER_SOURCE_DIR "/tests/golden/chat_templates/";

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

json::Value must_parse(std::string_view text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value.has_value()) << value.error().text();
  return *std::move(value);
}

base::Result<std::string> render(std::string_view source, const json::Object& variables = {},
                                 const TemplateLimits& limits = {}) {
  TRY(const ChatTemplate made, ChatTemplate::parse(source, limits));
  return made.render_with(variables);
}

std::string failure(std::string_view source, const json::Object& variables = {}) {
  const auto out = render(source, variables);
  return out ? "rendered: " + out->substr(0, 200) : out.error().message;
}

// expected.json is what Python's jinja2 made of the same templates and conversations (record.py).
TEST(ChatTemplate, AgreesWithPythonOnEveryRecordedCase) {
  const json::Value conversations = must_parse(read_all(kGolden + "conversations.json"));
  const json::Value expected = must_parse(read_all(kGolden + "expected.json"));
  size_t outputs = 0;
  for (const json::Value& want : expected.as_array()) {
    const std::string& name = want["template"].as_string();
    SCOPED_TRACE(name + " on " + want["conversation"].as_string());
    const auto made = ChatTemplate::parse(read_all(kGolden + name));
    ASSERT_TRUE(made.has_value()) << made.error().text();
    const json::Value& conversation = conversations[want["conversation"].as_string()];
    ChatTemplate::Options options{
        .bos_token = "<s>", .eos_token = "</s>", .tools = conversation["tools"]};
    if (conversation.find("add_generation_prompt"))
      options.add_generation_prompt = conversation["add_generation_prompt"].as_bool();
    const auto out = made->render(conversation["messages"], options);
    if (want["output"].is_string()) {
      ASSERT_TRUE(out.has_value()) << out.error().text();
      EXPECT_EQ(*out, want["output"].as_string());
      ++outputs;
    } else {
      ASSERT_FALSE(out.has_value()) << *out;
      EXPECT_EQ(out.error().code, base::Code::InvalidArgument);
      if (want["refused"].is_string()) {
        EXPECT_EQ(out.error().message, want["refused"].as_string());
        EXPECT_EQ(out.error().reason, "TEMPLATE_REFUSED");
      }
    }
  }
  EXPECT_GT(outputs, 50u);
}

TEST(ChatTemplate, FurtherVariablesAreSeen) {
  const auto made = ChatTemplate::parse(
      "{{ messages[0].content }}{{ sep_token }}{% if enable_thinking %}t{% endif %}");
  ASSERT_TRUE(made.has_value());
  ChatTemplate::Options options;
  options.extra = {{"sep_token", "<sep>"}, {"enable_thinking", true}};
  EXPECT_EQ(made->render(must_parse(R"([{"role":"user","content":"1,2"}])"), options), "1,2<sep>t");
}

TEST(ChatTemplate, TheDefaultTemplateRenders) {
  const auto made = ChatTemplate::parse(default_chat_template());
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->render(must_parse(R"([{"role":"user","content":"Hi"}])"), {}),
            "<|user|>\nHi<|end|>\n<|assistant|>\n");
}

TEST(ChatTemplate, FailuresSayWhereAndWhat) {
  EXPECT_THAT(failure("a\nb\n{{ x.y }}"),
              AllOf(HasSubstr("line 3"), HasSubstr("'x' is undefined")));
  EXPECT_THAT(failure("\n{% frobnicate %}"), AllOf(HasSubstr("line 2"), HasSubstr("frobnicate")));
  EXPECT_THAT(failure("{% include 'secrets' %}"), HasSubstr("not supported"));
  EXPECT_THAT(failure("{{ x | frobnicate }}"), HasSubstr("filter 'frobnicate'"));
  EXPECT_THAT(failure("{{ x is frobnicated }}"), HasSubstr("is frobnicated"));
  EXPECT_THAT(failure("{% for x in y %}"), HasSubstr("endfor"));
  EXPECT_THAT(failure("{% if %}{% endif %}"), HasSubstr("expected an expression, found %}"));
  EXPECT_THAT(failure("{{ 'abc }}"), HasSubstr("string is not closed"));
  EXPECT_THAT(failure("{{ 1 "), HasSubstr("not closed"));
  EXPECT_THAT(failure("{# ... "), HasSubstr("comment"));
  EXPECT_THAT(failure("{{ (1 }}"), HasSubstr("unexpected '}'"));
  EXPECT_THAT(failure("{{ 1 + 'a' }}"), HasSubstr("int and str"));
  EXPECT_THAT(failure("{{ 1 // 0 }}"), HasSubstr("zero"));
  EXPECT_THAT(failure("{{ 9223372036854775807 + 1 }}"), HasSubstr("too large"));
  EXPECT_THAT(failure("{{ 5 | tojson() () }}"), HasSubstr("cannot be called"));
  EXPECT_THAT(failure("{{ strftime_now('%Y') }}"), HasSubstr("'strftime_now' is undefined"));
  EXPECT_THAT(failure("{% break %}"), HasSubstr("outside a loop"));
  EXPECT_THAT(failure("{% set x.y = 1 %}"), HasSubstr("namespace"));
  EXPECT_THAT(failure("{{ raise_exception('no system role') }}"), "no system role");
}

TEST(Hostile, WorkIsBounded) {
  EXPECT_THAT(
      failure("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
      HasSubstr("too many steps"));
  EXPECT_THAT(failure("{{ 'a' * 99999999999 }}"), HasSubstr("too often"));
  EXPECT_THAT(failure("{{ 'a' * 999999999 }}"), HasSubstr("more text"));
  EXPECT_THAT(failure("{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s "
                      "~ ns.s %}{% endfor %}"),
              HasSubstr("chat template"));
  EXPECT_THAT(failure("{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = [ns.l] "
                      "%}{% endfor %}"),
              HasSubstr("100 deep"));
  EXPECT_THAT(failure("{% set ns = namespace(l=[1]) %}{% for i in range(90) %}{% set ns.l = [ns.l, "
                      "ns.l] %}{% endfor %}{{ ns.l }}"),
              HasSubstr("chat template"));
  EXPECT_THAT(failure("{% set ns = namespace() %}{% set ns.self = ns %}"),
              HasSubstr("cannot be stored"));
  EXPECT_THAT(failure("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}"),
              HasSubstr("too deep"));
  EXPECT_THAT(failure("{{ range(1000000) | length }}"), HasSubstr("100000"));
}

TEST(Hostile, DeepSourcesAreRefusedNotFollowed) {
  const auto nested = [](std::string_view open, std::string_view close, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += open;
    out += "1";
    for (int i = 0; i < times; ++i) out += close;
    return out;
  };
  EXPECT_THAT(failure("{{ " + nested("(", ")", 50'000) + " }}"), HasSubstr("too deep"));
  EXPECT_THAT(failure("{{ " + nested("[", "]", 50'000) + " }}"), HasSubstr("too deep"));
  EXPECT_THAT(failure("{{ " + nested("not ", "", 50'000) + " }}"), HasSubstr("too deep"));
  EXPECT_THAT(failure("{{ " + nested("-", "", 50'000) + " }}"), HasSubstr("too deep"));
  EXPECT_THAT(failure("{{ " + nested("1 + ", "", 50'000) + " }}"), HasSubstr("too long"));
  EXPECT_THAT(failure("{{ x" + nested("", "|upper", 50'000) + " }}"), HasSubstr("too long"));
  EXPECT_THAT(failure("{{ " + nested("1 if x else ", "", 50'000) + " }}"), HasSubstr("too deep"));
  EXPECT_THAT(failure(nested("{% if 1 %}", "{% endif %}", 20'000)), HasSubstr("too deep"));
}

TEST(Hostile, OutputIsBounded) {
  TemplateLimits limits;
  limits.output_bytes_max = 1000;
  const auto out = render("{% for i in range(999) %}0123456789{% endfor %}", {}, limits);
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, base::Code::TooLarge);
  EXPECT_EQ(out.error().reason, "TEMPLATE_LIMIT");
}

}  // namespace
}  // namespace text
