// The weight loader. It serves what a board released and nobody has stopped since, and nothing
// else: a folder whose certificate does not verify against the pinned charter, is not what the
// house's log lets the channel serve now, or has one byte, one file more or one file less than it
// says, is refused by name. The bytes that are hashed are the bytes that are loaded: one mapping
// serves both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/channel.h"
#include "govern/certificate.h"
#include "journal/charter_house.h"

namespace gateway {

struct VerifiedModel {
  model::ModelFiles files;  // those of the manifest
  govern::VerifiedRelease release;
  govern::ServedArm arm;  // what the log lets it serve
  uint64_t epoch = 0;     // of the channel, as the log has it
};

// What the log says about a release whose bundle verifies: its share of the channel. ROLLBACK for
// an older release, HALTED, REVOKED, LEASE_EXPIRED, NOT_RELEASED before its first stage, and
// CONTEXT_MISMATCH for one that the log does not hold.
base::Result<govern::ServedArm> served_arm(const govern::State& state, const std::string& channel,
                                           const crypto::Digest& proposal, uint64_t leaf,
                                           base::Time now);

// Maps, verifies and hashes; loads nothing.
base::Result<VerifiedModel> verify_model(const std::string& directory, const journal::House& house,
                                         base::Time now);

base::Result<std::shared_ptr<Channel>> load_channel(const std::string& directory,
                                                    const journal::House& house, base::Time now,
                                                    const engine::Options& options);

struct Refusal {
  std::string directory;
  base::Error error;
};

struct LoadedModels {
  std::vector<std::shared_ptr<Channel>> channels;  // by name; of one name the canary first
  std::vector<Refusal> refusals;                   // each is also logged
};

void log_verified(const std::string& directory, const ReleaseInfo& release);
void log_refused(const std::string& directory, const base::Error& error);

}  // namespace gateway
