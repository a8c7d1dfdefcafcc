// `charter witness`: cosigns the checkpoints of other houses' logs, so that none of them can show
// two histories.
#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "cli/house_options.h"
#include "cli/operate.h"
#include "govern/witness_policy.h"
#include "journal/witness_store.h"
#include "server/config.h"
#include "server/witness_service.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter witness init NAME --data DIR
       charter witness trust LOG_VKEY --data DIR
       charter witness serve --data DIR [--listen 127.0.0.1:7390] [--ready FILE]

A witness cosigns a log's checkpoint when it extends the one that it cosigned last, with the time on its clock
(C2SP tlog-witness, cosignature/v1). init makes its key in DIR and prints the line `witness NAME VKEY`, to which houses
add its URL in their policy.txt; NAME is a URL without its scheme, such as witness.example.org/one. trust adds a log by
its vkey (log_vkey in the pin.json of a house). serve answers POST /add-checkpoint and GET /ID/checkpoint, where ID is
the SHA-256 of the log's origin in hex; SIGTERM ends it. What it cosigned is on the disk before it answers.

Keep DIR: a witness that forgets what it cosigned can be made to cosign a fork. The ready file holds {"url", "vkey"}.

exit codes: 0 done, 64 wrong usage, 65 DIR does not read, 66 there is no witness in DIR, 69 the port or DIR is in use,
73 there is a witness in DIR already
)";

using journal::WitnessStore;

base::Result<std::string> required(const std::string& data) {
  if (!data.empty()) return data;
  return base::fail(base::Code::InvalidArgument, "say where the witness keeps what it signed",
                    "--data");
}

base::Status init(std::span<const std::string> arguments) {
  Options options("witness");
  const std::string& name = options.positional("NAME");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const std::string folder, required(data));
  TRY(const govern::WitnessKey key, WitnessStore::create(folder, name));
  const std::string vkey = govern::format_witness_vkey(key);
  if (options.json())
    print_json(json::Object{{"name", name}, {"vkey", vkey}, {"data", folder}});
  else
    std::printf("witness %s %s\n", name.c_str(), vkey.c_str());
  return {};
}

base::Status trust(std::span<const std::string> arguments) {
  Options options("witness");
  const std::string& text = options.positional("LOG_VKEY");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const std::string folder, required(data));
  TRY(const govern::VerifierKey log, govern::parse_vkey(text));
  TRY_VOID(WitnessStore::trust(folder, log));
  if (options.json())
    print_json(json::Object{{"origin", log.name}, {"id", govern::origin_id(log.name)}});
  else
    std::printf("%s  %s\n", log.name.c_str(), govern::origin_id(log.name).c_str());
  return {};
}

base::Status print_ready(const WitnessStore& store, const std::string& url,
                         const std::string& ready, bool as_json) {
  const json::Value value =
      json::Object{{"url", url}, {"vkey", govern::format_witness_vkey(store.key())}};
  if (!ready.empty()) TRY_VOID(files::write_atomic(ready, json::dump(value) + '\n'));
  if (as_json)
    print_json(value);
  else
    std::printf("%s answers at %s for %zu logs\n", store.key().name.c_str(), url.c_str(),
                store.logs().size());
  std::fflush(stdout);
  return {};
}

base::Status serve(std::span<const std::string> arguments) {
  Options options("witness");
  const std::string& data = options.text("--data", "");
  const std::string& listen = options.text("--listen", "127.0.0.1:7390");
  const std::string& ready = options.text("--ready", "");
  TRY_VOID(options.parse(arguments));
  TRY(const std::string folder, required(data));
  TRY(const server::Address address, server::parse_address(listen));
  // Blocked before any thread starts, so that only the wait below sees the signal.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  TRY(const auto store, WitnessStore::open(folder));
  const base::SystemClock clock;
  server::WitnessService service(*store, clock);
  net::ServerOptions http_options;
  http_options.host = address.host;
  http_options.port = address.port;
  http_options.body_bytes_max = govern::kAddCheckpointBytesMax;
  TRY(const auto http, net::HttpServer::listen(http_options));
  http->start(service);
  const std::string host =
      address.host.find(':') == std::string::npos ? address.host : '[' + address.host + ']';
  TRY_VOID(print_ready(*store, "http://" + host + ':' + std::to_string(http->port()), ready,
                       options.json()));
  int signal = 0;
  sigwait(&signals, &signal);
  http->drain(base::seconds(10));
  return {};
}

constexpr Action kActions[] = {{"init", init}, {"trust", trust}, {"serve", serve}};

base::Status run(std::span<const std::string> arguments) {
  return run_action("witness", kActions, arguments);
}

}  // namespace

extern const Command kWitnessCommand;
const Command kWitnessCommand = {"witness", "cosign the logs of other houses", kHelp, run};

}  // namespace cli
