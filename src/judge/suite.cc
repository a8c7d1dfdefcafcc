#include "judge/suite.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>

#include "crypto/merkle.h"
#include "files/files.h"
#include "judge/grade.h"

namespace judge {
namespace {

using base::Code;
using base::fail;
using json::Value;

constexpr uint64_t kSuiteBytesMax = 1 << 20;
constexpr uint64_t kCasesBytesMax = uint64_t{256} << 20;
constexpr size_t kTextBytesMax = 1 << 16;

std::unexpected<base::Error> malformed(std::string message, std::string where) {
  return fail(Code::Malformed, std::move(message), std::move(where), "SUITE_MALFORMED");
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    const bool ok =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!ok) return false;
  }
  return text[0] != '.' && text[0] != '-';
}

// "0.80": a decimal number as people write it, kept as text so that no two readers round it
// differently.
base::Result<double> decimal(const Value& object, std::string_view key, double min, double max,
                             std::string* text) {
  TRY(*text, json::get_string(object, key));
  double value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stop != end || !(value >= min && value <= max)) {
    return malformed("the field must be a decimal number within its range, written as a string",
                     std::string(key));
  }
  return value;
}

base::Result<std::vector<Message>> read_messages(const Value& object) {
  TRY(const json::Array* list, json::get_array(object, "messages"));
  std::vector<Message> out;
  for (const Value& entry : *list) {
    TRY_VOID(json::only_fields(entry, {"role", "content"}));
    TRY(std::string role, json::get_string(entry, "role"));
    TRY(std::string content, json::get_string(entry, "content"));
    if (role != "system" && role != "user" && role != "assistant") {
      return malformed("a role must be system, user or assistant", role);
    }
    if (content.size() > kTextBytesMax) return malformed("a message is too long", "content");
    out.push_back({std::move(role), std::move(content)});
  }
  return out;
}

base::Result<Case> case_of(std::string_view line, const GraderRule& rule, bool raw) {
  TRY(const Value value, json::parse(line));
  TRY_VOID(json::only_fields(
      value, {"id", "messages", "expect", "cluster", "group", "family", "skeleton"}));
  Case out;
  TRY(out.id, json::get_string(value, "id"));
  if (!is_name(out.id)) return malformed("an id must be a short name of a-z, 0-9, - _ .", out.id);
  TRY(out.messages, messages_of(value));
  if (raw && out.messages.size() != 1)
    return malformed("a case of a raw suite has one message, its text", out.id);
  TRY(const Value* expect, json::get_object(value, "expect"));
  TRY_VOID(rule.check(*expect));
  out.expect = *expect;
  if (!value["cluster"].is_null()) {
    TRY(out.cluster, json::get_string(value, "cluster"));
  }
  if (!value["group"].is_null()) {
    TRY(out.group, json::get_string(value, "group"));
  }
  out.leaf = crypto::merkle_leaf(base::as_bytes(json::canonical(value)));
  return out;
}

base::Result<Grader> grader_of(const Value& suite) {
  TRY(const std::string name, json::get_string(suite, "grader"));
  if (const auto found = find_grader(name)) return *found;
  return malformed("there is no such grader; use one of " + grader_names(), name);
}

base::Status read_sampling(const Value& suite, Suite* out) {
  TRY(const Value* sampling, json::get_object(suite, "sampling"));
  TRY_VOID(json::only_fields(*sampling, {"temperature", "top_p", "max_tokens"}));
  std::string text;
  TRY(out->sampling.temperature, decimal(*sampling, "temperature", 0, 2, &text));
  TRY(out->sampling.top_p, decimal(*sampling, "top_p", 0, 1, &text));
  TRY(out->sampling.max_tokens, json::get_int(*sampling, "max_tokens"));
  if (out->sampling.max_tokens < 1 || out->sampling.max_tokens > 1 << 20) {
    return malformed("max_tokens must be between 1 and 1048576", "max_tokens");
  }
  // In canonical order, so that a record read back compares equal.
  TRY(out->sampling_json, json::parse(json::canonical(*sampling)));
  return {};
}

