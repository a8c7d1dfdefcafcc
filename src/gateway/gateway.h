// A request's one way through the house: admit (hold the worst-case price) → route → run → meter →
// settle → receipt. Callers are authenticated already (identity::Caller). Every function may be
// called from any thread; none waits for the disk or the network.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "gateway/catalog.h"
#include "gateway/generation.h"
#include "gateway/limits.h"
#include "gateway/metering.h"
#include "gateway/model_directory.h"
#include "gateway/moderation.h"
#include "gateway/timers.h"
#include "identity/identity.h"
#include "journal/ledger.h"
#include "telemetry/metrics.h"

namespace gateway {

class GenerationRun;

class Gateway {
 public:
  // All outlive the gateway, and the gateway every run: wait() before it goes. `client` may be null
  // where there are no upstreams.
  Gateway(journal::Ledger& ledger, telemetry::Registry& metrics, const base::Clock& clock,
          net::HttpClient* client, std::vector<std::shared_ptr<Channel>> releases);
  ~Gateway();

  // The public models as they are; a caller's own are those that its key may ask for.
  std::shared_ptr<const Catalog> catalog() const { return directory_.catalog().get(); }
  ModelDirectory& directory() { return directory_; }
  std::vector<std::shared_ptr<const ModelRoute>> models(const identity::Caller& caller) const;
  // NotFound (model_not_found) when there is none, or not for this caller.
  base::Result<std::shared_ptr<const ModelRoute>> find_model(const identity::Caller& caller,
                                                             std::string_view name) const;

  // Errors, before anything was sent or billed, after which the sink hears nothing: NotFound
  // (model_not_found), TooLarge (context_length_exceeded), QuotaExceeded (insufficient_quota),
  // RateLimited, Unavailable (server_is_overloaded, server_is_draining), InvalidArgument,
  // Unimplemented.
  base::Result<std::shared_ptr<Run>> generate(const identity::Caller& caller, Generation generation,
                                              std::shared_ptr<Sink> sink,
                                              Admission* admission = nullptr);

  // The callback comes once, perhaps before this returns, on any thread; it must not block. Errors
  // as above.
  void embed(const identity::Caller& caller, EmbeddingRequest request,
             std::function<void(base::Result<Embeddings>)> done, Admission* admission = nullptr);

  // The prompt's tokens as the model would be billed for them. Unimplemented for models that only
  // an upstream answers.
  base::Result<int64_t> count_tokens(const identity::Caller& caller,
                                     const Generation& generation) const;

  // The body of POST /moderations: to an upstream where a route of that name leads, its answer
  // coming back with the public name of the model, and else to the house's own moderation model.
  // NotFound (model_not_found) where there is none.
  void moderate(const identity::Caller& caller, std::string request_id, json::Value body,
                std::function<void(base::Result<json::Value>)> done,
                Admission* admission = nullptr);

  // What texts are checked with. After an error every generation is refused with it: a rule that
  // cannot be kept denies. Null: there is no model, and no rule asks for one.
  void set_moderation(base::Result<std::shared_ptr<const Moderation>> moderation);

  void drain();  // refuses new requests from here on
  void cancel_all();
  bool wait(base::Duration limit);  // until every run has ended; false when some have not
  int64_t running() const { return running_.load(); }
  bool draining() const { return draining_.load(); }

 private:
  friend class EmbedRun;
  friend class GenerationRun;
  friend class ModerationRun;
  void ended() { running_.fetch_sub(1); }  // a run; the last that it does
  base::Result<std::shared_ptr<const ModelRoute>> admit_model(const identity::Caller& caller,
                                                              std::string_view name) const;
  base::Result<std::shared_ptr<const Moderation>> moderation() const { return *moderation_.load(); }
  base::Result<std::shared_ptr<const ModelRoute>> find_moderator(const identity::Caller& caller,
                                                                 std::string_view name) const;
  base::Result<std::shared_ptr<GenerationRun>> admit(const identity::Caller& caller,
                                                     Generation generation,
                                                     std::shared_ptr<Sink> sink,
                                                     Admission* admission);

  Limits limits_;
  const MeteringHouse house_;
  ModelDirectory directory_;
  Timers timers_;
  telemetry::Counter& refused_;
  telemetry::Counter &harmful_prompts_, &harmful_answers_;
  using ModerationState = base::Result<std::shared_ptr<const Moderation>>;
  std::atomic<std::shared_ptr<const ModerationState>> moderation_;
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> running_{0};
  std::mutex runs_mutex_;
  std::vector<std::weak_ptr<GenerationRun>> runs_;
};

}  // namespace gateway
