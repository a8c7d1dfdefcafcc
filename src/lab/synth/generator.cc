#include "lab/synth/generator.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "lab/synth/drill.h"
#include "lab/synth/writer.h"

namespace lab::synth {
namespace {

constexpr std::string_view kMathEnglish =
#include "lab/synth/math_en.inc"
    ;
constexpr std::string_view kMathSimplified =
#include "lab/synth/math_zh.inc"
    ;
constexpr std::string_view kMathTraditional =
#include "lab/synth/math_zh_hant.inc"
    ;
constexpr std::string_view kChatEnglish =
#include "lab/synth/chat_en.inc"
    ;
constexpr std::string_view kChatSimplified =
#include "lab/synth/chat_zh.inc"
    ;
constexpr std::string_view kChatTraditional =
#include "lab/synth/chat_zh_hant.inc"
    ;

constexpr std::array<std::string_view, 8> kNames = {
    "math_en", "math_zh", "math_zh_hant", "chat_en", "chat_zh", "chat_zh_hant", "mini", "drill"};

class Math final : public Generator {
 public:
  Math(Language language, std::string_view grammar, Split split)
      : writer_(language, grammar, split) {}
  Sample next(base::Rng& rng) const override { return writer_.write(rng); }

 private:
  Writer writer_;
};

// Puts `more` after what `sample` holds. The skeleton is that of both; the answer is the last
// one's.
void join(Sample* sample, Sample more) {
  for (Message& message : more.messages) {
    if (message.role != "system") sample->messages.push_back(std::move(message));
  }
  sample->family = "several_turns";
  sample->skeleton += more.skeleton;
  sample->answer = std::move(more.answer);
  sample->program = std::move(more.program);
}

// The 16 digits of a conversation's skeleton are the exclusive or of its turns'.
void fold_skeleton(Sample* sample) {
  std::string folded = sample->skeleton.substr(0, 16);
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (size_t i = 16; i < sample->skeleton.size(); ++i) {
    const size_t left = kDigits.find(folded[i % 16]);
    folded[i % 16] = kDigits[left ^ kDigits.find(sample->skeleton[i])];
  }
  sample->skeleton = folded;
}

class Chat final : public Generator {
 public:
  Chat(Language language, std::string_view grammar, Split split)
      : writer_(language, grammar, split) {}

  Sample next(base::Rng& rng) const override {
    Sample sample = writer_.write(rng);
    const uint64_t kind = rng.below(100);
    const int more = kind < 62 ? 0 : kind < 84 ? 1 : kind < 96 ? 2 : 3;
    for (int turn = 0; turn < more; ++turn) {
      std::optional<Sample> last;
      if (turn == more - 1 && rng.below(3) == 0)
        last = writer_.write_section(rng, rng.below(2) == 0 ? "thanks" : "goodbye");
      join(&sample, last ? *std::move(last) : writer_.write(rng));
    }
    if (more > 0) fold_skeleton(&sample);
    return sample;
  }

 private:
  Writer writer_;
};

// The bundled model's diet: word problems and small talk in three scripts, and conversations that
// have both.
class Mini final : public Generator {
 public:
  explicit Mini(Split split) {
    for (size_t i = 0; i < 6; ++i) parts_.push_back(*find_generator(kNames[i], split));
  }

  Sample next(base::Rng& rng) const override {
    constexpr std::array<uint64_t, 3> kLanguageShares = {
        44, 76, 100};  // English, simplified, traditional; cumulative
    const uint64_t pick = rng.below(100);
    const auto language = static_cast<size_t>(std::ranges::upper_bound(kLanguageShares, pick) -
                                              kLanguageShares.begin());
    const Generator& math = *parts_[language];
    const Generator& chat = *parts_[language + 3];
    const uint64_t kind = rng.below(100);
    if (kind < 52) return math.next(rng);
    if (kind < 90) return chat.next(rng);
    Sample sample = kind < 96 ? chat.next(rng) : math.next(rng);
    join(&sample, kind < 96 ? math.next(rng) : chat.next(rng));
    fold_skeleton(&sample);
    return sample;
  }

 private:
  std::vector<std::unique_ptr<Generator>> parts_;  // math in three scripts, then chat in three
};

}  // namespace

std::span<const std::string_view> generator_names() { return kNames; }

base::Result<Split> parse_split(std::string_view name) {
  if (name == "train") return Split::Train;
  if (name == "held_out_skeleton") return Split::HeldOutSkeleton;
  if (name == "held_out_family") return Split::HeldOutFamily;
  return base::fail(base::Code::InvalidArgument,
                    "there is no such split; use train, held_out_skeleton or held_out_family",
                    std::string(name));
}

base::Result<std::unique_ptr<Generator>> find_generator(std::string_view name, Split split) {
  if (name == "math_en") return std::make_unique<Math>(Language::English, kMathEnglish, split);
  if (name == "math_zh")
    return std::make_unique<Math>(Language::Simplified, kMathSimplified, split);
  if (name == "math_zh_hant")
    return std::make_unique<Math>(Language::Traditional, kMathTraditional, split);
  if (name == "chat_en") return std::make_unique<Chat>(Language::English, kChatEnglish, split);
  if (name == "chat_zh")
    return std::make_unique<Chat>(Language::Simplified, kChatSimplified, split);
  if (name == "chat_zh_hant")
    return std::make_unique<Chat>(Language::Traditional, kChatTraditional, split);
  if (name == "mini") return std::make_unique<Mini>(split);
  if (name == "drill") return make_drill(split);
  std::string known;
  for (const std::string_view each : kNames)
    known += (known.empty() ? "" : ", ") + std::string(each);
  return base::fail(base::Code::NotFound, "there is no such generator; there are " + known,
                    std::string(name));
}

}  // namespace lab::synth
