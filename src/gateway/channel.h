// A channel: the public name that clients ask for, the verified release that answers, and the
// engine that runs it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/engine.h"
#include "govern/monitor.h"
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
  std::string charter_sha256;  // hexadecimal
  uint32_t epoch = 0;          // under which it was certified
  uint64_t leaf = 0;           // of the certificate in the log
  int persons = 0;             // distinct persons who decided
  bool one_person_decides = false;
  money::PriceQuote price;
  base::Time issued;
};

// The part of the channel's traffic that a release has, by users.
struct Share {
  uint32_t percent = 100;
  bool is_canary = false;
  friend bool operator==(const Share&, const Share&) = default;
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

  void set_share(Share share) { share_.store(share, std::memory_order_relaxed); }
  Share share() const { return share_.load(std::memory_order_relaxed); }
  // The charter's monitors whose events this server sees itself: "error.rate", answers that the
  // release failed. Counting begins anew with each stage. Of other events somebody else keeps
  // count.
  void watch(const std::vector<govern::Monitor>& monitors, base::Time now);
  // An answer is over. A monitor that fires halts the release before this returns.
  void observe(bool failed, base::Time now);
  std::vector<govern::Watch> watches() const;

  // The release may not answer any more: what it is answering ends with this error at its next
  // token, and nothing begins. For good; a release that is resumed is loaded anew.
  void halt(base::Error error);
  // Null while it may answer. Cheap: it is asked at every token.
  const base::Error* halted() const { return halted_.load(std::memory_order_acquire); }

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
  std::atomic<Share> share_{Share{}};
  mutable std::mutex watch_mutex_;
  std::vector<govern::Watch> watches_;
  std::mutex halt_mutex_;
  std::unique_ptr<const base::Error> halt_error_;
  std::atomic<const base::Error*> halted_{nullptr};
  size_t token_bytes_max_ = 1;  // of the longest token: bounds the tokens of a text from below
};

base::Error context_length_exceeded(int64_t context_length, int64_t prompt_tokens);

}  // namespace gateway
