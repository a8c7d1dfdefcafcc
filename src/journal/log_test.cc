// The log on disk: what a crash leaves is a prefix, what was signed is never lost silently, and its
// files say the same.
#include "journal/log.h"

#include <gtest/gtest.h>

#include "govern/refusal.h"

namespace journal {
namespace {

const base::Time kNow = base::parse_rfc3339("2026-11-21T12:00:00Z").value();

class LogTest : public testing::Test {
 protected:
  LogTest()
      : folder_(files::TemporaryDirectory::create().value()),
        directory_(files::join(folder_.path(), "log")),
        key_{"test/log", crypto::PrivateKey::generate()} {}

  // The log judges no meaning: any envelope will do.
  govern::LoggedStatement statement(uint64_t index) const {
    const govern::Envelope envelope = govern::make_envelope(
        "application/vnd.test", "statement " + std::to_string(index), {&key_, 1});
    return {{govern::Kind::Ballot, index, govern::envelope_digest(envelope),
             crypto::sha256("subject"), kNow},
            envelope};
  }
  void append(Log* log, uint64_t count) const {
    std::vector<govern::LoggedStatement> batch;
    for (uint64_t i = 0; i < count; ++i) batch.push_back(statement(log->size() + i));
    const auto appended = log->append(batch);
    ASSERT_TRUE(appended) << appended.error().text();
  }
  std::string journal_path() const { return files::join(directory_, "statements.jsonl"); }
  std::string checkpoint_path() const { return files::join(directory_, "checkpoint"); }

