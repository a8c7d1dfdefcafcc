// A channel: the public name that clients ask for, the verified release that answers, and the
// engine that runs it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/engine.h"
#include "json/json.h"
#include "model/tool_format.h"
#include "money/amount.h"

namespace gateway {

// What a certificate says about the release, as answers, receipts and the page show it.
struct ReleaseInfo {
  std::string id;               // the certificate's id: what usage rows and receipts name
  std::string channel;          // "chat"
  std::string manifest_digest;  // hexadecimal: names the model's bytes
  std::string charter_id;
  uint64_t charter_version = 0;
  uint32_t epoch = 0;
  int persons = 0;  // distinct persons who decided
  bool one_person_decides = false;
  money::PriceQuote price;
  base::Time issued;
};

class Channel {
 public:
  static base::Result<std::shared_ptr<Channel>> start(ReleaseInfo release,
                                                      std::shared_ptr<const model::Model> model,
                                                      const engine::Options& options);

  const ReleaseInfo& release() const { return release_; }
  const std::string& name() const { return release_.channel; }
  const std::string& fingerprint() const { return fingerprint_; }  // "fp_…", for system_fingerprint
  engine::Engine& engine() const { return *engine_; }
  const model::Model& model() const { return engine_->model(); }
  const model::ToolFormat& tool_format() const { return tool_format_; }

  // The tokens that the model reads for these messages and tools (model/tool_format.h). TooLarge
  // with reason context_length_exceeded when no token of an answer would fit behind them.
  base::Result<std::vector<int32_t>> prompt(const json::Value& messages,
                                            const model::AnswerForm& form = {}) const;
  // The same for text that is read as it stands, and for tokens that the caller made.
  base::Result<std::vector<int32_t>> text_prompt(std::string_view text) const;
  base::Result<std::vector<int32_t>> check_prompt(std::vector<int32_t> tokens) const;

 private:
  Channel(ReleaseInfo release, std::unique_ptr<engine::Engine> engine);
  // Refuses a text that cannot fit without making its tokens.
  base::Status check_length(std::string_view text) const;

  ReleaseInfo release_;
  std::unique_ptr<engine::Engine> engine_;
  const model::ToolFormat tool_format_;
  std::string fingerprint_;
  size_t token_bytes_max_ = 1;  // of the longest token: bounds the tokens of a text from below
};

base::Error context_length_exceeded(int64_t context_length, int64_t prompt_tokens);

}  // namespace gateway
