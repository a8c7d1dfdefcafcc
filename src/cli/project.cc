// charter project: projects, their members and their service accounts.
#include <cstdio>

#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

const std::string kProjects = "/v1/organization/projects";

std::string project_line(const json::Value& project) {
  return shown(project["id"]) + "  " + shown(project["status"]) + "  " +
         shown_time(project["created_at"]) + "  " + shown(project["name"]);
}

void print_one(const json::Value& value, bool as_json, const std::string& line) {
  if (as_json)
    print_json(value);
  else
    std::puts(line.c_str());
}

base::Status list(std::span<const std::string> arguments) {
  Options options("project");
  const auto& data = options.text("--data", "");
  const bool& all = options.flag("--all");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  return print_items(control->list(kProjects + (all ? "?include_archived=true" : "")),
                     options.json(), project_line);
}

base::Status create(std::span<const std::string> arguments) {
  Options options("project");
  const auto& name = options.positional("NAME");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value made, control->post(kProjects, json::Object{{"name", name}}));
  print_one(made, options.json(), project_line(made));
  return {};
}

base::Status rename(std::span<const std::string> arguments) {
  Options options("project");
  const auto& id = options.positional("PROJECT_ID");
  const auto& name = options.positional("NAME");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value made,
      control->post(kProjects + "/" + escaped(id), json::Object{{"name", name}}));
  print_one(made, options.json(), project_line(made));
  return {};
}

base::Status archive(std::span<const std::string> arguments) {
  Options options("project");
  const auto& id = options.positional("PROJECT_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value made,
      control->post(kProjects + "/" + escaped(id) + "/archive", json::Object{}));
  print_one(made, options.json(), project_line(made));
  return {};
}

base::Status members(std::span<const std::string> arguments) {
  Options options("project");
  const auto& id = options.positional("PROJECT_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  return print_items(control->list(kProjects + "/" + escaped(id) + "/users"), options.json(),
                     [](const json::Value& member) {
                       return shown(member["id"]) + "  " + shown(member["role"]) + "  " +
                              shown(member["email"]) + "  " + shown(member["name"]);
                     });
}

base::Status add_member(std::span<const std::string> arguments) {
  Options options("project");
  const auto& id = options.positional("PROJECT_ID");
  const auto& user = options.positional("USER_ID");
  const auto& data = options.text("--data", "");
  const auto& role = options.text("--role", "member");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value made, control->post(kProjects + "/" + escaped(id) + "/users",
                                            json::Object{{"user_id", user}, {"role", role}}));
  print_one(made, options.json(), shown(made["id"]) + "  " + shown(made["role"]));
  return {};
}

base::Status remove_member(std::span<const std::string> arguments) {
  Options options("project");
  const auto& id = options.positional("PROJECT_ID");
  const auto& user = options.positional("USER_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value done,
      control->remove(kProjects + "/" + escaped(id) + "/users/" + escaped(user)));
  print_one(done, options.json(), user + " is no longer a member");
  return {};
}

base::Status add_service(std::span<const std::string> arguments) {
  Options options("project");
  const auto& id = options.positional("PROJECT_ID");
  const auto& name = options.positional("NAME");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  TRY(const json::Value made, control->post(kProjects + "/" + escaped(id) + "/service_accounts",
                                            json::Object{{"name", name}}));
  print_one(made, options.json(), shown(made["api_key"]["value"]));
  if (!options.json())
    std::fprintf(stderr, "the key of %s is shown only this once\n", shown(made["id"]).c_str());
  return {};
}

base::Status services(std::span<const std::string> arguments) {
  Options options("project");
  const auto& id = options.positional("PROJECT_ID");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  return print_items(control->list(kProjects + "/" + escaped(id) + "/service_accounts"),
                     options.json(), [](const json::Value& account) {
                       return shown(account["id"]) + "  " + shown_time(account["created_at"]) +
                              "  " + shown(account["name"]);
                     });
}

constexpr Action kActions[] = {{"list", list},
                               {"create", create},
                               {"rename", rename},
                               {"archive", archive},
                               {"members", members},
                               {"add-member", add_member},
                               {"remove-member", remove_member},
                               {"services", services},
                               {"add-service", add_service}};

base::Status run_project(std::span<const std::string> arguments) {
  return run_action("project", kActions, arguments);
}

}  // namespace

extern const Command kProjectCommand;
const Command kProjectCommand = {
    "project", "projects, their members and service accounts",
    "usage: charter project list [--all]\n"
    "       charter project create NAME\n"
    "       charter project rename PROJECT_ID NAME\n"
    "       charter project archive PROJECT_ID\n"
    "       charter project members PROJECT_ID\n"
    "       charter project add-member PROJECT_ID USER_ID [--role member|owner]\n"
    "       charter project remove-member PROJECT_ID USER_ID\n"
    "       charter project services PROJECT_ID\n"
    "       charter project add-service PROJECT_ID NAME\n\n"
    "A project has keys, members, limits and usage of its own. An archived one refuses its keys; "
    "--all lists it too.\n"
    "add-service makes a service account, a program's identity that outlives the people who set it "
    "up, and prints its\n"
    "key, once. Works whether `charter serve` runs or not; --data DIR names the folder.\n",
    run_project};

}  // namespace cli