  files::TemporaryDirectory folder_;
  std::string directory_;
  govern::SignerKey key_;
};

TEST_F(LogTest, HoldsWhatWasAppendedAndProvesIt) {
  crypto::MerkleFrontier tree;
  {
    auto log = Log::create(directory_, key_).value();
    append(&log, 3);
    append(&log, 297);
    EXPECT_TRUE(log.verify_files());
  }
  const auto log = Log::open_to_read(directory_, key_.verifier());
  ASSERT_TRUE(log) << log.error().text();
  ASSERT_EQ(log->size(), 300u);
  const govern::Checkpoint& checkpoint = log->checkpoint();
  for (uint64_t i : {0u, 2u, 3u, 255u, 256u, 299u}) {
    EXPECT_EQ(log->statement(i).value().envelope.payload, "statement " + std::to_string(i));
    const auto leaf = crypto::merkle_leaf(base::as_bytes(govern::format_leaf(log->leaf(i))));
    EXPECT_TRUE(
        crypto::merkle_verify_inclusion(leaf, i, 300, log->inclusion_proof(i), checkpoint.root));
  }
  for (uint64_t i = 0; i < 3; ++i)
    tree.append(crypto::merkle_leaf(base::as_bytes(govern::format_leaf(log->leaf(i)))));
  EXPECT_TRUE(crypto::merkle_verify_consistency(3, 300, log->consistency_proof(3), tree.root(),
                                                checkpoint.root));
  EXPECT_TRUE(files::exists(files::join(directory_, "tile/0/000")));
  EXPECT_TRUE(files::exists(files::join(directory_, "tile/0/001.p/44")));
  EXPECT_TRUE(files::exists(files::join(directory_, "tile/1/000.p/1")));
  EXPECT_TRUE(files::exists(files::join(directory_, "tile/entries/000")));
}

// A crash between the journal and the checkpoint: any number of bytes of the new entries may be
// there.
TEST_F(LogTest, ACrashAtAnyByteLeavesAPrefix) {
  std::string checkpoint_before, journal_before, journal_after;
  {
    auto log = Log::create(directory_, key_).value();
    append(&log, 2);
    checkpoint_before = files::read_file(checkpoint_path()).value();
    journal_before = files::read_file(journal_path()).value();
    append(&log, 2);
    journal_after = files::read_file(journal_path()).value();
  }
  const size_t middle = journal_after.find('\n', journal_before.size()) + 1;
  for (size_t cut = journal_before.size(); cut <= journal_after.size();
       cut += cut + 29 < middle || cut > middle + 3 ? 29 : 1) {
    ASSERT_TRUE(
        files::write_unsynced(journal_path(), std::string_view(journal_after).substr(0, cut)));
    ASSERT_TRUE(files::write_unsynced(checkpoint_path(), checkpoint_before));
    const auto log = Log::open(directory_, key_);
    ASSERT_TRUE(log) << cut << log.error().text();
    const uint64_t whole = cut == journal_after.size() ? 4 : cut >= middle ? 3 : 2;
    ASSERT_EQ(log->size(), whole) << cut;
    ASSERT_EQ(log->checkpoint().size, whole) << "what is kept is signed";
    ASSERT_TRUE(log->verify_files());
  }
}

// Zeros or another file's bytes behind the last synced entry, as some file systems leave them.
TEST_F(LogTest, GarbageBehindTheSignedEntriesIsCutOff) {
  {
    auto log = Log::create(directory_, key_).value();
    append(&log, 2);
  }
  const std::string journal = files::read_file(journal_path()).value();
  ASSERT_TRUE(
      files::write_unsynced(journal_path(), journal + std::string(100, '\0') + "\n{\"half\":\n"));
  auto log = Log::open(directory_, key_).value();
  EXPECT_EQ(log.size(), 2u);
  append(&log, 1);
  EXPECT_EQ(files::read_file(journal_path()).value().substr(0, journal.size()), journal);
  EXPECT_TRUE(log.verify_files());
}

TEST_F(LogTest, WhatWasSignedIsNeverLostSilently) {
  {
    auto log = Log::create(directory_, key_).value();
    append(&log, 3);
  }
  const std::string journal = files::read_file(journal_path()).value();
  for (size_t cut = 0; cut < journal.size(); cut += 61) {
    ASSERT_TRUE(files::write_unsynced(journal_path(), std::string_view(journal).substr(0, cut)));
    const auto log = Log::open(directory_, key_);
    ASSERT_FALSE(log) << cut;
    ASSERT_EQ(files::file_size(journal_path()).value(), cut)
        << "nothing is cut off what a checkpoint covers";
  }
  for (size_t i = 0; i < journal.size(); i += 17) {
    std::string changed = journal;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    ASSERT_TRUE(files::write_unsynced(journal_path(), changed));
    ASSERT_FALSE(Log::open_to_read(directory_, key_.verifier())) << i;
  }
}

TEST_F(LogTest, AForkIsNoticed) {
  {
    auto log = Log::create(directory_, key_).value();
    append(&log, 3);
  }
  const std::string other = files::join(folder_.path(), "other");
  {
    auto log = Log::create(other, key_).value();
    append(&log, 2);
    const std::vector<govern::LoggedStatement> different = {
        {{govern::Kind::Tally, 2, statement(2).leaf.envelope, crypto::sha256("other"), kNow},
         statement(2).envelope}};
    ASSERT_TRUE(log.append(different));
  }
  ASSERT_TRUE(files::write_unsynced(
      journal_path(), files::read_file(files::join(other, "statements.jsonl")).value()));
  EXPECT_EQ(Log::open_to_read(directory_, key_.verifier()).error().reason, "INCONSISTENT");
  const govern::SignerKey stranger{"test/log", crypto::PrivateKey::generate()};
  EXPECT_EQ(Log::open_to_read(directory_, stranger.verifier()).error().reason, "BAD_SIG");
}

TEST_F(LogTest, TilesAreMadeAgain) {
  {
    auto log = Log::create(directory_, key_).value();
    append(&log, 300);
  }
  const std::string tile = files::join(directory_, "tile/0/000"),
                    bundle = files::join(directory_, "tile/entries/001.p/44");
  const std::string before = files::read_file(tile).value();
  ASSERT_TRUE(files::write_unsynced(tile, std::string_view()));
  ASSERT_TRUE(files::remove_file(bundle));
  {
    const auto log = Log::open(directory_, key_).value();
    EXPECT_TRUE(log.verify_files());
  }
  EXPECT_EQ(files::read_file(tile).value(), before);
  std::string changed = before;
  changed[100] ^= 1;
  ASSERT_TRUE(files::write_unsynced(tile, changed));
  const auto verified = Log::open_to_read(directory_, key_.verifier()).value().verify_files();
  ASSERT_FALSE(verified);
  EXPECT_NE(verified.error().where.find("tile/0/000"), std::string::npos);
}

}  // namespace
}  // namespace journal
