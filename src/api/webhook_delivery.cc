#include "api/webhook_delivery.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "api/errors.h"
#include "base/log.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "net/http_client.h"

namespace api {
namespace {

constexpr std::string_view kEventTypes[] = {"batch.completed",
                                            "batch.failed",
                                            "batch.expired",
                                            "batch.cancelled",
                                            "response.completed",
                                            "response.failed",
                                            "response.cancelled",
                                            "response.incomplete",
                                            "fine_tuning.job.succeeded",
                                            "fine_tuning.job.failed",
                                            "fine_tuning.job.cancelled"};

// Standard Webhooks' schedule: pauses before the second attempt, the third, ...
constexpr int64_t kPauseSeconds[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
constexpr size_t kUnderWayMax = 32;
constexpr int64_t kEndpointsMax = 100;  // of a project
constexpr std::string_view kSecretPrefix = "whsec_";

std::string purpose(std::string_view endpoint_id) { return "webhook " + std::string(endpoint_id); }

bool wants(const objects::Object& endpoint, std::string_view type) {
  for (const json::Value& wanted : endpoint.body["event_types"].as_array())
    if (wanted.as_string() == type) return true;
  return false;
}

std::string payload_of(std::string_view event_id, std::string_view type, int64_t now,
                       std::string_view object_id) {
  return json::dump(json::Object{{"id", event_id},
                                 {"object", "event"},
                                 {"created_at", now},
                                 {"type", type},
                                 {"data", json::Object{{"id", object_id}}}});
}

net::ClientRequest signed_request(const objects::Object& endpoint, const std::string& event_id,
                                  int64_t now, const std::string& signature,
                                  const std::string& payload, bool public_addresses_only) {
  net::ClientRequest request;
  request.url = endpoint.body["url"].as_string();
  request.headers = {{"content-type", "application/json"},
                     {"user-agent", "Charter/" CHARTER_VERSION},
                     {"webhook-id", event_id},
                     {"webhook-timestamp", std::to_string(now)},
                     {"webhook-signature", signature}};
  request.body = payload;
  request.first_byte_timeout = request.idle_timeout = base::seconds(15);
  request.response_bytes_max = 64u << 10;
  request.public_addresses_only = public_addresses_only;
  return request;
}

class StatusSink final : public net::ClientSink {
 public:
  explicit StatusSink(std::function<void(int)> done) : done_(std::move(done)) {}
  void head(int status, const std::vector<net::Header>&) override { status_ = status; }
  void data(std::string_view) override {}
  void end(const base::Status& status) override { done_(status ? status_ : 0); }

 private:
  std::function<void(int)> done_;
  int status_ = 0;
};

}  // namespace

std::span<const std::string_view> webhook_event_types() { return kEventTypes; }

// One event for one endpoint, a row until it is delivered or given up.
struct Webhooks::Delivery {
  objects::Object row;
  int64_t attempts() const { return row.body["attempts"].as_int(); }
  int64_t due() const { return row.body["due"].as_int(); }  // seconds
};

struct Webhooks::Mailbox {
  struct Event {
    std::string project_id, type, object_id;
  };
  std::atomic<bool> any_endpoint{false};
  std::mutex mutex;  // all below
  std::condition_variable wake;
  std::vector<Event> events;
  std::vector<std::pair<std::string, int>> finished;  // delivery, status
  std::map<std::string, Delivery> waiting;            // by id
  std::set<std::string> under_way;
  bool stopping = false;
};

Webhooks::Webhooks(App& app, const WebhookOptions& options)
    : app_(app), options_(options), mailbox_(std::make_shared<Mailbox>()) {}

Webhooks::~Webhooks() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stopping = true;
  }
  mailbox_->wake.notify_one();
  if (thread_.joinable()) thread_.join();
}

base::Status Webhooks::start() {
  TRY(auto rows, app_.objects.find_all("webhook.delivery", {}));
  for (objects::Object& row : rows) {
    std::string id = row.id;
    mailbox_->waiting.emplace(std::move(id), Delivery{std::move(row)});
  }
  endpoints_changed();
  thread_ = std::thread([this] { loop(); });
  return {};
}

