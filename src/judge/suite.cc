#include "judge/suite.h"

#include <charconv>
#include <unordered_set>

#include "base/check.h"
#include "crypto/merkle.h"
#include "files/files.h"
#include "reason/rational.h"

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

base::Result<std::vector<std::string>> words(const Value& object, std::string_view key) {
  std::vector<std::string> out;
  const Value& list = object[key];
  if (list.is_null()) return out;
  if (!list.is_array() || list.as_array().empty())
    return malformed("the field must be a list of words", std::string(key));
  for (const Value& word : list.as_array()) {
    if (!word.is_string() || word.as_string().empty() || word.as_string().size() > 256) {
      return malformed("each word must be a text of 1 to 256 bytes", std::string(key));
    }
    out.push_back(word.as_string());
  }
  return out;
}

base::Result<std::vector<Message>> messages_of(const Value& line) {
  TRY(const json::Array* list, json::get_array(line, "messages"));
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
  if (out.empty() || out.back().role != "user")
    return malformed("the last message must be the user's", "messages");
  return out;
}

base::Status read_expectation(const Value& expect, Grader grader, Case* out) {
  if (grader == Grader::Number) {
    TRY_VOID(json::only_fields(expect, {"number"}));
    TRY(out->number, json::get_string(expect, "number"));
    TRY_VOID(reason::Rational::parse(out->number));
    return {};
  }
  TRY_VOID(json::only_fields(expect, {"all_of", "any_of", "none_of"}));
  TRY(out->all_of, words(expect, "all_of"));
  TRY(out->any_of, words(expect, "any_of"));
  TRY(out->none_of, words(expect, "none_of"));
  if (out->all_of.empty() && out->any_of.empty())
    return malformed("expect must name a word", out->id);
  return {};
}

base::Result<Case> case_of(std::string_view line, Grader grader) {
  TRY(const Value value, json::parse(line));
  TRY_VOID(json::only_fields(value, {"id", "messages", "expect", "cluster", "family", "skeleton"}));
  Case out;
  TRY(out.id, json::get_string(value, "id"));
  if (!is_name(out.id)) return malformed("an id must be a short name of a-z, 0-9, - _ .", out.id);
  TRY(out.messages, messages_of(value));
  TRY(const Value* expect, json::get_object(value, "expect"));
  TRY_VOID(read_expectation(*expect, grader, &out));
  if (!value["cluster"].is_null()) {
    TRY(out.cluster, json::get_string(value, "cluster"));
  }
  out.leaf = crypto::merkle_leaf(base::as_bytes(json::canonical(value)));
  return out;
}

base::Result<Grader> grader_of(const Value& suite) {
  TRY(const std::string name, json::get_string(suite, "grader"));
  for (const Grader grader : {Grader::Number, Grader::Keywords}) {
    if (name == grader_name(grader)) return grader;
  }
  return malformed("there is no such grader; use number or keywords", name);
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
  out->gate = std::move(read);
  return {};
}

struct Cases {
  std::vector<Case> cases;
  crypto::Digest root{};
};

base::Result<Cases> read_cases(std::string_view text, Grader grader) {
  TRY(const auto lines, split_lines(text, "cases.jsonl"));
  Cases out;
  std::vector<crypto::Digest> leaves;
  std::unordered_set<std::string> ids;
  for (size_t i = 0; i < lines.size(); ++i) {
    auto read = case_of(lines[i], grader);
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
  if (epochs > 1) return true;
  for (const Case& each : cases) {
    if (!each.cluster.empty()) return true;
  }
  return false;
}

std::string_view grader_name(Grader grader) {
  return grader == Grader::Number ? "number" : "keywords";
}

crypto::Digest grader_digest(Grader grader) {
  return crypto::sha256("charter-grader/" + std::string(grader_name(grader)) + "/1");
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
                                     "grader", "sampling", "gate"}));
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
  TRY(auto cases, read_cases(cases_jsonl, suite.grader));
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
  TRY(const auto cases, read_cases(cases_jsonl, grader));
  value.set("cases", json::Object{{"size", static_cast<int64_t>(cases.cases.size())},
                                  {"root", crypto::hex(cases.root)}});
  std::string text = json::dump_pretty(value);
  if (!text.ends_with('\n')) text += '\n';
  TRY_VOID(parse_suite(text, cases_jsonl));
  return text;
}

}  // namespace judge