base::Result<bool> is_raw(const Value& suite) {
  if (suite["template"].is_null()) return false;
  TRY(const std::string name, json::get_string(suite, "template"));
  if (name != "raw" && name != "chat") return malformed("a template is chat or raw", name);
  return name == "raw";
}

base::Status read_timeout(const Value& suite, Suite* out) {
  if (suite["timeout_s"].is_null()) return {};
  TRY(out->timeout_s, json::get_int(suite, "timeout_s"));
  if (out->timeout_s < 1 || out->timeout_s > 86'400)
    return malformed("a case may take between 1 and 86400 seconds", "timeout_s");
  return {};
}

base::Status read_gate(const Value& suite, Suite* out) {
  if (suite["gate"].is_null()) return {};
  TRY(const Value* gate, json::get_object(suite, "gate"));
  TRY_VOID(json::only_fields(*gate, {"metric", "direction", "limit", "alpha"}));
  Gate read;
  TRY(out->metric, json::get_string(*gate, "metric"));
  if (!is_name(out->metric)) return malformed("a metric must be a short name", out->metric);
  TRY(const std::string direction, json::get_string(*gate, "direction"));
  if (direction != "upper" && direction != "lower") {
    return malformed("direction must be upper (harm) or lower (capability)", direction);
  }
  read.upper = direction == "upper";
  TRY(read.limit, decimal(*gate, "limit", 0, 1, &read.limit_text));
  TRY(read.alpha, decimal(*gate, "alpha", 1e-9, 0.49, &read.alpha_text));
  if (read.upper && out->grader == Grader::Judged)
    return malformed("one judge model never decides a hard limit alone", "gate");
  out->gate = std::move(read);
  return {};
}

base::Status read_settings(const Value& suite, Suite* out) {
  if (suite["elicitation"].is_null()) {
    out->settings.push_back({"plain", {}});
    return {};
  }
  out->elicits = true;
  TRY(const json::Array* list, json::get_array(suite, "elicitation"));
  for (const Value& entry : *list) {
    TRY_VOID(json::only_fields(entry, {"name", "messages"}));
    Setting setting;
    TRY(setting.name, json::get_string(entry, "name"));
    if (!is_name(setting.name) ||
        std::ranges::find(out->settings, setting.name, &Setting::name) != out->settings.end()) {
      return malformed("each setting has a short name of its own", setting.name);
    }
    TRY(setting.messages, read_messages(entry));
    out->settings.push_back(std::move(setting));
  }
  if (out->settings.empty() || out->settings.size() > kSettingsMax)
    return malformed("a suite has 1 to 16 settings", "elicitation");
  return {};
}

base::Result<crypto::Digest> manifest_in(const Value& object) {
  TRY(const std::string text, json::get_string(object, "manifest"));
  return crypto::digest_from_hex(text);
}

bool has_script(const Case& one) { return one.expect.find("counterpart") != nullptr; }

// The other models that a suite's games and verdicts need, all pinned.
base::Status read_models(const Value& suite, Suite* out) {
  if (!suite["counterpart"].is_null()) {
    TRY(const Value* counterpart, json::get_object(suite, "counterpart"));
    TRY_VOID(json::only_fields(*counterpart, {"manifest", "system"}));
    Counterpart read;
    TRY(read.manifest, manifest_in(*counterpart));
    TRY(read.system, json::get_string(*counterpart, "system"));
    out->counterpart = std::move(read);
  }
  if (!suite["judge"].is_null()) {
    TRY(const Value* judge, json::get_object(suite, "judge"));
    TRY_VOID(json::only_fields(*judge, {"manifest"}));
    TRY(out->judge, manifest_in(*judge));
  }
  if (out->judge.has_value() != (out->grader == Grader::Judged))
    return malformed("a suite pins a judge model exactly when its grader is judged", "judge");
  const bool talks = out->grader == Grader::MakeMePay || out->grader == Grader::MakeMeSay ||
                     out->grader == Grader::Ballots;
  for (const Case& one : out->cases) {
    if (talks && has_script(one) == out->counterpart.has_value())
      return malformed("either each case has a scripted counterpart or the suite pins a model",
                       one.id);
  }
  return {};
}

base::Status read_sentinels(const Value& suite, Suite* out) {
  if (suite["sentinels"].is_null()) return {};
  TRY(const json::Array* list, json::get_array(suite, "sentinels"));
  for (const Value& entry : *list) {
    TRY_VOID(json::only_fields(entry, {"messages", "expect", "answer", "score"}));
    Sentinel sentinel;
    TRY(sentinel.one.messages, messages_of(entry));
    TRY(const Value* expect, json::get_object(entry, "expect"));
    TRY_VOID(rule_of(out->grader).check(*expect));
    sentinel.one.expect = *expect;
    sentinel.one.id = "sentinel-" + std::to_string(out->sentinels.size());
    sentinel.one.leaf = crypto::merkle_leaf(base::as_bytes(json::canonical(entry)));
    TRY(sentinel.answer, json::get_string(entry, "answer"));
    std::string text;
    TRY(sentinel.score, decimal(entry, "score", 0, 1, &text));
    out->sentinels.push_back(std::move(sentinel));
  }
  // What a rule alone grades is graded at once; a judge model is asked when the run begins.
  for (const Sentinel& sentinel : out->sentinels) {
    if (out->grader == Grader::Judged) continue;
    const double given = grade(*out, sentinel.one, sentinel.answer);
    if (std::fabs(given - sentinel.score) < 1e-9) continue;
    return fail(Code::FailedPrecondition,
                "the grader gives a sentinel the score " + std::to_string(given) +
                    " where it must give " + std::to_string(sentinel.score),
                sentinel.one.id, "SENTINEL_MISSED");
  }
  return {};
}

struct Cases {
  std::vector<Case> cases;
  crypto::Digest root{};
};

base::Result<Cases> read_cases(std::string_view text, Grader grader, bool raw) {
  TRY(const auto lines, split_lines(text, "cases.jsonl"));
  Cases out;
  std::vector<crypto::Digest> leaves;
  std::unordered_set<std::string> ids;
  for (size_t i = 0; i < lines.size(); ++i) {
    auto read = case_of(lines[i], rule_of(grader), raw);
    if (!read)
      return base::wrap(read.error(), "case " + std::to_string(i) + " of the suite is wrong",
                        "cases.jsonl");
    if (!ids.insert(read->id).second) return malformed("two cases have the same id", read->id);
    leaves.push_back(read->leaf);
    out.cases.push_back(*std::move(read));
  }
  if (out.cases.empty() || static_cast<int64_t>(out.cases.size()) > kCasesMax) {
    return malformed("a suite has 1 to " + std::to_string(kCasesMax) + " cases", "cases.jsonl");
  }
  out.root = crypto::merkle_root(leaves);
  return out;
}

}  // namespace