void Webhooks::endpoints_changed() {
  const auto rows = app_.objects.find_all("webhook_endpoint", {});
  mailbox_->any_endpoint = !rows || !rows->empty();
}

void Webhooks::emit(std::string_view project_id, std::string_view type,
                    std::string_view object_id) {
  if (!mailbox_->any_endpoint) return;
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->events.push_back(
        {std::string(project_id), std::string(type), std::string(object_id)});
  }
  mailbox_->wake.notify_one();
}

void Webhooks::loop() {
  Mailbox& box = *mailbox_;
  for (;;) {
    std::vector<Mailbox::Event> events;
    std::vector<std::pair<std::string, int>> finished;
    std::vector<Delivery> due;
    {
      std::unique_lock lock(box.mutex);
      const auto ready = [&] {
        return box.stopping || !box.events.empty() || !box.finished.empty();
      };
      if (box.waiting.size() > box.under_way.size())
        box.wake.wait_for(lock, std::chrono::seconds(1), ready);
      else
        box.wake.wait(lock, ready);
      if (box.stopping) return;
      events.swap(box.events);
      finished.swap(box.finished);
      for (const auto& [id, status] : finished) box.under_way.erase(id);
    }
    for (const auto& [id, status] : finished) finish(id, status);
    for (const Mailbox::Event& event : events) {
      if (const auto queued = enqueue(event.project_id, event.type, event.object_id); !queued)
        base::log(base::Level::Error, "a webhook event is lost",
                  {{"type", event.type}, {"error", queued.error().text()}});
    }
    const int64_t now = app_.clock.now().seconds();
    {
      const std::lock_guard lock(box.mutex);
      for (const auto& [id, delivery] : box.waiting) {
        if (box.under_way.size() >= kUnderWayMax) break;
        if (delivery.due() > now || !box.under_way.insert(id).second) continue;
        due.push_back(delivery);
      }
    }
    for (const Delivery& delivery : due) send(delivery);
  }
}

