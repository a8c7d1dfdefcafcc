// A process that makes and revokes keys is killed without warning, again and again, on the same
// file: what it was told was done is done.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <sstream>

#include "base/random.h"
#include "files/files.h"
#include "identity/identity.h"

namespace identity {
namespace {

constexpr int kRounds = 12;

// Never returns. Each line of the pipe is an act that was acknowledged, "+SECRET" or "-SECRET", or
// one that begins, "?SECRET".
[[noreturn]] void work_until_killed(const std::string& path, uint64_t seed, int pipe) {
  const base::SystemClock clock;
  auto identity = Identity::open(path, clock);
  if (!identity) _exit(1);
  const auto founding = (*identity)->found("Lab", "Ada");
  if (!founding) _exit(2);
  base::Rng rng(seed);
  std::vector<NewKey> keys;
  for (;;) {
    std::string line;
    if (keys.empty() || rng.below(3) != 0) {
      auto made = (*identity)->create_key(founding->owner.id, founding->project.id, "k");
      if (!made) _exit(3);
      line = "+" + std::string(made->secret.reveal()) + "\n";
      keys.push_back(*std::move(made));
    } else {
      const size_t at = rng.below(keys.size());
      const std::string begun = "?" + std::string(keys[at].secret.reveal()) + "\n";
      if (write(pipe, begun.data(), begun.size()) < 0) _exit(6);
      if (!(*identity)->revoke_key(keys[at].key.id)) _exit(4);
      line = "-" + std::string(keys[at].secret.reveal()) + "\n";
      keys.erase(keys.begin() + static_cast<ptrdiff_t>(at));
    }
    if (write(pipe, line.data(), line.size()) < 0) _exit(5);
  }
}

std::string read_for(int pipe, pid_t child, int64_t microseconds) {
  usleep(static_cast<useconds_t>(microseconds));
  kill(child, SIGKILL);
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = read(pipe, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(count));
  return text;
}

TEST(IdentityCrash, WhatWasAcknowledgedIsThere) {
  auto folder = *files::TemporaryDirectory::create("identity-crash");
  const std::string path = files::join(folder.path(), "identity.db");
  const base::SystemClock clock;
  std::map<std::string, char> last;  // by secret
  base::Rng rng(7);
  for (int round = 0; round < kRounds; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      work_until_killed(path, static_cast<uint64_t>(round), ends[1]);
    }
    close(ends[1]);
    std::istringstream lines(
        read_for(ends[0], child, 20'000 + static_cast<int64_t>(rng.below(150'000))));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    for (std::string line; std::getline(lines, line);)
      if (!lines.eof()) last[line.substr(1)] = line[0];
    const auto identity = Identity::open(path, clock);
    ASSERT_TRUE(identity) << identity.error().text();
    for (const auto& [secret, act] : last)
      if (act != '?') ASSERT_EQ((*identity)->authenticate_key(secret).has_value(), act == '+');
  }
  EXPECT_GT(last.size(), 10u);
}

}  // namespace
}  // namespace identity
