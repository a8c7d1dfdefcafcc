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
#include "judge/case.h"
#include "judge/grader.h"

namespace judge {

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

// A way of asking that draws out what a model can do: examples or a system message in front of each
// case. The suite's result is the worst of them.
struct Setting {
  std::string name;
  std::vector<Message> messages;
};

// The model that the candidate talks to, pinned by digest.
struct Counterpart {
  crypto::Digest manifest{};
  std::string system;  // what it is told
};

// An answer whose score is known. A grader that gives it another is broken, and so is its run.
struct Sentinel {
  Case one;
  std::string answer;
  double score = 0;
};

struct Suite {
  std::string name, version, description;
  Grader grader = Grader::Number;
  std::string metric = "accuracy";
  int64_t epochs = 1;
  Sampling sampling;
  bool raw = false;       // template "raw": each case is one text, sent as it is
  int64_t timeout_s = 0;  // 0: kTimeoutSecondsDefault
  std::optional<Gate> gate;
  std::vector<Setting> settings;  // at least one; without elicitation it is "plain"
  bool elicits = false;           // the suite names its settings, and so do its records
  std::optional<Counterpart> counterpart;
  std::optional<crypto::Digest> judge;  // of Grader::Judged
  std::vector<Sentinel> sentinels;
  std::vector<Case> cases;
  crypto::Digest root{};  // over the cases
  crypto::Digest
      definition{};  // SHA-256 of the canonical form of suite.json, which holds root and size
  json::Value sampling_json;  // as the records repeat it

  // Results are not independent yes-or-no trials: several epochs, clusters, or scores in between.
  bool clustered() const;
  int64_t size() const { return static_cast<int64_t>(cases.size()); }
  // The case's messages with the setting's in front.
  std::vector<Message> messages_of(const Case& one, size_t setting) const;
};

inline constexpr std::string_view kSuiteFormat = "charter-suite/v1";
inline constexpr int64_t kCasesMax = 1'000'000;
inline constexpr int64_t kEpochsMax = 64;
inline constexpr int64_t kSettingsMax = 16;
inline constexpr int64_t kTimeoutSecondsDefault = 600;

// Reads and checks the folder; DIGEST_MISMATCH when the cases are not those that suite.json pins,
// SENTINEL_MISSED when the grader gives a sentinel another score than its own.
base::Result<Suite> load_suite(const std::string& folder);
base::Result<Suite> parse_suite(std::string_view suite_json, std::string_view cases_jsonl);

// suite.json with `size` and `root` set to what the cases are: for making a suite, or a new version
// of one.
base::Result<std::string> pin_suite(std::string_view suite_json, std::string_view cases_jsonl);

// Lines of a JSON-lines text without their ends; an empty line, or a last line without its end, is
// Malformed.
base::Result<std::vector<std::string_view>> split_lines(std::string_view text,
                                                        std::string_view what);

// The list `messages` of a case, a label or a setting; the last one is the user's.
base::Result<std::vector<Message>> messages_of(const json::Value& object);

}  // namespace judge