// One row for each endpoint that wants the event, on disk before it is sent.
base::Status Webhooks::enqueue(const std::string& project_id, const std::string& type,
                               const std::string& object_id) {
  TRY(const auto endpoints,
      app_.objects.list(
          {.kind = "webhook_endpoint", .project_id = project_id, .limit = kEndpointsMax}));
  const base::Time now = app_.clock.now();
  const std::string event_id = crypto::random_id("evt_");
  std::vector<objects::Object> rows;
  for (const objects::Object& endpoint : endpoints.data) {
    if (!wants(endpoint, type)) continue;
    objects::Object row{.kind = "webhook.delivery",
                        .id = crypto::random_id("whdel_"),
                        .project_id = project_id,
                        .parent_id = endpoint.id,
                        .created = now};
    row.body = json::Object{{"event_id", event_id},
                            {"payload", payload_of(event_id, type, now.seconds(), object_id)},
                            {"attempts", 0},
                            {"due", now.seconds()}};
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return {};
  TRY_VOID(app_.objects.insert(rows));
  const std::lock_guard lock(mailbox_->mutex);
  for (objects::Object& row : rows) {
    std::string id = row.id;
    mailbox_->waiting.emplace(std::move(id), Delivery{std::move(row)});
  }
  return {};
}

base::Result<std::string> Webhooks::signatures(const objects::Object& endpoint, std::string_view id,
                                               int64_t timestamp, std::string_view payload) const {
  const std::string text =
      std::string(id) + "." + std::to_string(timestamp) + "." + std::string(payload);
  std::string out;
  for (const std::string_view name : {"_secret", "_old_secret"}) {
    const json::Value& sealed = endpoint.body[name];
    if (!sealed.is_string()) continue;
    if (name == "_old_secret" && endpoint.body["_old_until"].as_int() <= timestamp) continue;
    TRY(const base::Bytes box, base::from_base64(sealed.as_string()));
    TRY(const base::Secret secret,
        crypto::open(app_.identity.seal_key(), purpose(endpoint.id), box));
    TRY(const base::Bytes key, base::from_base64(secret.reveal().substr(kSecretPrefix.size())));
    const crypto::Digest mac = crypto::hmac_sha256(key, base::as_bytes(text));
    out += (out.empty() ? "v1," : " v1,") + base::base64(mac);
  }
  return out;
}

void Webhooks::send(const Delivery& delivery) {
  const objects::Object& row = delivery.row;
  const auto report = [box = mailbox_, id = row.id](int status) {
    {
      const std::lock_guard lock(box->mutex);
      box->finished.emplace_back(id, status);
    }
    box->wake.notify_one();
  };
  const auto endpoint = app_.objects.get("webhook_endpoint", row.project_id, row.parent_id);
  if (!endpoint) return report(410);  // removed meanwhile
  const std::string& payload = row.body["payload"].as_string();
  const std::string& event_id = row.body["event_id"].as_string();
  const int64_t now = app_.clock.now().seconds();
  const auto signature = signatures(*endpoint, event_id, now, payload);
  if (!signature) {
    base::log(base::Level::Error, "a webhook cannot be signed",
              {{"endpoint", endpoint->id}, {"error", signature.error().text()}});
    return report(0);
  }
  net::ClientRequest request =
      signed_request(*endpoint, event_id, now, *signature, payload, !options_.private_addresses);
  app_.http_client->send(std::move(request), std::make_shared<StatusSink>(report));
}

void Webhooks::finish(const std::string& delivery_id, int status) {
  std::optional<Delivery> delivery;
  {
    const std::lock_guard lock(mailbox_->mutex);
    const auto found = mailbox_->waiting.find(delivery_id);
    if (found == mailbox_->waiting.end()) return;
    delivery = found->second;
  }
  objects::Object& row = delivery->row;
  const auto attempts = static_cast<size_t>(delivery->attempts()) + 1;
  const bool taken = status >= 200 && status < 300;
  const bool over = taken || status == 410 || attempts > std::size(kPauseSeconds);
  base::Status stored;
  if (over) {
    stored = app_.objects.remove("webhook.delivery", row.project_id, row.id);
  } else {
    row.body.set("attempts", static_cast<int64_t>(attempts));
    row.body.set("due", app_.clock.now().seconds() + kPauseSeconds[attempts - 1]);
    const auto updated =
        app_.objects.update("webhook.delivery", row.project_id, row.id, [&](json::Value& body) {
          body = row.body;
          return base::Status();
        });
    if (!updated) stored = std::unexpected(updated.error());
  }
  if (!taken || !stored)
    base::log(base::Level::Warn,
              over ? "a webhook is given up" : "a webhook was not taken; it is sent again later",
              {{"endpoint", row.parent_id}, {"status", status}});
  const std::lock_guard lock(mailbox_->mutex);
  if (over)
    mailbox_->waiting.erase(delivery_id);
  else
    mailbox_->waiting[delivery_id] = *std::move(delivery);
}

base::Result<int> Webhooks::send_sample(const objects::Object& endpoint, std::string_view type) {
  const int64_t now = app_.clock.now().seconds();
  const std::string event_id = crypto::random_id("evt_");
  const std::string payload = payload_of(event_id, type, now, "sample_123");
  TRY(const std::string signature, signatures(endpoint, event_id, now, payload));
  net::ClientRequest request =
      signed_request(endpoint, event_id, now, signature, payload, !options_.private_addresses);
  const auto response = net::fetch(*app_.http_client, std::move(request));
  if (!response)
    return refuse_parameter("webhook_delivery_failed", "",
                            "The endpoint did not answer: " + response.error().message);
  return response->status;
}

base::Status Webhooks::check_url(const std::string& url) const {
  const bool fits =
      url.starts_with("https://") || (options_.private_addresses && url.starts_with("http://"));
  if (fits && url.size() <= 2048) return {};
  return refuse_parameter("invalid_value", "url",
                          "Invalid 'url': expected an https:// URL of at most 2048 characters.");
}

Webhooks::NewSecret Webhooks::new_secret(std::string_view endpoint_id) const {
  const base::Secret secret(std::string(kSecretPrefix) + base::base64(crypto::random_bytes(32)));
  const base::Bytes box = crypto::seal(app_.identity.seal_key(), purpose(endpoint_id), secret);
  return {secret, base::base64(box)};
}

}  // namespace api
