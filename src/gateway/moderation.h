// Moderation by the house's own model: the scores behind /v1/moderations, and the two hooks that
// the charter may ask for, on what a client sends and on what it is sent.
//
// An answer is held back until it has been read: a piece of text goes out only once a check of a
// window that ends with it has found nothing. Checks come every kCheckBytes of new text and at the
// end of a choice, so at most that much is held, and nothing unchecked ever goes out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/generation.h"
#include "govern/charter.h"
#include "model/moderation_model.h"
#include "telemetry/metrics.h"

namespace gateway {

inline constexpr size_t kModerationInputsMax = 2048;       // of one request to /v1/moderations
inline constexpr size_t kModerationBytesMax = 512 * 1024;  // of all its texts together
inline constexpr size_t kCheckBytes = 64;                  // of an answer, between two checks
inline constexpr size_t kContextBytes = 256;               // of an answer that a check reads again

// OpenAI's names for "the current moderation model", and the bundled model's own.
bool is_moderation_name(std::string_view model);

class Moderation {
 public:
  // `rules` may be null: then no hook is on and the model's own thresholds count.
  // FailedPrecondition (MODERATION_MODEL) when the rules name other bytes than `digest`.
  static base::Result<std::shared_ptr<const Moderation>> make(
      std::shared_ptr<const model::ModerationModel> model, const crypto::Digest& digest,
      const govern::ModerationRules* rules);

  // From its folder. The bytes that are hashed are the bytes that are loaded: the manifest is that
  // of the two files that make the model, whatever else lies beside them.
  static base::Result<std::shared_ptr<const Moderation>> load(const std::string& directory,
                                                              const govern::ModerationRules* rules);

  govern::ModerationAction before() const { return before_; }
  govern::ModerationAction after() const { return after_; }
  const std::string& name() const { return model_->config().name; }
  const std::string& digest() const { return digest_; }  // hexadecimal, of its manifest

  // The categories whose score reaches their threshold; empty: none.
  std::vector<size_t> find_harm(std::string_view text) const;
  // One entry of "results", of the texts of one input together.
  json::Value result_of(const std::vector<std::string_view>& texts) const;

 private:
  std::shared_ptr<const model::ModerationModel> model_;
  std::string digest_;
  model::ModerationScores thresholds_ = {};
  govern::ModerationAction before_ = govern::ModerationAction::Off;
  govern::ModerationAction after_ = govern::ModerationAction::Off;
};

// "hate, violence"
std::string category_names(const std::vector<size_t>& categories);

// The answer to the body of POST /v1/moderations: {"id","model","results"}. InvalidArgument for
// what is not text (reason unsupported_value) and for too many inputs or bytes.
base::Result<json::Value> moderate_texts(const Moderation& moderation, std::string_view model,
                                         const json::Value& body);

// All texts of a prompt: a client could put them into any message. Tokens give none.
std::vector<std::string_view> texts_of(const Generation& generation);

// The hook after generation, for one request. Not for several threads at once.
class AnswerScreen {
 public:
  AnswerScreen(std::shared_ptr<const Moderation> moderation, int choices, bool whole);

  // What of the choice may go out now, in order: nothing yet, the delta with those that were held,
  // or, once harm was found and the rule is to block, the end of the choice with
  // Finish::ContentFilter. `harm`, when it is found for the first time.
  std::vector<Delta> take(Delta delta, std::vector<size_t>* harm);
  // What is still held when the attempt ends, checked.
  std::vector<Delta> take_rest(std::vector<size_t>* harm);
  bool is_blocked(size_t choice) const { return choices_[choice].blocked; }
  bool all_blocked() const;

 private:
  struct Choice {
    std::string text;      // what the next check reads: context, then what is new
    size_t unchecked = 0;  // bytes of it at the end
    std::vector<Delta> held = {};
    bool blocked = false, flagged = false;
  };
  void check(Choice* choice, int index, std::vector<Delta>* out, std::vector<size_t>* harm);

  const std::shared_ptr<const Moderation> moderation_;
  const bool whole_;  // nobody hears it before its end, so one check there is enough
  std::vector<Choice> choices_;
};

}  // namespace gateway
