// A moderation, from admission to its usage row: the client's body goes to a provider that offers
// moderations, under its own name for the model, and its answer comes back under the public one; a
// route without targets leads to the house's own model, which answers at once and costs nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/catalog.h"
#include "gateway/generation.h"
#include "gateway/metering.h"
#include "gateway/moderation.h"

namespace gateway {

class Gateway;

class ModerationRun final : public std::enable_shared_from_this<ModerationRun> {
 public:
  using Done = std::function<void(base::Result<json::Value>)>;
  ModerationRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
                const identity::Caller& caller, std::string request_id, json::Value body,
                Done done);

  // Admits and begins. After an error `done` is not called.
  base::Status start(Admission* admission);

 private:
  base::Status start_own(const Moderation& moderation, Admission* admission);
  base::Status read_answer(std::string_view body);
  void finish(base::Result<const Target*> target);
  void report(const std::string& answerer, const std::optional<base::Error>& error);

  Gateway& gateway_;
  const std::shared_ptr<const ModelRoute> route_;
  const identity::Caller caller_;
  const std::string request_id_;
  const json::Value body_;
  const Done done_;
  Metering metering_;
  int64_t tokens_likely_ = 0;
  json::Value answer_;
};

}  // namespace gateway
