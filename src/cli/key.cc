// charter key: API keys and sign-in links, whether the server runs or not.
#include <algorithm>
#include <cstdio>

#include "base/time.h"
#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

using base::Code;

constexpr std::string_view kKeys = "/v1/organization/api_keys";

// "  (only a, b)"
std::string models_text(const json::Value& models) {
  std::string out;
  if (!models.is_array() || models.as_array().empty()) return out;
  for (const json::Value& model : models.as_array())
    out.append(out.empty() ? "  (only " : ", ").append(model.as_string());
  return out + ")";
}

std::string key_line(const json::Value& key) {
  const std::string state =
      !key["revoked_at"].is_null()   ? "revoked " + shown_time(key["revoked_at"])
      : !key["expires_at"].is_null() ? "expires " + shown_time(key["expires_at"])
                                     : "good";
  return shown(key["id"]) + "  " + shown(key["redacted_value"]) + "  " + shown(key["kind"]) + "  " +
         shown(key["project_id"]) + "  " + shown_time(key["created_at"]) + "  " + state + "  " +
         shown(key["name"]) + models_text(key["allowed_models"]);
}

void print_new(const json::Value& made, bool as_json) {
  if (as_json) return print_json(made);
  std::puts(made["value"].as_string().c_str());
  std::fprintf(stderr, "%s is shown only this once; keep it in a safe place\n",
               shown(made["id"]).c_str());
}

// "a,b" → ["a", "b"]; "all" → [].
json::Array models_of(std::string_view text) {
  json::Array models;
  if (text == "all") return models;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), text.find(',')))) {
    if (text.starts_with(',')) text.remove_prefix(1);
    const std::string_view name = text.substr(0, text.find(','));
    if (!name.empty()) models.emplace_back(name);
  }
  return models;
}

