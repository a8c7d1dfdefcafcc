// A request to providers whose answer comes whole (embeddings, moderations): the targets one after
// the other, until one gives an answer that can be read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/catalog.h"
#include "gateway/upstream_error.h"
#include "gateway/wire.h"

namespace gateway {

class ProviderQuery final : public net::ClientSink,
                            public std::enable_shared_from_this<ProviderQuery> {
 public:
  struct Plan {
    std::shared_ptr<const ModelRoute> route = {};
    std::vector<const Target*> order = {};  // of providers alone
    std::function<WireCall(const Target&)> write = {};
    // Takes the answer in; an error tries the next target.
    std::function<base::Status(const Target&, std::string_view body)> read = {};
    // Once, on a loop's thread: who answered, or why nobody did.
    std::function<void(base::Result<const Target*>)> done = {};
    std::string request_id = {}, traceparent = {};
  };
  // Begins. Where no target lets itself be asked, done comes before this returns.
  static void start(Plan plan);

  void head(int status, const std::vector<net::Header>& headers) override;
  void data(std::string_view bytes) override;
  void end(const base::Status& status) override;

 private:
  explicit ProviderQuery(Plan plan) : plan_(std::move(plan)) {}
  void ask_next();
  std::optional<Failure> read_answer(const base::Status& status);

  const Plan plan_;
  size_t next_ = 0;
  const Target* target_ = nullptr;
  base::Error last_error_;
  int status_ = 0;
  std::optional<base::Duration> retry_after_;
  std::string body_;
};

}  // namespace gateway
