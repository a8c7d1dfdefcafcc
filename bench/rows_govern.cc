// What the log of decisions costs: appending in groups, replaying, proving, and hashing the files
// of a model beside what one core's SHA-256 can do.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "base/time.h"
#include "bench/bench.h"
#include "crypto/merkle.h"
#include "files/files.h"
#include "journal/charter_house.h"
#include "journal/model_folder.h"

namespace bench {
namespace {

constexpr uint64_t kAppended = 20'000, kGroup = 256;
constexpr uint64_t kLeaves = 1'000'000;
constexpr uint64_t kReplayed = 20'000;
constexpr size_t kModelBytes = size_t{1} << 30, kFileBytes = size_t{256} << 20;
constexpr double kAppendsMin = 5'000, kHashShareMin = 0.8, kOtherMsMax = 50;
constexpr double kReplayedPerSecondMin = 100'000;  // a million in 10 seconds

double seconds_of(const auto& work) {
  const int64_t start = base::monotonic_ns();
  work();
  return static_cast<double>(base::monotonic_ns() - start) / 1e9;
}

govern::LoggedStatement statement(const govern::SignerKey& key, uint64_t index) {
  const govern::Envelope envelope = govern::make_envelope(
      "application/vnd.bench", std::string(500, 'x') + std::to_string(index), {&key, 1});
  return {{govern::Kind::Ballot, index, govern::envelope_digest(envelope), {}, {}}, envelope};
}

// Signed beforehand: what is measured is the log's part, from the statement to the disk.
void append_row(const std::string& folder, const AddRow& add) {
  const govern::SignerKey key{"bench/log", crypto::PrivateKey::generate()};
  auto log = journal::Log::create(files::join(folder, "log"), key);
  if (!log) return;
  std::vector<govern::LoggedStatement> all;
  for (uint64_t i = 0; i < kAppended; ++i) all.push_back(statement(key, i));
  bool written = true;
  const double seconds = seconds_of([&] {
    for (size_t at = 0; at < all.size() && written; at += kGroup)
      written =
          log->append(std::span(all).subspan(at, std::min(kGroup, all.size() - at))).has_value();
  });
  if (written)
    add({.name = "log append, groups of 256, durable",
         .value = kAppended / seconds,
         .unit = "leaf/s",
         .bar = kAppendsMin});
}

void proof_rows(const AddRow& add) {
  crypto::MerkleTree tree;
  const double seconds = seconds_of([&] {
    for (uint64_t i = 0; i < kLeaves; ++i) {
      crypto::Digest leaf{};
      std::memcpy(leaf.data(), &i, sizeof i);
      tree.append(leaf);
    }
  });
  add({.name = "log tree, append", .value = seconds / kLeaves * 1e6, .unit = "us"});
  constexpr int kProofs = 1000;
  std::vector<crypto::Digest> last;
  const double inclusion = seconds_of([&] {
    for (uint64_t i = 0; i < kProofs; ++i)
      last = tree.inclusion_proof(i * 997 % kLeaves, kLeaves - i);
  });
  add({.name = "log proof of inclusion, 1M leaves",
       .value = inclusion / kProofs * 1e6,
       .unit = "us"});
  const double consistency = seconds_of([&] {
    for (uint64_t i = 0; i < kProofs; ++i)
      last = tree.consistency_proof(1 + i * 997 % (kLeaves / 2), kLeaves - i);
  });
  add({.name = "log proof of growth, 1M leaves",
       .value = consistency / kProofs * 1e6,
       .unit = "us"});
}

// Ballots of one person on one proposal after another would need as many models; what a replay
// costs is the reading, the digests and the signature, which every kind of statement has.
void replay_row(const std::string& folder, const AddRow& add) {
  const govern::SignerKey key{"bench/replay", crypto::PrivateKey::generate()};
  const std::string directory = files::join(folder, "replay");
  {
    auto log = journal::Log::create(directory, key);
    if (!log) return;
    std::vector<govern::LoggedStatement> all;
    for (uint64_t i = 0; i < kReplayed; ++i) all.push_back(statement(key, i));
    if (!log->append(all)) return;
  }
  const crypto::PublicKey signer = key.key.public_key();
  const auto seconds_with = [&](std::vector<crypto::PublicKey> ahead) {
    uint64_t verified = 0;
    const double seconds = seconds_of([&] {
      const auto log = journal::Log::open_to_read(
          directory, key.verifier(),
          {[&](const govern::LoggedStatement& s) -> base::Status {
             verified += govern::verify_envelope(s.envelope, {&signer, 1}).has_value();
             return {};
           },
           [&] { return ahead; }});
    });
    return verified == kReplayed ? seconds : 0.0;
  };
  const double alone = seconds_with({}), ahead = seconds_with({signer});
  const double signature =
      seconds_of([&] {
        const auto one = statement(key, 0);
        for (uint64_t i = 0; i < kReplayed / 10; ++i)
          static_cast<void>(govern::verify_envelope(one.envelope, {&signer, 1}));
      }) /
      (kReplayed / 10);
  if (alone == 0 || ahead == 0) return;
  add({.name = "log replay",
       .value = kReplayed / ahead,
       .unit = "leaf/s",
       .bar = kReplayedPerSecondMin});
  add({.name = "log replay, signatures on one core", .value = kReplayed / alone, .unit = "leaf/s"});
  add({.name = "log replay, one signature", .value = signature * 1e6, .unit = "us"});
}

void model_rows(const std::string& folder, const AddRow& add) {
  const std::string model = files::join(folder, "model");
  const base::Bytes block(kFileBytes, 0x5a);
  bool written = files::make_directories(model).has_value();
  for (size_t i = 0; i * kFileBytes < kModelBytes; ++i)
    written =
        written &&
        files::write_unsynced(files::join(model, std::to_string(i) + ".bin"), block).has_value();
  if (!written || !journal::hash_model_files(model)) return;
  const Timed timed = time_against(
      3, [&] { static_cast<void>(journal::hash_model_files(model)); },
      [&] {
        const double seconds = seconds_of([&] { static_cast<void>(crypto::sha256(block)); });
        return static_cast<double>(kFileBytes) / seconds;
      });
  const double rate = static_cast<double>(kModelBytes) / timed.seconds;
  add({.name = "verify a model of 1 GiB",
       .value = rate / 1e6,
       .unit = "MB/s",
       .ceiling_share = rate / timed.ceiling,
       .bar = kHashShareMin});
}

// The bundled model: everything that verify does but hash the weights.
void bundle_row(const AddRow& add) {
  const auto pin = journal::makers_pin();
  const auto text = files::read_file("models/charter-mini/release/bundle.json");
  if (!pin || !text) return;
  bool verified = true;
  std::vector<double> ms;
  for (int run = 0; run < 9; ++run) {
    ms.push_back(1e3 * seconds_of([&] {
                   const auto bundle = govern::parse_bundle_file(*text);
                   verified = verified && bundle &&
                              govern::verify_release(*bundle, *pin, base::system_now());
                 }));
  }
  if (verified)
    add({.name = "verify a release but its weights",
         .value = median(ms),
         .unit = "ms",
         .bar = kOtherMsMax,
         .bar_is_most = true});
}

}  // namespace

void govern_rows(const Context& context, const AddRow& add) {
  if (!context.wants("log") && !context.wants("verify")) return;
  const auto folder = files::TemporaryDirectory::create("charter-bench");
  if (!folder) return;
  if (context.wants("log append")) append_row(folder->path(), add);
  if (context.wants("log proof")) proof_rows(add);
  if (context.wants("log replay")) replay_row(folder->path(), add);
  if (context.wants("verify a model")) model_rows(folder->path(), add);
  if (context.wants("verify a release")) bundle_row(add);
}

}  // namespace bench
