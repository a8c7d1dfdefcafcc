#include "server/app.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "api/background.h"
#include "api/generations.h"
#include "api/responses_store.h"
#include "api/service.h"
#include "api/stored_files.h"
#include "api/workers.h"
#include "base/bytes.h"
#include "base/log.h"
#include "chat/conversations.h"
#include "crypto/random.h"
#include "files/files.h"
#include "gateway/gateway.h"
#include "gateway/loader.h"
#include "gateway/release_folder.h"
#include "gateway/upstream_json.h"
#include "gateway/upstream_store.h"
#include "journal/charter_house.h"
#include "journal/node_state.h"
#include "journal/shared_house.h"
#include "json/json.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "objects/blobs.h"
#include "objects/store.h"
#include "server/backup.h"
#include "server/control.h"
#include "server/house.h"
#include "server/release_watch.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

namespace server {
namespace {

constexpr int kWorkerThreads = 4;

engine::Options engine_options(const Config& config) {
  engine::Options options;
  options.threads = static_cast<int>(config.engine_threads);
  options.kv_bytes_max = static_cast<uint64_t>(config.engine_kv_mib) << 20;
  options.max_batch = config.engine_batch_max;
  options.queue_max = config.engine_queue_max;
  return options;
}

std::string spool_directory(const Config& config) { return files::join(config.data, "spool"); }

net::ServerOptions server_options(const Config& config, const Address& address,
                                  const ControlPath& control) {
  net::ServerOptions options;
  options.unix_socket = control.path();
  options.host = address.host;
  options.port = address.port;
  options.threads = static_cast<int>(config.threads);
  options.connections_max = static_cast<size_t>(config.connections_max);
  options.tls = !config.tls_certificate.empty();
  options.certificate_file = config.tls_certificate;
  options.key_file = config.tls_key;
  options.spool_directory = spool_directory(config);
  return options;
}

// Traces go to the collector's /v1/traces; one that does not answer costs the batch, nothing else.
std::unique_ptr<telemetry::Tracer> make_tracer(const Config& config, net::HttpClient& client) {
  if (config.otlp_endpoint.empty()) return nullptr;
  telemetry::TracerOptions options;
  options.service_version = CHARTER_VERSION;
  options.sampled_share = static_cast<double>(config.traces_sampled_percent) / 100;
  options.seed = base::load_le<uint64_t>(crypto::random_bytes(8).data());
  std::string url = config.otlp_endpoint;
  while (url.ends_with('/')) url.pop_back();
  if (!url.ends_with("/v1/traces")) url += "/v1/traces";
  return std::make_unique<telemetry::Tracer>(options, [url, &client](std::string batch) {
    net::ClientRequest request;
    request.url = url;
    request.headers = {{"content-type", "application/json"}};
    request.body = std::move(batch);
    request.first_byte_timeout = base::seconds(10);
    const auto response = net::fetch(client, std::move(request));
    return response && response->status / 100 == 2;
  });
}

api::Options api_options(const Config& config) {
  api::Options options;
  options.tolerate_unknown_parameters = config.tolerate_unknown_parameters;
  options.metrics_token = config.metrics_token;
  options.oidc = {config.oidc_issuer, config.oidc_client_id, config.oidc_client_secret};
  options.oidc_redirect_url = config.oidc_redirect_url;
  options.log_directory = files::join(config.data, "log");
  return options;
}

base::Level log_level(const std::string& name) {
  if (name == "debug") return base::Level::Debug;
  if (name == "warn") return base::Level::Warn;
  if (name == "error") return base::Level::Error;
  return base::Level::Info;
}

base::Status write_ready(const std::string& path, const Ready& ready) {
  json::Array models;
  for (const std::string& model : ready.models) models.push_back(model);
  json::Value value = json::Object{{"url", ready.url}};
  if (ready.api_key) value.set("api_key", ready.api_key->reveal());
  value.set("owner_link", ready.owner_link.reveal());
  value.set("models", std::move(models));
  return files::write_atomic(path, json::dump_pretty(value) + "\n", 0600);
}

base::Error no_model(const gateway::LoadedModels& loaded, const std::string& directory) {
  if (!loaded.refusals.empty()) {
    base::Error error = loaded.refusals.front().error;
    error.message = "no model can be served: " + error.message;
    return error;
  }
  return {base::Code::FailedPrecondition,
          "no model is released here; train one and release it, or start with --allow-no-model",
          "NOT_RELEASED",
          directory,
          {}};
}

}  // namespace

// In the order in which they are made; destroyed in the opposite one.
struct App::State {
  Config config;
  const base::Clock* clock = nullptr;
  telemetry::Registry metrics;
  std::optional<ControlPath> control;
  std::unique_ptr<net::HttpServer> http;
  std::unique_ptr<net::HttpClient> client;  // on the server's own threads
  std::unique_ptr<telemetry::Tracer> tracer;
  std::unique_ptr<identity::Identity> identity;
  std::unique_ptr<journal::Ledger> ledger;
  std::unique_ptr<chat::Conversations> conversations;
  std::unique_ptr<objects::Store> objects;
  std::unique_ptr<objects::Blobs> blobs;
  api::Generations generations;
  std::optional<api::Workers> workers;
  std::optional<journal::SharedHouse> house;
  std::optional<gateway::ReleaseFolder> releases;
  std::mutex reload;  // one at a time, whoever asks
  base::Time next_change;
  std::optional<gateway::Gateway> gateway;
  std::optional<gateway::UpstreamStore> upstreams;
  std::optional<api::App> api;
  std::optional<api::Service> service;
  std::optional<api::Background> background;
  std::optional<ReleaseWatch> watch;
  Ready ready;
};

namespace {

constexpr base::Time kNever{INT64_MAX};

// When the shares change although nobody does anything: a lease or a certificate ends.
base::Time next_change(const journal::House& house, base::Time now) {
  base::Time next = kNever;
  for (const auto& [name, life] : house.state().life.channels) {
    const auto until = govern::serving_plan(house.state(), name, now).until;
    if (until) next = std::min(next, *until);
  }
  return next;
}

// The log as it is, unless it is behind what this node has seen of it.
base::Result<std::shared_ptr<const journal::House>> read_house(App::State& state) {
  TRY(auto house, state.house->read());
  TRY_VOID(journal::advance_node_state(state.config.data, house->state(), house->log()));
  return house;
}

// A log that is not the one it was serves nothing; what only cannot be read now is read again.
void stop_all(App::State& state, const base::Error& error) {
  base::log(base::Level::Error, "alarm",
            {{"cause", "the log cannot be trusted"}, {"error", error.text()}});
  if (error.code != base::Code::Corrupt && error.reason != "ROLLBACK") return;
  state.gateway->directory().set_releases({});
  state.releases->halt_all({base::Code::Unavailable,
                            "The model that was answering has been stopped.",
                            "release_halted",
                            {},
                            {}});
}

// The model that moderates, under the charter as it is now: the house's own in DATA/moderation, or
// the bundled one. None is an error only where the charter names one.
base::Result<std::shared_ptr<const gateway::Moderation>> load_moderation(
    const Config& config, const journal::House& house) {
  const auto& rules = house.charter().moderation;
  std::string directory = files::join(config.data, "moderation");
  if (!files::is_directory(directory))
    directory = files::join(find_bundled_models(config.models), "charter-moderation-mini");
  if (!files::is_directory(directory) && !rules) return nullptr;
  return gateway::Moderation::load(directory, rules ? &*rules : nullptr);
}

// What is new in the folder of releases answers from now on, what was stopped does not; why the
// others do not.
base::Result<std::vector<std::string>> reload_releases(App::State& state) {
  const std::lock_guard lock(state.reload);
  const auto house = read_house(state);
  if (!house) {
    stop_all(state, house.error());
    return std::unexpected(house.error());
  }
  state.gateway->directory().set_releases(
      state.releases->withdraw_stopped(**house, state.clock->now()));
  gateway::LoadedModels loaded = state.releases->refresh(**house, state.clock->now());
  state.next_change = next_change(**house, state.clock->now());
  state.gateway->directory().set_releases(std::move(loaded.channels));
  auto moderation = load_moderation(state.config, **house);
  if (!moderation)
    base::log(base::Level::Error, "nothing is generated: answers cannot be moderated",
              {{"error", moderation.error().text()}});
  state.gateway->set_moderation(std::move(moderation));
  std::vector<std::string> refused;
  for (const gateway::Refusal& refusal : loaded.refusals) refused.push_back(refusal.error.text());
  return refused;
}

base::Status load_upstreams(const Config& config, gateway::UpstreamStore* store) {
  const auto variable = [](std::string_view name) {
    const char* value = std::getenv(std::string(name).c_str());
    return std::string(value == nullptr ? "" : value);
  };
  std::vector<gateway::UpstreamOptions> upstreams;
  for (const json::Value& value : config.upstreams) {
    TRY(auto options, gateway::read_configured_upstream(value, variable));
    upstreams.push_back(std::move(options));
  }
  std::vector<gateway::RouteOptions> routes;
  for (const json::Value& value : config.model_routes) {
    TRY(auto options, gateway::read_route(value));
    routes.push_back(std::move(options));
  }
  return store->load(std::move(upstreams), std::move(routes));
}

// The control socket stands in the data folder, so that is made first, and taken back when nothing
// can be listened at.
base::Status listen(const Config& config, const Address& address, bool may_make,
                    App::State* state) {
  const bool makes = may_make && !files::exists(config.data);
  if (makes) TRY_VOID(files::make_directories(config.data, 0700));
  TRY(ControlPath control, ControlPath::of(config.data));
  state->control.emplace(std::move(control));
  auto http = net::HttpServer::listen(server_options(config, address, *state->control));
  if (!http && makes) TRY_VOID(files::remove_directory(config.data));
  if (!http) return std::unexpected(http.error());
  state->http = *std::move(http);
  return {};
}

// What only a server that serves does: makes the house where there is none, loads its models, and
// tells its owner.
base::Result<gateway::LoadedModels> found_and_load(const Config& config, const Address& address,
                                                   const base::Clock& clock, App::State* state) {
  TRY(const FoundHouse house,
      found_house(config.data, find_bundled_models(config.models), clock.now()));
  const std::string models = files::join(config.data, "models");
  state->releases.emplace(models, files::join(config.data, "charter/previous"),
                          engine_options(config));
  TRY(const auto log, read_house(*state));
  gateway::LoadedModels loaded = state->releases->refresh(*log, clock.now());
  state->next_change = next_change(*log, clock.now());
  if (loaded.channels.empty() && !config.allow_no_model)
    return std::unexpected(no_model(loaded, models));

  TRY(FoundOwner owner, found_owner(*state->identity, *state->ledger, config.opening_balance_usd));
  TRY(const base::Secret token, state->identity->create_owner_link(owner.owner.id));
  Ready& ready = state->ready;
  const std::string host =
      address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]";
  ready.url = (config.tls_certificate.empty() ? "http://" : "https://") + host + ":" +
              std::to_string(state->http->port());
  ready.owner_link = base::Secret(ready.url + "/signin?token=" + std::string(token.reveal()));
  ready.api_key = std::move(owner.api_key);
  ready.new_house = house.created;
  ready.data = config.data;
  for (const auto& channel : loaded.channels) {
    ready.models.push_back(channel->name());
    ready.one_person |= channel->release().one_person_decides;
  }
  for (const gateway::Refusal& refusal : loaded.refusals)
    ready.refused.push_back(refusal.error.text());
  return loaded;
}

}  // namespace