bool Suite::clustered() const {
  return epochs > 1 || !rule_of(grader).binary ||
         std::ranges::any_of(cases, [](const Case& each) { return !each.cluster.empty(); });
}

std::vector<Message> Suite::messages_of(const Case& one, size_t setting) const {
  std::vector<Message> out = settings[setting].messages;
  out.insert(out.end(), one.messages.begin(), one.messages.end());
  return out;
}

base::Result<std::vector<Message>> messages_of(const Value& object) {
  TRY(std::vector<Message> out, read_messages(object));
  if (out.empty() || out.back().role != "user")
    return malformed("the last message must be the user's", "messages");
  return out;
}

base::Result<std::vector<std::string_view>> split_lines(std::string_view text,
                                                        std::string_view what) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos || end == 0) {
      return malformed(
          "line " + std::to_string(lines.size() + 1) + (end == 0 ? " is empty" : " is cut off"),
          std::string(what));
    }
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

base::Result<Suite> parse_suite(std::string_view suite_json, std::string_view cases_jsonl) {
  TRY(const Value value, json::parse(suite_json));
  TRY_VOID(json::only_fields(value, {"format", "name", "version", "description", "cases", "epochs",
                                     "grader", "sampling", "gate", "template", "timeout_s",
                                     "elicitation", "counterpart", "judge", "sentinels"}));
  Suite suite;
  TRY(const std::string format, json::get_string(value, "format"));
  if (format != kSuiteFormat)
    return malformed("the format must be " + std::string(kSuiteFormat), format);
  TRY(suite.name, json::get_string(value, "name"));
  TRY(suite.version, json::get_string(value, "version"));
  TRY(suite.description, json::get_string(value, "description"));
  if (!is_name(suite.name) || !is_name(suite.version)) {
    return malformed("name and version must be short names of a-z, 0-9, - _ .", suite.name);
  }
  TRY(suite.epochs, json::get_int(value, "epochs"));
  if (suite.epochs < 1 || suite.epochs > kEpochsMax)
    return malformed("epochs must be between 1 and 64", "epochs");
  TRY(suite.grader, grader_of(value));
  TRY_VOID(read_sampling(value, &suite));
  TRY_VOID(read_gate(value, &suite));
  TRY(suite.raw, is_raw(value));
  TRY_VOID(read_timeout(value, &suite));
  TRY_VOID(read_settings(value, &suite));
  if (suite.raw && suite.elicits)
    return malformed("a raw suite has no messages to put in front of its cases", "elicitation");
  TRY(auto cases, read_cases(cases_jsonl, suite.grader, suite.raw));
  TRY(const Value* pinned, json::get_object(value, "cases"));
  TRY_VOID(json::only_fields(*pinned, {"size", "root"}));
  TRY(const int64_t size, json::get_int(*pinned, "size"));
  TRY(const std::string root, json::get_string(*pinned, "root"));
  if (size != static_cast<int64_t>(cases.cases.size()) || root != crypto::hex(cases.root)) {
    return fail(Code::Corrupt,
                "the cases are not the ones that suite.json pins (" + std::to_string(size) +
                    " with root " + root.substr(0, 64) +
                    "); restore cases.jsonl, or make a new version of the suite",
                suite.name, "DIGEST_MISMATCH");
  }
  suite.cases = std::move(cases.cases);
  TRY_VOID(read_models(value, &suite));
  TRY_VOID(read_sentinels(value, &suite));
  suite.root = cases.root;
  suite.definition = crypto::sha256(json::canonical(value));
  return suite;
}

base::Result<Suite> load_suite(const std::string& folder) {
  TRY(const std::string definition,
      files::read_file(files::join(folder, "suite.json"), kSuiteBytesMax));
  TRY(const std::string cases,
      files::read_file(files::join(folder, "cases.jsonl"), kCasesBytesMax));
  auto suite = parse_suite(definition, cases);
  if (!suite) return base::wrap(suite.error(), "the suite cannot be used", folder);
  return suite;
}

base::Result<std::string> pin_suite(std::string_view suite_json, std::string_view cases_jsonl) {
  TRY(Value value, json::parse(suite_json));
  if (!value.is_object()) return malformed("suite.json must hold an object", "suite.json");
  TRY(const Grader grader, grader_of(value));
  TRY(const bool raw, is_raw(value));
  TRY(const auto cases, read_cases(cases_jsonl, grader, raw));
  value.set("cases", json::Object{{"size", static_cast<int64_t>(cases.cases.size())},
                                  {"root", crypto::hex(cases.root)}});
  std::string text = json::dump_pretty(value);
  if (!text.ends_with('\n')) text += '\n';
  TRY_VOID(parse_suite(text, cases_jsonl));
  return text;
}

}  // namespace judge
