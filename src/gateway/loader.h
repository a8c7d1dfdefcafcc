// The weight loader. It serves what a board released, and nothing else: a folder whose certificate
// does not verify against the pinned charter, or with one byte, one file more or one file less than
// the certificate says, is refused by name. The bytes that are hashed are the bytes that are
// loaded: one mapping serves both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/channel.h"
#include "govern/certificate.h"

namespace gateway {

struct VerifiedModel {
  model::ModelFiles files;  // those of the manifest
  govern::VerifiedRelease release;
};

// Maps, verifies and hashes; loads nothing.
base::Result<VerifiedModel> verify_model(const std::string& directory,
                                         const govern::CharterPin& pin, base::Time now);

base::Result<std::shared_ptr<Channel>> load_channel(const std::string& directory,
                                                    const govern::CharterPin& pin, base::Time now,
                                                    const engine::Options& options);

struct Refusal {
  std::string directory;
  base::Error error;
};

struct LoadedModels {
  std::vector<std::shared_ptr<Channel>>
      channels;                   // by name; of two releases on one channel the later epoch
  std::vector<Refusal> refusals;  // each is also logged
};

// Every folder of `models_directory`. A refused one does not keep the others from being served.
void log_verified(const std::string& directory, const ReleaseInfo& release);
void log_refused(const std::string& directory, const base::Error& error);
// By name; of several releases on one channel the latest.
void keep_latest(std::vector<std::shared_ptr<Channel>>* channels);

LoadedModels load_channels(const std::string& models_directory, const govern::CharterPin& pin,
                           base::Time now, const engine::Options& options);

}  // namespace gateway