base::Result<std::unique_ptr<App>> App::start(const Config& config, const base::Clock& clock,
                                              Mode mode) {
  const bool serves = mode == Mode::Serve;
  base::set_log_level(log_level(config.log_level));
  auto state = std::make_unique<State>();
  state->config = config;
  state->clock = &clock;
  state->house.emplace(config.data);
  TRY(const Address address, serves ? parse_address(config.listen) : Address());
  TRY_VOID(listen(config, address, serves, state.get()));
  if (serves) {
    TRY(const std::string backup, back_up_before_migration(config.data, clock.now()));
    if (!backup.empty())
      base::log(base::Level::Info, "backed up before the schema changes", {{"backup", backup}});
  }
  TRY(state->client, net::HttpClient::attach(*state->http));
  state->tracer = make_tracer(config, *state->client);
  TRY(state->identity, identity::Identity::open(files::join(config.data, "identity.db"), clock));
  TRY(state->ledger, journal::Ledger::open(files::join(config.data, "ledger.db"), clock));
  TRY(state->conversations, chat::Conversations::open(files::join(config.data, "chat.db"), clock));
  TRY(state->objects, objects::Store::open(files::join(config.data, "objects.db"), clock));
  TRY(state->blobs, objects::Blobs::open(files::join(config.data, "blobs")));
  gateway::LoadedModels loaded;
  if (serves) {
    TRY_VOID(files::make_directories(spool_directory(config), 0700));
    TRY(const int64_t interrupted, api::fail_interrupted_responses(*state->objects));
    if (interrupted > 0)
      base::log(base::Level::Warn, "responses in the background were cut off by the last stop",
                {{"count", interrupted}});
    TRY_VOID(api::recover_files(*state->objects, *state->blobs));
    TRY(loaded, found_and_load(config, address, clock, state.get()));
  }

  state->workers.emplace(kWorkerThreads);
  state->gateway.emplace(*state->ledger, state->metrics, clock, state->client.get(),
                         std::move(loaded.channels));
  if (serves) {
    TRY(const auto house, read_house(*state));
    TRY(auto moderation, load_moderation(config, *house));
    state->gateway->set_moderation(std::move(moderation));
  }
  state->upstreams.emplace(*state->objects, state->identity->seal_key(), clock,
                           state->gateway->directory());
  TRY_VOID(load_upstreams(config, &*state->upstreams));
  state->api.emplace(api::App{*state->gateway, *state->identity, *state->ledger,
                              *state->conversations, *state->objects, *state->blobs, state->metrics,
                              clock, state->generations, *state->workers, api_options(config),
                              state->client.get(), state->tracer.get(), &*state->upstreams});
  state->api->house = &*state->house;
  if (state->releases)
    state->api->reload_releases = [raw = state.get()] { return reload_releases(*raw); };
  state->service.emplace(*state->api);
  state->background.emplace(
      *state->api,
      api::BackgroundOptions{.data = config.data,
                             .webhooks = {.private_addresses = config.webhook_private_addresses}});
  state->api->background = &*state->background;
  state->api->notify = [background = &*state->background](const std::string& project_id,
                                                          const std::string& event,
                                                          const std::string& id) {
    background->webhooks.emit(project_id, event, id);
  };
  net::HttpServer* http = state->http.get();
  state->metrics.gauge("charter_connections_open", "Open connections.", {},
                       [http] { return static_cast<double>(http->stats().connections_open); });
  state->metrics.gauge(
      "charter_ledger_open_holds", "Requests that money is held for.", {},
      [ledger = state->ledger.get()] { return static_cast<double>(ledger->open_holds()); });
  std::unique_ptr<App> app(
      new App(std::move(state)));  // from here on its destructor closes everything in order
  if (serves) TRY_VOID(app->state_->background->start());
  http->start(*app->state_->service);
  if (serves)
    app->state_->watch.emplace(
        config.data, clock,
        [raw = app->state_.get()] {
          static_cast<void>(reload_releases(*raw));  // it has said what was wrong
          return raw->next_change;
        },
        app->state_->next_change);
  if (!config.ready.empty()) TRY_VOID(write_ready(config.ready, app->ready()));
  return app;
}

