// The one table of routes: patterns, who may call what, and that keys can be made for every route.
#include "api/routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "identity/keys.h"

namespace api {
namespace {

TEST(Routes, PatternsFitWholePaths) {
  EXPECT_TRUE(match_pattern("/", "/"));
  EXPECT_FALSE(match_pattern("/", "/x"));
  EXPECT_EQ(match_pattern("/v1/models/{id*}", "/v1/models/a%3Ab/c"),
            std::vector<std::string>{"a:b/c"});
  EXPECT_EQ(match_pattern("/api/conversations/{id}/stop", "/api/conversations/c1/stop"),
            std::vector<std::string>{"c1"});
  EXPECT_FALSE(match_pattern("/api/conversations/{id}", "/api/conversations/c1/stop"));
  EXPECT_FALSE(match_pattern("/api/conversations/{id}", "/api/conversations/"));
  EXPECT_FALSE(match_pattern("/v1/models", "/v1/models/"));
  EXPECT_FALSE(match_pattern("/v1/models/{id*}", "/v1/models/%zz"));
  for (const Route* entry : routes()) {
    const Route& route = *entry;
    EXPECT_TRUE(route.handle != nullptr) << route.pattern;
    EXPECT_TRUE(route.auth != Auth::None || route.method == "GET")
        << route.pattern << ": strangers may only look";
  }
}

TEST(Routes, EveryScopeIsOneThatKeysCanBeMadeWith) {
  for (const Route* route : routes()) {
    if (route->scope.empty()) continue;
    EXPECT_TRUE(identity::check_scopes(std::vector{std::string(route->scope)}))
        << route->method << " " << route->pattern << " needs " << route->scope;
  }
}

TEST(Routes, EveryRouteOfKeysHasAScope) {
  for (const Route* route : routes()) {
    const bool takes_keys = route->auth == Auth::Key || route->auth == Auth::Member;
    if (!takes_keys || route->handle == nullptr) continue;
    EXPECT_FALSE(route->scope.empty()) << route->method << " " << route->pattern;
  }
}

TEST(Routes, EveryScopeOpensARoute) {
  std::set<std::string_view> used;
  for (const Route* route : routes()) used.insert(route->scope);
  for (const identity::ScopeInfo& scope : identity::all_scopes())
    EXPECT_TRUE(used.contains(scope.name)) << scope.name;
}

}  // namespace
}  // namespace api
