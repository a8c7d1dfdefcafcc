// charter user: people, their roles, invitations.
#include <cstdio>

#include "base/time.h"
#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

const std::string kUsers = "/v1/organization/users";
const std::string kInvites = "/v1/organization/invites";

std::string user_line(const json::Value& user) {
  return shown(user["id"]) + "  " + shown(user["role"]) + "  " + shown(user["email"]) + "  " +
         shown(user["name"]);
}

base::Status list(std::span<const std::string> arguments) {
  Options options("user");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  return print_items(control->list(kUsers), options.json(), user_line);
}

base::Status invite(std::span<const std::string> arguments) {
  Options options("user");
  const auto& email = options.optional_positional("EMAIL");
  const auto& data = options.text("--data", "");
  const auto& role = options.text("--role", "member");
  const auto& expires = options.text("--expires", "7d");
  const auto& url = options.text("--url", "http://127.0.0.1:8080");
  const auto& projects = options.list("--project");
  TRY_VOID(options.parse(arguments));
  TRY(const base::Duration life, base::parse_duration(expires));
  json::Array grants;
  for (const std::string& project : projects)
    grants.emplace_back(json::Object{{"id", project}, {"role", "member"}});
  TRY(const auto control, open_control(data));
  TRY(json::Value made,
      control->post(kInvites, json::Object{{"email", email},
                                           {"role", role},
                                           {"projects", std::move(grants)},
                                           {"expires_in_seconds", life.ns / 1'000'000'000}}));
  const std::string link = url + made["path"].as_string();
  if (options.json()) {
    made.set("link", link);
    print_json(made);
    return {};
  }
  std::puts(link.c_str());
  std::fprintf(stderr, "%s: the link works once, until %s\n", shown(made["id"]).c_str(),
               shown_time(made["expires_at"]).c_str());
  return {};
}

base::Status invitations(std::span<const std::string> arguments) {
  Options options("user");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  return print_items(control->list(kInvites), options.json(), [](const json::Value& one) {
    return shown(one["id"]) + "  " + shown(one["status"]) + "  " + shown(one["role"]) + "  " +
           shown_time(one["expires_at"]) + "  " + shown(one["email"]);
  });
}

base::Status withdraw(std::span<const std::string> arguments) {
  Options options("user");
  const auto& id = options.positional("INVITE_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value done, control->remove(kInvites + "/" + escaped(id)));
  if (options.json()) print_json(done);
  return {};
}

base::Status role(std::span<const std::string> arguments) {
  Options options("user");
  const auto& id = options.positional("USER_ID");
  const auto& wanted = options.positional("ROLE");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value user,
      control->post(kUsers + "/" + escaped(id), json::Object{{"role", wanted}}));
  if (options.json())
    print_json(user);
  else
    std::puts(user_line(user).c_str());
  return {};
}

base::Status remove(std::span<const std::string> arguments) {
  Options options("user");
  const auto& id = options.positional("USER_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value done, control->remove(kUsers + "/" + escaped(id)));
  if (options.json())
    print_json(done);
  else
    std::fprintf(stderr, "%s is removed; its sessions and keys ended\n", id.c_str());
  return {};
}

constexpr Action kActions[] = {
    {"list", list},         {"invite", invite}, {"invitations", invitations},
    {"withdraw", withdraw}, {"role", role},     {"remove", remove}};

base::Status run_user(std::span<const std::string> arguments) {
  return run_action("user", kActions, arguments);
}

}  // namespace

extern const Command kUserCommand;
const Command kUserCommand = {
    "user", "people: invitations, roles, removal",
    "usage: charter user list\n"
    "       charter user invite [EMAIL] [--role member|admin|owner] [--project ID]... [--expires "
    "7d]\n"
    "                           [--url http://127.0.0.1:8080]\n"
    "       charter user invitations\n"
    "       charter user withdraw INVITE_ID\n"
    "       charter user role USER_ID member|admin|owner\n"
    "       charter user remove USER_ID\n\n"
    "invite prints a link that makes its bearer a user, once. Members use the first project and "
    "those they were added to;\n"
    "admins manage people, projects, keys and limits; owners also make owners. remove ends a "
    "user's sessions and keys at\n"
    "once. Works whether `charter serve` runs or not; --data DIR names the folder.\n",
    run_user};

}  // namespace cli
