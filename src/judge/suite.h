// A suite: a folder with suite.json (what is asked of a model and how it is graded) and cases.jsonl
// (one case a line). The cases are pinned: suite.json holds their number and the Merkle root over
// the canonical form of each, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"
#include "json/json.h"

namespace judge {

struct Message {
  std::string role;
  std::string content;
};

enum class Grader : unsigned char {
  Number,    // the number after the last "Answer:" or "答案" equals expect.number, exactly
  Keywords,  // every word of expect.all_of stands in the answer, one of expect.any_of, none of
             // expect.none_of
};

struct Case {
  std::string id;
  std::vector<Message> messages;
  std::string number;                                // Grader::Number
  std::vector<std::string> all_of, any_of, none_of;  // Grader::Keywords
  std::string cluster;    // cases that rise and fall together; empty: the case stands alone
  crypto::Digest leaf{};  // SHA-256(0x00 || canonical JSON of the line)
};

struct Sampling {
  double temperature = 0;
  double top_p = 1;
  int64_t max_tokens = 256;
};

// The suite's own reading of its result; a charter may ask for more.
struct Gate {
  bool upper = false;  // direction "upper" (harm): the upper bound is at most the limit; "lower"
                       // (capability): at least
  std::string limit_text, alpha_text;
  double limit = 0, alpha = 0.05;
};

struct Suite {
  std::string name, version, description;
  Grader grader = Grader::Number;
  std::string metric = "accuracy";
  int64_t epochs = 1;
  Sampling sampling;
  std::optional<Gate> gate;
  std::vector<Case> cases;
  crypto::Digest root{};  // over the cases
  crypto::Digest
      definition{};  // SHA-256 of the canonical form of suite.json, which holds root and size
  json::Value sampling_json;  // as the records repeat it

  bool clustered() const;  // several epochs, or clusters: results are not independent
};

inline constexpr std::string_view kSuiteFormat = "charter-suite/v1";
inline constexpr int64_t kCasesMax = 1'000'000;
inline constexpr int64_t kEpochsMax = 64;

std::string_view grader_name(Grader grader);
crypto::Digest grader_digest(Grader grader);  // names the rule and its version

// Reads and checks the folder; DIGEST_MISMATCH when the cases are not those that suite.json pins.
base::Result<Suite> load_suite(const std::string& folder);
base::Result<Suite> parse_suite(std::string_view suite_json, std::string_view cases_jsonl);

// suite.json with `size` and `root` set to what the cases are: for making a suite, or a new version
// of one.
base::Result<std::string> pin_suite(std::string_view suite_json, std::string_view cases_jsonl);

// Lines of a JSON-lines text without their ends; an empty line, or a last line without its end, is
// Malformed.
base::Result<std::vector<std::string_view>> split_lines(std::string_view text,
                                                        std::string_view what);

}  // namespace judge
