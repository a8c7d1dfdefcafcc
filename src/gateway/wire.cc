#include "gateway/wire.h"

#include <algorithm>

#include "crypto/random.h"

namespace gateway {
namespace {

constexpr size_t kCallsMax = 128;
constexpr int64_t kCountMax = int64_t{1} << 40;

std::unexpected<base::Error> malformed(std::string message) {
  return base::fail(base::Code::Malformed, std::move(message));
}

}  // namespace

AnswerReader::AnswerReader(const Generation& generation)
    : generation_(generation),
      finishes_(static_cast<size_t>(generation.choices)),
      calls_(finishes_.size()) {}

bool AnswerReader::complete() const {
  return std::ranges::all_of(finishes_, [](const auto& finish) { return finish.has_value(); });
}

base::Status AnswerReader::check_choice(int64_t choice) const {
  if (choice < 0 || choice >= static_cast<int64_t>(finishes_.size()))
    return malformed("a piece belongs to a choice that was not asked for");
  if (finishes_[static_cast<size_t>(choice)])
    return malformed("a piece came after the end of its choice");
  return {};
}

base::Status AnswerReader::state(const json::Value& error) {
  stated_ = stated_error(error);
  return malformed("the provider states an error");
}

base::Status AnswerReader::finish_choice(int choice, Finish finish, Delta* delta) {
  TRY_VOID(check_choice(choice));
  const auto at = static_cast<size_t>(choice);
  const bool natural = finish == Finish::Stop || finish == Finish::ToolCalls;
  if (natural && !calls_[at].empty()) {
    finish = generation_.tool_choice == ToolChoice::Named ? Finish::Stop : Finish::ToolCalls;
  } else if (finish == Finish::ToolCalls) {
    finish = Finish::Stop;  // it says so, and has made no call
  }
  finishes_[at] = finish;
  delta->finish = finish;
  return {};
}

base::Status AnswerReader::add_call(int choice, int64_t index, std::string id, std::string name,
                                    std::string arguments, Delta* delta) {
  std::vector<int64_t>& calls = calls_[static_cast<size_t>(choice)];
  const auto found = std::ranges::find(calls, index);
  ToolCallDelta call;
  call.index = static_cast<int>(found - calls.begin());
  call.arguments = std::move(arguments);
  if (found == calls.end()) {
    if (name.empty()) return malformed("a call came without the function's name");
    if (calls.size() == kCallsMax) return malformed("an answer with too many calls");
    calls.push_back(index);
    call.id = id.empty() ? crypto::random_id("call_") : std::move(id);
    call.name = std::move(name);
  } else if (call.arguments.empty()) {
    return {};
  }
  delta->tool_calls.push_back(std::move(call));
  return {};
}

base::Status check_wire(UpstreamKind kind, const Generation& generation) {
  return kind == UpstreamKind::Anthropic ? check_anthropic(generation) : base::Status{};
}

WireCall write_call(UpstreamKind kind, const WireRequest& request) {
  return kind == UpstreamKind::Anthropic ? write_anthropic_call(request)
                                         : write_openai_call(request);
}

std::unique_ptr<AnswerReader> make_reader(UpstreamKind kind, const Generation& generation) {
  return kind == UpstreamKind::Anthropic ? make_anthropic_reader(generation)
                                         : make_openai_reader(generation);
}

const json::Value* find_member(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string string_member(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || !value->is_string() ? std::string() : value->as_string();
}

std::optional<int64_t> count_member(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  if (value == nullptr || !value->is_int() || value->as_int() < 0) return {};
  return std::min(value->as_int(), kCountMax);
}

}  // namespace gateway