base::Status create(std::span<const std::string> arguments) {
  Options options("key");
  const auto& data = options.text("--data", "");
  const auto& name = options.text("--name", "key");
  const auto& kind = options.text("--kind", "user");
  const auto& project = options.text("--project", "");
  const auto& owner = options.text("--owner", "");
  const auto& expires = options.text("--expires", "");
  const auto& scopes = options.list("--scope");
  const auto& models = options.text("--models", "all");
  TRY_VOID(options.parse(arguments));
  json::Value body = json::Object{{"name", name}, {"kind", kind}};
  if (!project.empty()) body.set("project_id", project);
  if (!owner.empty()) body.set("owner_id", owner);
  if (!scopes.empty()) {
    json::Array list;
    for (const std::string& scope : scopes) list.emplace_back(scope);
    body.set("scopes", std::move(list));
  }
  body.set("allowed_models", models_of(models));
  if (!expires.empty()) {
    TRY(const base::Duration life, base::parse_duration(expires));
    body.set("expires_in_seconds", life.ns / 1'000'000'000);
  }
  TRY(const auto control, open_control(data));
  TRY(const json::Value made, control->post(std::string(kKeys), body));
  print_new(made, options.json());
  return {};
}

base::Status list(std::span<const std::string> arguments) {
  Options options("key");
  const auto& data = options.text("--data", "");
  const auto& kind = options.text("--kind", "");
  const auto& project = options.text("--project", "");
  const bool& all = options.flag("--all");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  const std::string target = std::string(kKeys) + "?include_revoked=" + (all ? "true" : "false") +
                             "&kind=" + escaped(kind) + "&project_id=" + escaped(project);
  return print_items(control->list(target), options.json(), key_line);
}

base::Status change(std::span<const std::string> arguments) {
  Options options("key");
  const auto& id = options.positional("KEY_ID");
  const auto& data = options.text("--data", "");
  const auto& name = options.text("--name", "");
  const auto& models = options.text("--models", "all");
  TRY_VOID(options.parse(arguments));
  json::Value body = json::Object{};
  if (options.given("--name")) body.set("name", name);
  if (options.given("--models")) body.set("allowed_models", models_of(models));
  TRY(const auto control, open_control(data));
  TRY(const json::Value key, control->post(std::string(kKeys) + "/" + escaped(id), body));
  if (options.json())
    print_json(key);
  else
    std::puts(key_line(key).c_str());
  return {};
}

base::Status revoke(std::span<const std::string> arguments) {
  Options options("key");
  const auto& id = options.positional("KEY_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value done, control->remove(std::string(kKeys) + "/" + escaped(id)));
  if (options.json())
    print_json(json::Object{{"id", id}, {"revoked", true}});
  else
    std::fprintf(stderr, "%s is revoked\n", id.c_str());
  return {};
}

base::Status rotate(std::span<const std::string> arguments) {
  Options options("key");
  const auto& id = options.positional("KEY_ID");
  const auto& data = options.text("--data", "");
  const auto& grace = options.text("--grace", "24h");
  TRY_VOID(options.parse(arguments));
  TRY(const base::Duration life, base::parse_duration(grace));
  TRY(const auto control, open_control(data));
  TRY(const json::Value made,
      control->post(std::string(kKeys) + "/" + escaped(id) + "/rotate",
                    json::Object{{"grace_seconds", life.ns / 1'000'000'000}}));
  print_new(made, options.json());
  if (!options.json())
    std::fprintf(stderr, "the secret before it works until %s\n",
                 shown_time(made["old_secret_until"]).c_str());
  return {};
}

base::Result<std::string> first_owner(server::Control& control) {
  TRY(const json::Array users, control.list("/v1/organization/users?order=asc"));
  for (const json::Value& user : users)
    if (user["role"] == json::Value("owner")) return user["id"].as_string();
  return base::fail(Code::FailedPrecondition, "this data folder has no owner yet", {}, "NO_OWNER");
}

base::Status owner_link(std::span<const std::string> arguments) {
  Options options("key");
  const auto& data = options.text("--data", "");
  const auto& url = options.text("--url", "http://127.0.0.1:8080");
  const auto& given = options.text("--user", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const std::string user,
      given.empty() ? first_owner(*control) : base::Result<std::string>(given));
  TRY(const json::Value made,
      control->post("/v1/organization/users/" + escaped(user) + "/sign_in_link", json::Object{}));
  const std::string link = url + made["path"].as_string();
  if (options.json())
    print_json(json::Object{{"owner_link", link}, {"user", user}});
  else
    std::puts(link.c_str());
  std::fputs("the link signs in once, within 24 hours; it replaces the one before\n", stderr);
  return {};
}

constexpr Action kActions[] = {{"create", create}, {"list", list},     {"change", change},
                               {"revoke", revoke}, {"rotate", rotate}, {"owner-link", owner_link}};

base::Status run_key(std::span<const std::string> arguments) {
  return run_action("key", kActions, arguments);
}

}  // namespace

extern const Command kKeyCommand;
const Command kKeyCommand = {
    "key", "API keys and sign-in links",
    "usage: charter key create [--name NAME] [--kind user|project|service_account|admin] "
    "[--project ID]\n"
    "                          [--owner ID] [--scope SCOPE]... [--models NAME,NAME...] "
    "[--expires 30d]\n"
    "       charter key list [--kind KIND] [--project ID] [--all]\n"
    "       charter key change KEY_ID [--name NAME] [--models NAME,NAME...|all]\n"
    "       charter key revoke KEY_ID\n"
    "       charter key rotate KEY_ID [--grace 24h]\n"
    "       charter key owner-link [--user ID] [--url http://127.0.0.1:8080]\n\n"
    "create prints the new key, once; only a keyed hash of it is kept. A user's key (sk-charter-…) "
    "may what its user\n"
    "may, a project's (sk-proj-…) and a service account's (sk-svcacct-…) what the project may, an "
    "admin key (sk-admin-…)\n"
    "opens the routes below /v1/organization and no others. --owner is a user or service account; "
    "without it, the first\n"
    "owner. Scopes narrow a key: model.read, model.request, responses.*, files.*, batches.*, "
    "fine_tuning.*,\n"
    "vector_stores.*, webhooks.* (each .read and .write), usage.read, api.admin.\n"
    "--models names the models that the key may ask for; no others exist for it.\n"
    "rotate gives the key a new secret; the old one works on for the grace. revoke ends a key at "
    "once. list leaves\n"
    "revoked keys out unless --all is given. owner-link prints an address that signs a user in, "
    "once, within 24 hours.\n\n"
    "All work on a running server (through DATA/control.sock) and on a folder whose server is "
    "stopped. --data DIR names\n"
    "the folder (CHARTER_DATA; ~/.local/share/charter).\n",
    run_key};

}  // namespace cli
