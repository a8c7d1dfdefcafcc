// A witness on disk: what it cosigned survives it, also a kill -9 between two requests, and a
// second process or a changed file stops it.
#include "journal/witness_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/bytes.h"
#include "crypto/merkle.h"

namespace journal {
namespace {

const base::Time kNow{1'700'000'000'000'000'000};

class WitnessStoreTest : public testing::Test {
 protected:
  WitnessStoreTest()
      : folder_(files::TemporaryDirectory::create().value()),
        directory_(files::join(folder_.path(), "witness")) {
    for (int i = 0; i < 400; ++i)
      leaves_.push_back(crypto::merkle_leaf(base::as_bytes(std::to_string(i))));
    key_ = WitnessStore::create(directory_, "w.example/one").value();
    EXPECT_TRUE(WitnessStore::trust(directory_, log_.verifier()));
  }
  std::string body(uint64_t old_size, uint64_t size) const {
    const std::span<const crypto::Digest> tree = std::span(leaves_).first(size);
    return govern::format_add_checkpoint(
        {old_size, crypto::merkle_consistency_proof(tree, old_size),
         govern::signed_checkpoint({log_.name, size, crypto::merkle_root(tree)}, log_)});
  }
  std::string file() const {
    return files::join(directory_, "cosigned/" + govern::origin_id(log_.name));
  }

  files::TemporaryDirectory folder_;
  std::string directory_;
  const govern::SignerKey log_{"log.example", crypto::PrivateKey::generate()};
  std::vector<crypto::Digest> leaves_;
  govern::WitnessKey key_;
};

TEST_F(WitnessStoreTest, RemembersWhatItCosigned) {
  {
    const auto store = WitnessStore::open(directory_).value();
    EXPECT_EQ(store->key(), key_);
    EXPECT_EQ(store->cosigned(govern::origin_id(log_.name)), std::nullopt);
    EXPECT_EQ(store->add_checkpoint(body(0, 3), kNow).status, 200);
    EXPECT_EQ(store->add_checkpoint(body(3, 9), kNow).status, 200);
    EXPECT_FALSE(WitnessStore::open(directory_)) << "one process at a time";
  }
  const auto store = WitnessStore::open(directory_).value();
  const govern::WitnessAnswer answer = store->add_checkpoint(body(3, 12), kNow);
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.body, "9\n");
  const std::string note = store->cosigned(govern::origin_id(log_.name)).value();
  const auto times = govern::verify_cosignatures(govern::parse_note(note).value(), {&key_, 1});
  EXPECT_EQ(times.value().at(0).time, kNow);
  EXPECT_EQ(files::read_file(file()).value(), note);
}

TEST_F(WitnessStoreTest, AForgottenOrChangedRecordStopsIt) {
  ASSERT_EQ(WitnessStore::open(directory_).value()->add_checkpoint(body(0, 3), kNow).status, 200);
  const std::string good = files::read_file(file()).value();
  for (const std::string& bad :
       {std::string(), good.substr(0, good.size() / 2),
        govern::signed_checkpoint({log_.name, 0, crypto::merkle_empty_root()}, log_)}) {
    ASSERT_TRUE(files::write_unsynced(file(), bad));
    EXPECT_FALSE(WitnessStore::open(directory_)) << bad;
  }
}

TEST_F(WitnessStoreTest, IsMadeOnceAndTakesNoKeyOfALog) {
  EXPECT_EQ(WitnessStore::create(directory_, "w.example/two").error().code,
            base::Code::AlreadyExists);
  EXPECT_FALSE(WitnessStore::create(files::join(folder_.path(), "x"), "a name"));
  EXPECT_EQ(WitnessStore::open(files::join(folder_.path(), "y")).error().code,
            base::Code::NotFound);
  ASSERT_TRUE(WitnessStore::trust(directory_, {"log.example/other", key_.key}));
  EXPECT_EQ(WitnessStore::open(directory_).error().reason, "BAD_KEY");
}

// Requests for sizes that exclude each other: exactly one history is cosigned.
TEST_F(WitnessStoreTest, ConcurrentRequestsAreOneAfterTheOther) {
  const auto store = WitnessStore::open(directory_).value();
  ASSERT_EQ(store->add_checkpoint(body(0, 1), kNow).status, 200);
  std::atomic<int> cosigned = 0, refused = 0;
  {
    std::vector<std::jthread> threads;
    for (uint64_t i = 2; i < 10; ++i) {
      threads.emplace_back([&, i] {
        const int status = store->add_checkpoint(body(1, i), kNow).status;
        ++(status == 200 ? cosigned : refused);
        EXPECT_TRUE(status == 200 || status == 409) << status;
      });
    }
  }
  EXPECT_EQ(cosigned, 1);
  EXPECT_EQ(refused, 7);
}

// A child cosigns as fast as it can and tells each size after its answer; it is killed at a random
// moment. Whatever it told, the next start must know.
TEST_F(WitnessStoreTest, KillNineLosesNothingThatWasAnswered) {
  uint64_t answered = 0;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto store = WitnessStore::open(directory_);
      for (uint64_t size = answered; store && size + 1 < leaves_.size(); ++size) {
        const uint64_t told = size + 1;
        if ((*store)->add_checkpoint(body(size, told), kNow).status != 200 ||
            write(ends[1], &told, sizeof told) != sizeof told)
          break;
      }
      _exit(0);
    }
    close(ends[1]);
    uint64_t told = 0;
    for (int i = 0; i < 3 + 7 * round && read(ends[0], &told, sizeof told) == sizeof told; ++i)
      answered = told;
    kill(child, SIGKILL);
    while (read(ends[0], &told, sizeof told) == sizeof told) answered = told;
    close(ends[0]);
    waitpid(child, nullptr, 0);
    const auto store = WitnessStore::open(directory_);
    ASSERT_TRUE(store) << store.error().text();
    const auto note = (*store)->cosigned(govern::origin_id(log_.name));
    ASSERT_TRUE(note);
    const uint64_t kept = govern::open_checkpoint(*note, log_.verifier()).value().size;
    ASSERT_TRUE(kept == answered || kept == answered + 1) << kept << ' ' << answered;
    answered = kept;
  }
}

}  // namespace
}  // namespace journal
