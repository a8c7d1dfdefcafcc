// Any text as what a model wrote: calls and content come out alike however the text is cut, and
// nothing of a call's envelope is content.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/tool_messages.h"

namespace {

struct Read {
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;
  bool operator==(const Read&) const = default;
};

Read read(model::ToolFormat::Kind kind, const model::AnswerForm& form, std::string_view text,
          size_t step) {
  Read out;
  model::ToolCallParser parser = model::make_tool_call_parser(kind, form);
  const auto take = [&](const std::vector<model::ToolCallParser::Delta>& deltas) {
    for (const auto& delta : deltas) {
      out.content += delta.content;
      if (delta.call < 0) continue;
      const auto call = static_cast<size_t>(delta.call);
      if (call >= out.calls.size()) out.calls.resize(call + 1);
      out.calls[call].first += delta.name;
      out.calls[call].second += delta.arguments;
    }
  };
  for (size_t at = 0; at < text.size(); at += step) take(parser.push(text.substr(at, step)));
  take(parser.finish());
  CHECK(parser.calls() == static_cast<int>(out.calls.size()) || out.calls.empty());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const auto kind = static_cast<model::ToolFormat::Kind>(data[0] % 3);
  model::AnswerForm form{.tools = {{.name = "f"}}, .tool_name = "f"};
  form.choice = data[0] & 4 ? model::ToolChoice::Named : model::ToolChoice::Auto;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Read whole = read(kind, form, text, text.size() + 1);
  CHECK(read(kind, form, text, 1) == whole);
  CHECK(read(kind, form, text, 1u + data[1] % 16) == whole);
  if (kind == model::ToolFormat::Kind::Hermes)
    CHECK(whole.content.find("<tool_call>") == std::string::npos);
  return 0;
}
