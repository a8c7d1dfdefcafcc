// charter upstream: the providers that this server may ask.
#include <cstdio>
#include <iostream>

#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

const std::string kUpstreams = "/v1/organization/upstreams";

std::string upstream_line(const json::Value& upstream) {
  return shown(upstream["id"]) + "  " + shown(upstream["kind"]) + "  " +
         shown(upstream["base_url"]) + "  " + shown(upstream["name"]);
}

base::Status list(std::span<const std::string> arguments) {
  Options options("upstream");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  return print_items(control->list(kUpstreams), options.json(), upstream_line);
}

// The provider's key comes by standard input: arguments are seen by everybody on the machine.
base::Status add(std::span<const std::string> arguments) {
  Options options("upstream");
  const auto& name = options.positional("NAME");
  const auto& url = options.positional("BASE_URL");
  const auto& data = options.text("--data", "");
  const auto& kind = options.text("--kind", "openai");
  const bool& no_key = options.flag("--no-key");
  TRY_VOID(options.parse(arguments));
  std::string key;
  if (!no_key) {
    std::fputs("the provider's API key, on one line: ", stderr);
    std::getline(std::cin, key);
    while (!key.empty() && (key.back() == '\r' || key.back() == ' ')) key.pop_back();
    if (key.empty())
      return base::fail(base::Code::InvalidArgument,
                        "no key came by standard input; --no-key adds a provider without one");
  }
  json::Value body = json::Object{{"name", name}, {"kind", kind}, {"base_url", url}};
  if (!key.empty()) body.set("api_key", key);
  TRY(const auto control, open_control(data));
  TRY(const json::Value made, control->post(kUpstreams, body));
  if (options.json())
    print_json(made);
  else
    std::puts(upstream_line(made).c_str());
  return {};
}

base::Status remove(std::span<const std::string> arguments) {
  Options options("upstream");
  const auto& id = options.positional("UPSTREAM_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value done, control->remove(kUpstreams + "/" + escaped(id)));
  if (options.json())
    print_json(done);
  else
    std::fprintf(stderr, "%s is removed\n", id.c_str());
  return {};
}

base::Status test(std::span<const std::string> arguments) {
  Options options("upstream");
  const auto& id = options.positional("UPSTREAM_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value answer,
      control->post(kUpstreams + "/" + escaped(id) + "/test", json::Object{}));
  print_json(answer);
  if (answer["ok"] == json::Value(true)) return {};
  return base::fail(base::Code::Unavailable, shown(answer["error"]), id);
}

constexpr Action kActions[] = {{"list", list}, {"add", add}, {"remove", remove}, {"test", test}};

base::Status run_upstream(std::span<const std::string> arguments) {
  return run_action("upstream", kActions, arguments);
}

}  // namespace

extern const Command kUpstreamCommand;
const Command kUpstreamCommand = {
    "upstream", "providers that this server may ask",
    "usage: charter upstream list\n"
    "       charter upstream add NAME BASE_URL [--kind openai|anthropic] [--no-key] < KEY\n"
    "       charter upstream remove UPSTREAM_ID\n"
    "       charter upstream test UPSTREAM_ID\n\n"
    "add reads the provider's key from standard input, seals it, and never shows it again. test "
    "asks the provider for its\n"
    "models. Works whether `charter serve` runs or not; --data DIR names the folder.\n",
    run_upstream};

}  // namespace cli
