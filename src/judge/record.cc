#include "judge/record.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/check.h"
#include "base/time.h"
#include "base/utf8.h"
#include "crypto/merkle.h"

namespace judge {
namespace {

using json::Value;

constexpr std::array<std::string_view, 4> kStatusNames = {"ok", "error", "timeout", "refused"};

base::Result<crypto::Digest> digest_of(const Value& object, std::string_view key) {
  TRY(const std::string text, json::get_string(object, key));
  return crypto::digest_from_hex(text);
}

std::unexpected<base::Error> malformed(std::string message, std::string where) {
  return base::fail(base::Code::Malformed, std::move(message), std::move(where),
                    "EVIDENCE_MALFORMED");
}

base::Result<RunStatus> status_of(const Value& object) {
  TRY(const std::string name, json::get_string(object, "status"));
  for (size_t i = 0; i < kStatusNames.size(); ++i) {
    if (kStatusNames[i] == name) return static_cast<RunStatus>(i);
  }
  return malformed("a status must be ok, error, timeout or refused", name);
}

}  // namespace

std::string_view run_status_name(RunStatus status) {
  return kStatusNames[static_cast<size_t>(status)];
}

std::string print_record(const Record& r) {
  CHECK(base::is_utf8(r.output));
  json::Value out = json::Object{{"index", r.index},
                                 {"epoch", r.epoch},
                                 {"leaf", crypto::hex(r.leaf)},
                                 {"manifest", crypto::hex(r.manifest)},
                                 {"prompt_sha256", crypto::hex(r.prompt)},
                                 {"grader", crypto::hex(r.grader)},
                                 {"sampling", r.sampling},
                                 {"seed", std::to_string(r.seed)},
                                 {"engine", r.engine},
                                 {"status", std::string(run_status_name(r.status))},
                                 {"output", r.output},
                                 {"output_sha256", crypto::hex(crypto::sha256(r.output))},
                                 {"score", r.score},
                                 {"prompt_tokens", r.prompt_tokens},
                                 {"completion_tokens", r.completion_tokens},
                                 {"started", r.started},
                                 {"duration_ms", r.duration_ms}};
  if (!r.setting.empty()) out.set("setting", r.setting);
  return json::canonical(out);
}

base::Result<Record> parse_record(std::string_view line) {
  TRY(const Value value, json::parse(line));
  TRY_VOID(json::only_fields(
      value, {"index", "epoch", "leaf", "manifest", "prompt_sha256", "grader", "sampling", "seed",
              "engine", "status", "output", "output_sha256", "score", "prompt_tokens",
              "completion_tokens", "started", "duration_ms", "setting"}));
  Record r;
  TRY(r.index, json::get_int(value, "index"));
  TRY(r.epoch, json::get_int(value, "epoch"));
  if (value.find("setting") != nullptr) {
    TRY(r.setting, json::get_string(value, "setting"));
  }
  TRY(r.leaf, digest_of(value, "leaf"));
  TRY(r.manifest, digest_of(value, "manifest"));
  TRY(r.prompt, digest_of(value, "prompt_sha256"));
  TRY(r.grader, digest_of(value, "grader"));
  TRY(const Value* sampling, json::get_object(value, "sampling"));
  r.sampling = *sampling;
  TRY(const std::string seed, json::get_string(value, "seed"));
  const auto [stop, error] = std::from_chars(seed.data(), seed.data() + seed.size(), r.seed);
  if (error != std::errc{} || stop != seed.data() + seed.size() || seed != std::to_string(r.seed)) {
    return malformed("a seed must be a decimal number", seed);
  }
  TRY(r.engine, json::get_string(value, "engine"));
  TRY(r.status, status_of(value));
  TRY(r.output, json::get_string(value, "output"));
  TRY(const crypto::Digest output, digest_of(value, "output_sha256"));
  if (!value["score"].is_number()) return malformed("a score must be a number", "score");
  r.score = value["score"].as_double();
  TRY(r.prompt_tokens, json::get_int(value, "prompt_tokens"));
  TRY(r.completion_tokens, json::get_int(value, "completion_tokens"));
  TRY(r.started, json::get_string(value, "started"));
  TRY_VOID(base::parse_rfc3339(r.started));
  TRY(r.duration_ms, json::get_int(value, "duration_ms"));
  if (output != crypto::sha256(r.output)) {
    return base::fail(
        base::Code::Corrupt,
        "the answer of case " + std::to_string(r.index) + " is not the one its digest names",
        "output_sha256", "DIGEST_MISMATCH");
  }
  if (print_record(r) != line)
    return malformed("a result must stand in canonical form", std::to_string(r.index));
  return r;
}

crypto::Digest record_leaf(const Record& record) {
  const std::string text = print_record(record);
  return crypto::merkle_leaf(base::as_bytes(text));
}

uint64_t case_seed(const Suite& suite, int64_t index, int64_t epoch) {
  const crypto::Digest digest =
      crypto::sha256("charter-case-seed/1 " + crypto::hex(suite.root) + ' ' +
                     std::to_string(index) + ' ' + std::to_string(epoch));
  return base::load_le<uint64_t>(digest.data());
}

double worst_score(const Suite& suite) { return suite.gate && suite.gate->upper ? 1 : 0; }

}  // namespace judge
