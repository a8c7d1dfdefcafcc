// Who there is: organisations, projects with their members and service accounts, users,
// invitations. Plain values; identity/identity.h keeps them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace identity {

enum class Role : unsigned char { Member, Admin, Owner };
std::string_view role_name(Role role);  // "member" "admin" "owner"
// "reader", as OpenAI's API says it, is a member. InvalidArgument names the roles that there are.
base::Result<Role> parse_role(std::string_view name);

struct Organisation {
  std::string id = {};  // "org_…"
  std::string name = {};
  base::Time created = {};
};

struct Project {
  std::string id = {};  // "proj_…"
  std::string org_id = {};
  std::string name = {};
  base::Time created = {};
  std::optional<base::Time> archived = {};  // its keys are refused from then on
};

struct User {
  std::string id = {};  // "user_…"
  std::string org_id = {};
  std::string name = {};
  Role role = Role::Member;
  std::string language = {};  // "en", "zh-Hans", "zh-Hant"; empty: as the browser asks
  base::Time created = {};
  std::string email = {};                  // lower case; may be empty
  std::optional<base::Time> removed = {};  // neither signs in nor has keys from then on
};

// What a user may do within one project. Admins and owners of the organisation are in all of them,
// and everybody is in the organisation's first one.
enum class ProjectRole : unsigned char { Member, Owner };
std::string_view project_role_name(ProjectRole role);  // "member" "owner"
base::Result<ProjectRole> parse_project_role(std::string_view name);

struct Member {
  std::string project_id = {}, user_id = {};
  ProjectRole role = ProjectRole::Member;
  base::Time added = {};
};

// A program of a project, which outlives the people that set it up.
struct ServiceAccount {
  std::string id = {};  // "svc_acct_…"
  std::string project_id = {};
  std::string name = {};
  ProjectRole role = ProjectRole::Member;
  base::Time created = {};
  std::optional<base::Time> removed = {};
};

struct ProjectGrant {
  std::string project_id = {};
  ProjectRole role = ProjectRole::Member;
};

struct Invitation {
  std::string id = {};  // "invite_…"
  std::string org_id = {};
  std::string email = {};  // lower case; may be empty: whoever has the link
  Role role = Role::Member;
  std::vector<ProjectGrant> projects = {};
  std::string invited_by = {};  // a user's id; empty: the operator's command line
  base::Time created = {}, expires = {};
  std::optional<base::Time> accepted = {};
  std::string accepted_by = {};  // the user that it became

  std::string_view status(base::Time now) const;  // "pending" "accepted" "expired"
};

}  // namespace identity
