// A process that stores blobs with their rows is killed without warning, again and again, on the
// same folder. What it was told was stored must be there, byte for byte; nothing may be half there.
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <set>

#include "base/random.h"
#include "crypto/sha256.h"
#include "files/files.h"
#include "objects/blobs.h"
#include "objects/store.h"

namespace objects {
namespace {

constexpr int kRounds = 12;

std::string content_of(const std::string& id) {
  std::string content;
  while (content.size() < 9000) content += id + "\n";
  return content;
}

// Never returns. Each file that is stored is one line in the pipe.
[[noreturn]] void store_until_killed(const std::string& folder, int round, int pipe) {
  const base::SystemClock clock;
  auto store = Store::open(files::join(folder, "objects.db"), clock);
  auto blobs = Blobs::open(files::join(folder, "blobs"));
  if (!store || !blobs) _exit(1);
  for (int next = 0;; ++next) {
    const std::string id = "file-" + std::to_string(round) + "-" + std::to_string(100 + next);
    const std::string content = content_of(id);
    if (!(*blobs)->put(id, content)) _exit(2);
    const std::string digest = crypto::hex(crypto::sha256(content));
    if (!(*store)->insert(Object{.kind = "file",
                                 .id = id,
                                 .project_id = "proj_a",
                                 .created = clock.now(),
                                 .body = json::Object{{"digest", digest}}}))
      _exit(3);
    const std::string line = id + "\n";
    if (write(pipe, line.data(), line.size()) < 0) _exit(4);
  }
}

TEST(ObjectsCrash, KilledAtRandomMomentsNothingStoredIsLostOrHalfThere) {
  const auto folder = files::TemporaryDirectory::create("objects-crash-test");
  ASSERT_TRUE(folder) << folder.error().text();
  base::Rng rng(3);
  std::set<std::string> acknowledged;
  for (int round = 0; round < kRounds; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      store_until_killed(folder->path(), round, ends[1]);
    }
    close(ends[1]);
    FILE* lines = fdopen(ends[0], "r");
    char id[64];
    // The moment is counted in answers; the child goes on while the signal is on its way.
    for (uint64_t wanted = 1 + rng.below(8); wanted > 0 && std::fscanf(lines, "%63s", id) == 1;
         --wanted)
      acknowledged.insert(id);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself: " << WEXITSTATUS(status);
    while (std::fscanf(lines, "%63s", id) == 1) acknowledged.insert(id);
    std::fclose(lines);
  }

  const base::SystemClock clock;
  auto store = Store::open(files::join(folder->path(), "objects.db"), clock);
  ASSERT_TRUE(store) << store.error().text();
  auto blobs = Blobs::open(files::join(folder->path(), "blobs"));
  ASSERT_TRUE(blobs) << blobs.error().text();
  const auto rows = (*store)->find_all("file", {});
  ASSERT_TRUE(rows);
  std::set<std::string> known;
  for (const Object& object : *rows) {
    known.insert(object.id);
    const auto content = (*blobs)->read(object.id);
    ASSERT_TRUE(content) << content.error().text();
    EXPECT_EQ(crypto::hex(crypto::sha256(*content)), object.body["digest"].as_string());
  }
  for (const std::string& id : acknowledged) EXPECT_TRUE(known.contains(id)) << id;
  EXPECT_GE(acknowledged.size(), static_cast<size_t>(kRounds));
  // A blob whose row was not written in time is found, and no other.
  const auto removed = (*blobs)->remove_unknown(
      [&](std::string_view name) { return known.contains(std::string(name)); });
  ASSERT_TRUE(removed);
  EXPECT_LE(*removed, kRounds);
}

}  // namespace
}  // namespace objects
