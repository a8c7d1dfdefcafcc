// charter serve: the configuration from file, environment and flags, then the server until a signal
// comes.
#include <csignal>
#include <cstdio>

#include "api/routes.h"
#include "base/log.h"
#include "cli/command.h"
#include "server/app.h"

namespace cli {
namespace {

void print_routes(bool as_json) {
  for (const api::Route* entry : api::routes()) {
    const api::Route& route = *entry;
    if (as_json) {
      const json::Value line = json::Object{{"method", route.method},
                                            {"path", route.pattern},
                                            {"auth", api::auth_name(route.auth)},
                                            {"summary", route.summary}};
      std::puts(json::dump(line).c_str());
    } else {
      std::printf("%-6s %-40s %-24s %s\n", std::string(route.method).c_str(),
                  std::string(route.pattern).c_str(),
                  std::string(api::auth_name(route.auth)).c_str(),
                  std::string(route.summary).c_str());
    }
  }
}

void print_ready(const server::Ready& ready, bool as_json) {
  if (as_json) {
    json::Array models;
    for (const std::string& model : ready.models) models.push_back(model);
    json::Value value = json::Object{{"url", ready.url},
                                     {"owner_link", ready.owner_link.reveal()},
                                     {"models", std::move(models)}};
    if (ready.api_key) value.set("api_key", ready.api_key->reveal());
    std::puts(json::dump(value).c_str());
    std::fflush(stdout);
    return;
  }
  std::string out = "\nCharter answers.\n  page       " + ready.url + "\n  sign in    ";
  out.append(ready.owner_link.reveal()).append("   (works once, within 24 hours)\n");
  if (ready.api_key)
    out.append("  api_key    ").append(ready.api_key->reveal()).append("   (shown only now)\n");
  out += "  models    ";
  for (const std::string& model : ready.models) out += " " + model;
  out += "\n  data       " + ready.data + "\n";
  if (ready.new_house) {
    out +=
        "\nThis folder had no charter, so one was made with a single person, who decides alone. "
        "`charter init --help`\n"
        "says how to give several persons a vote.\n";
  }
  for (const std::string& refusal : ready.refused)
    out += "\nA model is not served: " + refusal + "\n";
  std::puts(out.c_str());
  std::fflush(stdout);
}

// Waits for SIGTERM or SIGINT. Meanwhile, once a minute, forgotten holds are released, and SIGHUP
// reads again what may change.
int wait_for_signal(const sigset_t& signals, server::App& app) {
  while (true) {
    const timespec minute{60, 0};
    const int signal = sigtimedwait(&signals, nullptr, &minute);
    if (signal < 0 && errno == EAGAIN) app.sweep();
    if (signal > 0 && signal != SIGHUP) return signal;
    if (signal != SIGHUP) continue;
    const base::Status reloaded = app.reload();
    base::log(reloaded ? base::Level::Info : base::Level::Error, "reloaded",
              {{"error", reloaded ? std::string() : reloaded.error().text()}});
  }
}

base::Status run(std::span<const std::string> arguments) {
  Options options("serve");
  std::vector<std::pair<std::string_view, std::string*>> values;
  std::vector<std::pair<std::string_view, bool*>> switches;
  for (const server::FlagName& flag : server::setting_flags()) {
    if (flag.is_switch)
      switches.emplace_back(flag.name, &options.flag(flag.name));
    else
      values.emplace_back(flag.name, &options.text(flag.name, ""));
  }
  const std::string& config_file = options.text("--config", "");
  const bool& routes = options.flag("--routes");
  TRY_VOID(options.parse(arguments));
  if (routes) return print_routes(options.json()), base::Status();

  server::Flags flags;
  for (const auto& [flag, value] : values) {
    if (options.given(flag)) flags.emplace_back(flag, *value);
  }
  for (const auto& [flag, on] : switches) {
    if (*on) flags.emplace_back(flag, "true");
  }
  TRY(const server::Config config,
      server::load_config(config_file, server::process_environment(), flags));

  // Blocked before any thread starts, so that every thread inherits it and only the wait below sees
  // the signal.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const base::SystemClock clock;
  TRY(const auto app, server::App::start(config, clock));
  print_ready(app->ready(), options.json());
  base::log(base::Level::Info, "serving", {{"url", app->ready().url}});
  const int signal = wait_for_signal(signals, *app);
  base::log(base::Level::Info, "draining", {{"signal", signal}});
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second signal ends it at once
  const bool ended = app->drain();
  base::log(base::Level::Info, "drained", {{"all_answers_ended", ended}});
  return {};
}

const std::string kHelp =
    "usage: charter serve [--data DIR] [--listen 127.0.0.1:PORT] [--ready FILE] [OPTIONS]\n"
    "       charter serve --routes\n\n"
    "The first run of a data folder makes a one-person charter, releases the bundled model under "
    "it, and prints a first API\n"
    "key; every run prints a sign-in link that works once. A model is served only when its release "
    "certificate and every\n"
    "byte of it verify. SIGTERM lets running answers end and exits 0. The ready file holds\n"
    "{\"url\", \"api_key\" (first run only), \"owner_link\", \"models\"}.\n\n" +
    server::settings_help() +
    "  --config FILE\n"
    "      settings as TOML (CHARTER_CONFIG; otherwise DATA/config.toml where it exists)\n"
    "  --routes\n"
    "      prints the table of routes and ends\n\n"
    "Flags win over the environment, the environment over the file; an unknown name is refused.\n\n"
    "exit codes: 0 drained; 64 wrong usage; 65 a model's bytes are not those released; 69 port, "
    "data folder or disk\n"
    "unavailable, or nothing to serve\n";

}  // namespace

extern const Command kServeCommand;
const Command kServeCommand = {"serve", "serves the released models: API and page", kHelp, run};

}  // namespace cli
