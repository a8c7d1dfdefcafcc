#include "gateway/gateway.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/check.h"
#include "gateway/embed_run.h"
#include "gateway/generation_run.h"
#include "gateway/local_attempt.h"
#include "gateway/moderation_run.h"

namespace gateway {

Gateway::Gateway(journal::Ledger& ledger, telemetry::Registry& metrics, const base::Clock& clock,
                 net::HttpClient* client, std::vector<std::shared_ptr<Channel>> releases)
    : house_{ledger, limits_, clock},
      directory_(metrics, client),
      refused_(
          metrics.counter("charter_requests_refused_total", "Requests refused before any work.")),
      harmful_prompts_(metrics.counter("charter_moderation_harm_total",
                                       "Prompts and answers in which moderation found harm.",
                                       {{"hook", "before"}})),
      harmful_answers_(metrics.counter("charter_moderation_harm_total",
                                       "Prompts and answers in which moderation found harm.",
                                       {{"hook", "after"}})),
      moderation_(std::make_shared<const ModerationState>(nullptr)) {
  directory_.set_releases(std::move(releases));
}

Gateway::~Gateway() {
  drain();
  cancel_all();
  wait(base::seconds(3600));
}

namespace {

bool may_ask(const identity::Caller& caller, std::string_view model) {
  return caller.models.empty() || std::ranges::find(caller.models, model) != caller.models.end();
}

}  // namespace

std::vector<std::shared_ptr<const ModelRoute>> Gateway::models(
    const identity::Caller& caller) const {
  auto routes = catalog()->routes();
  std::erase_if(routes, [&](const auto& route) { return !may_ask(caller, route->name); });
  return routes;
}

base::Result<std::shared_ptr<const ModelRoute>> Gateway::find_model(const identity::Caller& caller,
                                                                    std::string_view name) const {
  std::shared_ptr<const ModelRoute> route = catalog()->find(name);
  if (route && may_ask(caller, name)) return route;
  return base::fail(
      base::Code::NotFound,
      "The model `" + std::string(name) + "` does not exist or you do not have access to it.",
      std::string(name), "model_not_found");
}

base::Result<std::shared_ptr<const ModelRoute>> Gateway::admit_model(const identity::Caller& caller,
                                                                     std::string_view name) const {
  if (draining()) {
    return base::fail(base::Code::Unavailable, "the server is shutting down; try again later", {},
                      "server_is_draining");
  }
  return find_model(caller, name);
}

base::Result<std::shared_ptr<GenerationRun>> Gateway::admit(const identity::Caller& caller,
                                                            Generation generation,
                                                            std::shared_ptr<Sink> sink,
                                                            Admission* admission) {
  TRY(auto route, admit_model(caller, generation.model));
  auto run = std::make_shared<GenerationRun>(*this, std::move(route), caller, std::move(generation),
                                             std::move(sink));
  running_.fetch_add(1);
  if (base::Status status = run->start(admission); !status) {
    running_.fetch_sub(1);
    return std::unexpected(std::move(status).error());
  }
  return run;
}

base::Result<std::shared_ptr<Run>> Gateway::generate(const identity::Caller& caller,
                                                     Generation generation,
                                                     std::shared_ptr<Sink> sink,
                                                     Admission* admission) {
  auto run = admit(caller, std::move(generation), std::move(sink), admission);
  if (!run) {
    refused_.add();
    return std::unexpected(std::move(run).error());
  }
  const std::lock_guard lock(runs_mutex_);
  std::erase_if(runs_, [](const std::weak_ptr<GenerationRun>& other) { return other.expired(); });
  runs_.push_back(*run);
  return *std::move(run);
}

void Gateway::embed(const identity::Caller& caller, EmbeddingRequest request,
                    std::function<void(base::Result<Embeddings>)> done, Admission* admission) {
  const auto route = admit_model(caller, request.model);
  if (!route) return done(std::unexpected(route.error()));
  const auto run = std::make_shared<EmbedRun>(*this, *route, caller, std::move(request), done);
  running_.fetch_add(1);
  base::Status status = run->start(admission);
  if (status) return (*route)->metrics->requests.add();
  ended();
  refused_.add();
  done(std::unexpected(std::move(status).error()));
}

base::Result<int64_t> Gateway::count_tokens(const identity::Caller& caller,
                                            const Generation& generation) const {
  TRY(const auto route, find_model(caller, generation.model));
  for (const Target& target : route->targets) {
    if (!target.channel) continue;
    TRY(const std::vector<int32_t> prompt, local_prompt(*target.channel, generation));
    return static_cast<int64_t>(prompt.size());
  }
  return base::fail(base::Code::Unimplemented,
                    "Tokens of the model `" + generation.model + "` cannot be counted here.",
                    "model");
}

// A route of that name, or one that leads to the house's own model: OpenAI's names mean it too.
base::Result<std::shared_ptr<const ModelRoute>> Gateway::find_moderator(
    const identity::Caller& caller, std::string_view name) const {
  auto route = admit_model(caller, name);
  if (route || draining() || catalog()->find(name) || !may_ask(caller, name)) return route;
  TRY(const auto own, moderation());
  if (!own || (!is_moderation_name(name) && name != own->name())) return route;
  auto made = std::make_shared<ModelRoute>();
  made->name = name;
  return made;
}

void Gateway::moderate(const identity::Caller& caller, std::string request_id, json::Value body,
                       std::function<void(base::Result<json::Value>)> done, Admission* admission) {
  const json::Value* model = body.find("model");
  const std::string name =
      model != nullptr && model->is_string() ? model->as_string() : "omni-moderation-latest";
  const auto route = find_moderator(caller, name);
  if (!route) return done(std::unexpected(route.error()));
  const auto run = std::make_shared<ModerationRun>(*this, *route, caller, std::move(request_id),
                                                   std::move(body), done);
  running_.fetch_add(1);
  base::Status status = run->start(admission);
  if (status) {
    if ((*route)->metrics) (*route)->metrics->requests.add();
    return;
  }
  ended();
  refused_.add();
  done(std::unexpected(std::move(status).error()));
}

void Gateway::set_moderation(base::Result<std::shared_ptr<const Moderation>> moderation) {
  moderation_.store(std::make_shared<const ModerationState>(std::move(moderation)));
}

void Gateway::drain() { draining_.store(true); }

void Gateway::cancel_all() {
  std::vector<std::shared_ptr<GenerationRun>> live;
  {
    const std::lock_guard lock(runs_mutex_);
    for (const std::weak_ptr<GenerationRun>& run : runs_) {
      if (auto strong = run.lock()) live.push_back(std::move(strong));
    }
  }
  for (const std::shared_ptr<GenerationRun>& run : live) run->cancel();
}

bool Gateway::wait(base::Duration limit) {
  const int64_t deadline_ns = base::monotonic_ns() + limit.ns;
  while (running_.load() > 0 && base::monotonic_ns() < deadline_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return running_.load() == 0;
}

}  // namespace gateway