App::App(std::unique_ptr<State> state) : state_(std::move(state)) {}

App::~App() {
  state_->watch.reset();
  state_->http->stop();
  state_->gateway->drain();
  state_->gateway->cancel_all();
  state_->gateway->wait(base::seconds(60));
  state_->workers.reset();  // stores the ends of the page's answers, which needs all that was made
                            // before and after it
  state_->background.reset();  // the ends of answers have told it what happened
}

const Ready& App::ready() const { return state_->ready; }

base::Status App::reload() {
  if (state_->releases) TRY_VOID(reload_releases(*state_));
  if (state_->config.tls_certificate.empty()) return {};
  return state_->http->reload_tls();
}

void App::sweep() {
  state_->ledger->sweep();
  api::remove_expired_objects(*state_->objects, *state_->blobs);
  state_->identity->flush_last_used();
  if (state_->releases) state_->releases->sweep();
}

bool App::drain() {
  const base::Duration limit = base::seconds(state_->config.drain_seconds);
  state_->gateway->drain();
  const bool answered = state_->http->drain(limit);
  // Answers of the page go on without a connection; they get what is left of the time, at least a
  // moment.
  const bool ended = state_->gateway->wait(answered ? limit : base::milliseconds(1));
  if (!ended) state_->gateway->cancel_all();
  state_->gateway->wait(base::seconds(60));
  state_->http->stop();
  state_->ledger->flush();
  return answered && ended;
}

}  // namespace server
