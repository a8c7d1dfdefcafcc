// Training conversations that the computer writes (GPT-Zero): word problems whose answers the
// interpreter of reason/ computes, and small talk of Charter about itself. A generator is
// immutable: the same seed gives the same samples on every machine, and several threads may draw
// from one generator, each with its own Rng.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace lab::synth {

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
  bool counted = true;  // false: an assistant's turn that is read and not learned
};

struct Sample {
  std::vector<Message> messages;  // an optional system message, then user and assistant in turn
  std::string family;  // the schema ("change.result_unknown") or the intent ("who_are_you")
  std::string
      skeleton;  // 16 hex digits: the wording, without its numbers and without its names and nouns
  std::optional<std::string>
      answer;           // exact: an integer, or p/q in lowest terms; absent in small talk
  std::string program;  // the line program that gives the answer, lines ended by '\n'; may be empty
};

// Train and HeldOutSkeleton share the schema families and split by the hash of the skeleton (1 in
// 16 is held out); HeldOutFamily has only the families that no training sample comes from.
enum class Split : unsigned char { Train, HeldOutSkeleton, HeldOutFamily };

class Generator {
 public:
  virtual ~Generator() = default;
  virtual Sample next(base::Rng& rng) const = 0;
};

// "math_en" "math_zh" "math_zh_hant" (word problems), "chat_en" "chat_zh" "chat_zh_hant" (small
// talk), "mini", the mix of these six that the bundled model is trained on, or "drill" (bare sums).
// Code::NotFound names the ones there are.
base::Result<std::unique_ptr<Generator>> find_generator(std::string_view name, Split split);
std::span<const std::string_view> generator_names();
base::Result<Split> parse_split(
    std::string_view name);  // "train", "held_out_skeleton", "held_out_family"

}  // namespace lab::synth
