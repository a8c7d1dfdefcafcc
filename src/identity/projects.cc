// Projects, their members and their service accounts.
#include <algorithm>

#include "crypto/random.h"
#include "identity/store.h"

namespace identity {
namespace {

using base::Code;

base::Result<Project> active_project(const Identity& identity, std::string_view project_id) {
  auto project = identity.find_project(project_id);
  if (!project) return unknown("project", project_id);
  if (project->archived)
    return base::fail(Code::FailedPrecondition, "this project is archived", project->id,
                      "PROJECT_ARCHIVED");
  return *std::move(project);
}

}  // namespace

const Project* Identity::State::first_project(std::string_view org_id) const {
  const Project* first = nullptr;
  for (const auto& [id, project] : tables.projects)
    if (project.org_id == org_id && (first == nullptr || older(project, *first))) first = &project;
  return first;
}

bool Identity::State::may_use(const User& user, const Project& project) const {
  if (user.removed || user.org_id != project.org_id || project.archived) return false;
  if (user.role != Role::Member || tables.members.contains({project.id, user.id})) return true;
  return first_project(user.org_id)->id == project.id;
}

bool Identity::may_use(std::string_view user_id, std::string_view project_id) const {
  std::shared_lock lock(state_->mutex);
  const auto user = state_->tables.users.find(user_id);
  const auto project = state_->tables.projects.find(project_id);
  return user != state_->tables.users.end() && project != state_->tables.projects.end() &&
         state_->may_use(user->second, project->second);
}

base::Result<Project> Identity::create_project(std::string_view org_id, std::string_view name,
                                               const Actor& by) {
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  if (!find_organisation(org_id)) return unknown("organisation", org_id);
  const Project project{
      crypto::random_id("proj_"), std::string(org_id), std::string(name), state_->clock.now(), {}};
  TRY_VOID(state_->write([&](db::Database& database) { return insert(database, project); },
                         act("project.created", org_id, project.id, {{"name", name}}, project.id),
                         by));
  std::unique_lock lock(state_->mutex);
  state_->tables.projects[project.id] = project;
  return project;
}

base::Status Identity::rename_project(std::string_view project_id, std::string_view name,
                                      const Actor& by) {
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  TRY(const Project project, active_project(*this, project_id));
  TRY_VOID(state_->write(
      [&](db::Database& database) {
        return database.run("UPDATE projects SET name = ? WHERE id = ?", name, project_id);
      },
      act("project.updated", project.org_id, project_id, {{"name", name}}, project_id), by));
  std::unique_lock lock(state_->mutex);
  state_->tables.projects.find(project_id)->second.name = name;
  return {};
}

base::Status Identity::archive_project(std::string_view project_id, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto project = find_project(project_id);
  if (!project) return unknown("project", project_id);
  if (project->archived) return {};
  const base::Time now = state_->clock.now();
  {
    std::unique_lock lock(state_->mutex);
    if (state_->first_project(project->org_id)->id == project_id)
      return base::fail(Code::FailedPrecondition,
                        "the organisation's first project cannot be archived", project->id,
                        "FIRST_PROJECT");
    state_->tables.projects.find(project_id)->second.archived = now;
  }
  return state_->write(
      [&](db::Database& database) {
        return database.run("UPDATE projects SET archived = ? WHERE id = ?", now.ns, project_id);
      },
      act("project.archived", project->org_id, project_id, {}, project_id), by);
}

std::optional<Project> Identity::find_project(std::string_view project_id) const {
  std::shared_lock lock(state_->mutex);
  return copy_of(state_->tables.projects, project_id);
}

std::vector<Project> Identity::projects(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Project> rows;
  for (const auto& [id, project] : state_->tables.projects)
    if (project.org_id == org_id) rows.push_back(project);
  std::ranges::sort(rows, older<Project>);
  return rows;
}

base::Status Identity::set_member(std::string_view project_id, std::string_view user_id,
                                  ProjectRole role, const Actor& by) {
  std::lock_guard change(state_->change);
  TRY(const Project project, active_project(*this, project_id));
  const auto user = find_user(user_id);
  if (!user || user->removed || user->org_id != project.org_id) return unknown("user", user_id);
  Member member{project.id, user->id, role, state_->clock.now()};
  {
    std::shared_lock lock(state_->mutex);
    const auto there = state_->tables.members.find({project.id, user->id});
    if (there != state_->tables.members.end()) member.added = there->second.added;
  }
  TRY_VOID(state_->write([&](db::Database& database) { return insert(database, member); },
                         act("project.user.set", project.org_id, user_id,
                             {{"role", project_role_name(role)}}, project_id),
                         by));
  std::unique_lock lock(state_->mutex);
  state_->tables.members[{project.id, user->id}] = member;
  return {};
}

base::Status Identity::remove_member(std::string_view project_id, std::string_view user_id,
                                     const Actor& by) {
  std::lock_guard change(state_->change);
  const auto project = find_project(project_id);
  if (!project) return unknown("project", project_id);
  {
    std::unique_lock lock(state_->mutex);
    if (state_->tables.members.erase({project->id, std::string(user_id)}) == 0)
      return unknown("member of this project", user_id);
  }
  // Who is still in it by another right keeps the keys.
  if (!may_use(user_id, project_id))
    TRY_VOID(state_->revoke_where(
        [&](const Key& key) { return key.user_id == user_id && key.project_id == project_id; }));
  return state_->write(
      [&](db::Database& database) {
        return database.run("DELETE FROM members WHERE project = ? AND user = ?", project_id,
                            user_id);
      },
      act("project.user.removed", project->org_id, user_id, {}, project_id), by);
}

std::vector<Member> Identity::members(std::string_view project_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Member> rows;
  for (const auto& [ids, member] : state_->tables.members)
    if (member.project_id == project_id) rows.push_back(member);
  std::ranges::sort(rows, {}, [](const Member& m) { return std::tie(m.added, m.user_id); });
  return rows;
}

base::Result<ServiceAccount> Identity::create_service_account(std::string_view project_id,
                                                              std::string_view name,
                                                              ProjectRole role, const Actor& by) {
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  TRY(const Project project, active_project(*this, project_id));
  const ServiceAccount account{
      crypto::random_id("svc_acct_"), project.id, std::string(name), role, state_->clock.now(), {}};
  TRY_VOID(state_->write([&](db::Database& database) { return insert(database, account); },
                         act("service_account.created", project.org_id, account.id,
                             {{"name", name}, {"role", project_role_name(role)}}, project_id),
                         by));
  std::unique_lock lock(state_->mutex);
  state_->tables.service_accounts[account.id] = account;
  return account;
}

base::Status Identity::remove_service_account(std::string_view account_id, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto account = find_service_account(account_id);
  if (!account || account->removed) return unknown("service account", account_id);
  const base::Time now = state_->clock.now();
  {
    std::unique_lock lock(state_->mutex);
    state_->tables.service_accounts.find(account_id)->second.removed = now;
  }
  TRY_VOID(state_->revoke_where([&](const Key& key) { return key.user_id == account_id; }));
  return state_->write(
      [&](db::Database& database) {
        return database.run("UPDATE service_accounts SET removed = ? WHERE id = ?", now.ns,
                            account_id);
      },
      act("service_account.deleted", find_project(account->project_id)->org_id, account_id, {},
          account->project_id),
      by);
}

std::vector<ServiceAccount> Identity::service_accounts(std::string_view project_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<ServiceAccount> rows;
  for (const auto& [id, account] : state_->tables.service_accounts)
    if (account.project_id == project_id && !account.removed) rows.push_back(account);
  std::ranges::sort(rows, older<ServiceAccount>);
  return rows;
}

std::optional<ServiceAccount> Identity::find_service_account(std::string_view account_id) const {
  std::shared_lock lock(state_->mutex);
  return copy_of(state_->tables.service_accounts, account_id);
}

}  // namespace identity
