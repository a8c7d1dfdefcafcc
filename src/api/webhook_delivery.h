// Events sent to the endpoints that projects have registered, signed as Standard Webhooks wants it
// (standardwebhooks.com, symmetric signatures), and sent again with growing pauses until taken.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "api/call.h"
#include "objects/store.h"

namespace api {

struct WebhookOptions {
  // Endpoints may be http:// and on private addresses: for a house that trusts its API users with
  // its own network, and for tests.
  bool private_addresses = false;
};

std::span<const std::string_view> webhook_event_types();

class Webhooks {
 public:
  Webhooks(App& app, const WebhookOptions& options);
  ~Webhooks();  // deliveries under way are tried again at the next start
  Webhooks(const Webhooks&) = delete;

  base::Status start();
  // Any thread; never waits. `type` is "batch.completed", `object_id` whom it is about.
  void emit(std::string_view project_id, std::string_view type, std::string_view object_id);
  // Sends one sample and waits for the answer's status. Errors: InvalidArgument
  // (webhook_delivery_failed) when there is no answer.
  base::Result<int> send_sample(const objects::Object& endpoint, std::string_view type);
  // An endpoint was made, changed or removed.
  void endpoints_changed();
  base::Status check_url(const std::string& url) const;

  // A new secret: what the client is shown once, and what is stored in the endpoint's body.
  struct NewSecret {
    base::Secret shown;  // "whsec_…"
    std::string sealed;
  };
  NewSecret new_secret(std::string_view endpoint_id) const;

 private:
  struct Mailbox;
  struct Delivery;

  void loop();
  void take_events();
  base::Status enqueue(const std::string& project_id, const std::string& type,
                       const std::string& object_id);
  void send(const Delivery& delivery);
  void finish(const std::string& delivery_id, int status);
  base::Result<std::string> signatures(const objects::Object& endpoint, std::string_view id,
                                       int64_t timestamp, std::string_view payload) const;

  App& app_;
  const WebhookOptions options_;
  std::shared_ptr<Mailbox> mailbox_;  // outlives this: answers may still be on their way
  std::thread thread_;
};

}  // namespace api
