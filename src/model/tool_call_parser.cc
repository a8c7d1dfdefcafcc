// The parser of ToolFormat's answers. It reads what the grammar of tool_format.cc lets a model
// write; text that is cut short ends wherever it was.
#include <algorithm>
#include <utility>

#include "model/tool_messages.h"

namespace model {

struct ToolCallParser::State {
  enum class Where : uint8_t {
    Text,       // of the answer, watching for the trigger
    Header,     // of a call, up to its arguments
    Arguments,  // one JSON value
    Behind,     // the rest of the envelope
  };

  ToolFormat::Kind kind = ToolFormat::Kind::Hermes;
  bool watches = true;   // for calls; otherwise all is text
  bool at_start = true;  // nothing of the answer has been shown or read
  bool single = false;   // the answer is the arguments of one call
  Where where = Where::Text;
  std::string held = {};  // read, and not yet known what it is
  std::string name = {};  // of the call whose first delta has not been given
  int calls = 0;
  int depth = 0;  // of braces and brackets in the arguments
  bool in_string = false, escaped = false;

  void text(std::vector<Delta>* out);
  void header();
  void arguments(std::vector<Delta>* out);
  void behind();
  void show(std::string content, std::vector<Delta>* out);
  void begin_call(std::string called);
};

namespace {

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// The longest end of `text` that may become the trigger.
size_t possible_trigger(std::string_view text, std::string_view trigger) {
  for (size_t size = std::min(text.size(), trigger.size() - 1); size > 0; --size)
    if (text.ends_with(trigger.substr(0, size))) return size;
  return 0;
}

}  // namespace

void ToolCallParser::State::show(std::string content, std::vector<Delta>* out) {
  if (content.empty()) return;
  at_start = false;
  out->push_back({.content = std::move(content)});
}

// Text goes out but for what may be the beginning of a call, and the white space in front of it.
void ToolCallParser::State::text(std::vector<Delta>* out) {
  if (!watches) return show(std::exchange(held, {}), out);
  const std::string_view trigger = call_envelope(kind).trigger;
  const bool only_at_start = kind == ToolFormat::Kind::LlamaJson;
  if (only_at_start) {
    const bool may_call = at_start && (held.starts_with(trigger) || trigger.starts_with(held));
    if (!may_call) return show(std::exchange(held, {}), out);
    if (held.size() >= trigger.size()) where = Where::Header;
    return;
  }
  const size_t found = held.find(trigger);
  size_t end = found;
  if (found == held.npos) end = held.size() - possible_trigger(held, trigger);
  while (end > 0 && is_blank(held[end - 1])) --end;
  show(held.substr(0, end), out);
  if (found == held.npos) {
    held.erase(0, end);
    return;
  }
  held.erase(0, found + trigger.size());
  at_start = false;
  where = Where::Header;
}

void ToolCallParser::State::begin_call(std::string called) {
  name = std::move(called);
  ++calls;
  depth = 0;
  in_string = escaped = false;
  where = Where::Arguments;
}

// The name is letters, digits, _ and -, so the first quotes behind its key are its own.
void ToolCallParser::State::header() {
  const std::string_view key =
      kind == ToolFormat::Kind::LlamaJson ? "\"parameters\":" : "\"arguments\":";
  const size_t behind_key = held.find(key);
  if (behind_key == held.npos) return;
  const size_t name_key = held.find("\"name\":");
  const size_t open = name_key == held.npos ? held.npos : held.find('"', name_key + 7);
  const size_t close = open == held.npos ? held.npos : held.find('"', open + 1);
  std::string called;
  if (close != held.npos && close < behind_key) called = held.substr(open + 1, close - open - 1);
  held.erase(0, behind_key + key.size());
  begin_call(std::move(called));
}

void ToolCallParser::State::arguments(std::vector<Delta>* out) {
  size_t begin = 0;
  if (depth == 0)
    while (begin < held.size() && is_blank(held[begin])) ++begin;
  size_t at = begin;
  for (; at < held.size(); ++at) {
    const char c = held[at];
    if (in_string) {
      if (escaped) {
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth <= 0) {
        ++at;
        where = Where::Behind;
        break;
      }
    }
  }
  if (at > begin || !name.empty()) {
    out->push_back({.call = calls - 1,
                    .name = std::exchange(name, {}),
                    .arguments = held.substr(begin, at - begin)});
  }
  held.erase(0, at);
}

void ToolCallParser::State::behind() {
  if (single) return held.clear();
  if (kind == ToolFormat::Kind::MistralCalls) {
    const size_t next = held.find('{');
    if (next == held.npos) return held.clear();
    held.erase(0, next);
    where = Where::Header;
  } else if (kind == ToolFormat::Kind::Hermes) {
    constexpr std::string_view kClose = "</tool_call>";
    const size_t close = held.find(kClose);
    if (close == held.npos) return;
    held.erase(0, close + kClose.size());
    where = Where::Text;
  } else {
    held.clear();
  }
}

ToolCallParser::ToolCallParser(std::unique_ptr<State> state) : state_(std::move(state)) {}
ToolCallParser::~ToolCallParser() = default;
ToolCallParser::ToolCallParser(ToolCallParser&&) noexcept = default;
ToolCallParser& ToolCallParser::operator=(ToolCallParser&&) noexcept = default;

int ToolCallParser::calls() const { return state_->calls; }

std::vector<ToolCallParser::Delta> ToolCallParser::push(std::string_view text) {
  std::vector<Delta> out;
  State& s = *state_;
  s.held += text;
  for (bool moved = true; moved;) {
    const State::Where before = s.where;
    switch (before) {
      case State::Where::Text:
        s.text(&out);
        break;
      case State::Where::Header:
        s.header();
        break;
      case State::Where::Arguments:
        s.arguments(&out);
        break;
      case State::Where::Behind:
        s.behind();
        break;
    }
    moved = s.where != before && !s.held.empty();
  }
  return out;
}

std::vector<ToolCallParser::Delta> ToolCallParser::finish() {
  std::vector<Delta> out;
  State& s = *state_;
  const bool only_blanks = s.calls > 0 && std::ranges::all_of(s.held, is_blank);
  if (s.where == State::Where::Text && !only_blanks) s.show(std::move(s.held), &out);
  if (s.where == State::Where::Arguments && !s.name.empty())
    out.push_back({.call = s.calls - 1, .name = std::move(s.name)});
  s.held.clear();
  return out;
}

ToolCallParser ToolFormat::parser(const AnswerForm& form) const {
  return make_tool_call_parser(kind_, form);
}

ToolCallParser make_tool_call_parser(ToolFormat::Kind kind, const AnswerForm& form) {
  auto state = std::make_unique<ToolCallParser::State>();
  state->kind = kind;
  state->watches = form.choice != ToolChoice::None && !form.tools.empty();
  if (state->watches && form.choice == ToolChoice::Named) {
    state->single = true;
    state->begin_call(form.tool_name);
  }
  return ToolCallParser(std::move(state));
}

}  // namespace model
