// charter key: API keys and owner sign-in links of a data folder whose server is not running.
#include <cstdio>

#include "base/time.h"
#include "cli/command.h"
#include "identity/identity.h"
#include "json/json.h"

namespace cli {
namespace {

using base::Code;

struct KeyArguments {
  std::string data, action, key_id, name, project, expires, url;
  std::vector<std::string> scopes;
  bool json = false;
};

std::string identity_path(const KeyArguments& a) { return a.data + "/identity.db"; }

base::Result<std::unique_ptr<identity::Identity>> open_identity(const KeyArguments& a,
                                                                const base::Clock& clock) {
  auto opened = identity::Identity::open(identity_path(a), clock);
  if (!opened && opened.error().reason == "DATABASE_LOCKED")
    return base::wrap(
        opened.error(),
        "`charter serve` is running on this data folder; stop it (SIGTERM lets it finish its "
        "answers), run this command again, and start it again");
  return opened;
}

base::Result<identity::Identity::Founding> founding_of(const identity::Identity& identity,
                                                       const KeyArguments& a) {
  if (auto founding = identity.founding()) return *founding;
  return base::fail(Code::FailedPrecondition,
                    "this data folder has no owner yet; run `charter serve` once", a.data,
                    "NO_OWNER");
}

json::Value key_json(const identity::Key& key) {
  const auto time = [](const std::optional<base::Time>& t) {
    return t ? json::Value(base::rfc3339(*t)) : json::Value();
  };
  json::Array scopes;
  for (const std::string& scope : key.scopes) scopes.emplace_back(scope);
  return json::Object{{"id", key.id},
                      {"name", key.name},
                      {"redacted", key.redacted},
                      {"project", key.project_id},
                      {"user", key.user_id},
                      {"scopes", std::move(scopes)},
                      {"created", time(key.created)},
                      {"expires", time(key.expires)},
                      {"revoked", time(key.revoked)}};
}

base::Status create(const KeyArguments& a, const base::Clock& clock) {
  std::optional<base::Time> expires;
  if (!a.expires.empty()) {
    TRY(const base::Duration life, base::parse_duration(a.expires));
    expires = clock.now() + life;
  }
  TRY(auto identity, open_identity(a, clock));
  TRY(const auto founding, founding_of(*identity, a));
  const std::string project = a.project.empty() ? founding.project.id : a.project;
  TRY(const identity::NewKey made,
      identity->create_key(founding.owner.id, project, a.name, a.scopes, expires));
  if (a.json) {
    json::Value value = key_json(made.key);
    value.set("key", made.secret.reveal());
    std::puts(json::dump(value).c_str());
  } else {
    std::puts(std::string(made.secret.reveal()).c_str());
    std::fprintf(stderr, "%s is shown only this once; keep it in a safe place\n",
                 made.key.id.c_str());
  }
  return {};
}

base::Status list(const KeyArguments& a) {
  TRY(const auto keys, identity::read_keys(identity_path(a)));
  for (const identity::Key& key : keys) {
    if (a.json) {
      std::puts(json::dump(key_json(key)).c_str());
      continue;
    }
    const std::string state = key.revoked   ? "revoked " + base::rfc3339(*key.revoked)
                              : key.expires ? "expires " + base::rfc3339(*key.expires)
                                            : "good";
    std::printf("%s  %s  %s  %s  %s\n", key.id.c_str(), key.redacted.c_str(),
                base::rfc3339(key.created).c_str(), state.c_str(), key.name.c_str());
  }
  return {};
}

base::Status revoke(const KeyArguments& a, const base::Clock& clock) {
  TRY(auto identity, open_identity(a, clock));
  TRY_VOID(identity->revoke_key(a.key_id));
  if (a.json)
    std::puts(json::dump(json::Object{{"id", a.key_id}, {"revoked", true}}).c_str());
  else
    std::fprintf(stderr, "%s is revoked\n", a.key_id.c_str());
  return {};
}

base::Status owner_link(const KeyArguments& a, const base::Clock& clock) {
  TRY(auto identity, open_identity(a, clock));
  TRY(const auto founding, founding_of(*identity, a));
  TRY(const base::Secret token, identity->create_owner_link(founding.owner.id));
  const std::string link = a.url + "/signin?token=" + std::string(token.reveal());
  if (a.json)
    std::puts(json::dump(json::Object{{"owner_link", link}, {"user", founding.owner.id}}).c_str());
  else
    std::puts(link.c_str());
  std::fputs("the link signs in once, within 24 hours; it replaces the one before\n", stderr);
  return {};
}

base::Status run_key(std::span<const std::string> arguments) {
  KeyArguments a;
  Options options("key");
  const auto& action = options.positional("ACTION");
  const auto& key_id = options.optional_positional("KEY_ID");
  const auto& data = options.text("--data", "");
  const auto& name = options.text("--name", "key");
  const auto& project = options.text("--project", "");
  const auto& expires = options.text("--expires", "");
  const auto& url = options.text("--url", "http://127.0.0.1:8080");
  const auto& scopes = options.list("--scope");
  TRY_VOID(options.parse(arguments));
  if (data.empty())
    return base::fail(Code::InvalidArgument, "name the data folder with --data DIR", "--data");
  a = {data, action, key_id, name, project, expires, url, scopes, options.json()};
  const base::SystemClock clock;
  if (action == "create") return create(a, clock);
  if (action == "list") return list(a);
  if (action == "owner-link") return owner_link(a, clock);
  if (action == "revoke" && !key_id.empty()) return revoke(a, clock);
  if (action == "revoke")
    return base::fail(Code::InvalidArgument,
                      "name the key to revoke; `charter key list` shows them");
  return base::fail(Code::InvalidArgument, "there is no such action; see `charter help key`",
                    action);
}

}  // namespace

extern const Command kKeyCommand;
const Command kKeyCommand = {
    "key", "API keys and owner sign-in links",
    "usage: charter key create --data DIR [--name NAME] [--project ID] [--scope SCOPE]... "
    "[--expires 30d]\n"
    "       charter key list --data DIR\n"
    "       charter key revoke KEY_ID --data DIR\n"
    "       charter key owner-link --data DIR [--url http://127.0.0.1:8080]\n\n"
    "create prints the new key, once; only its hash is kept. owner-link prints an address that "
    "signs the owner in, once,\n"
    "within 24 hours. All but list need the data folder to themselves: stop `charter serve` "
    "first.\n",
    run_key};

}  // namespace cli
