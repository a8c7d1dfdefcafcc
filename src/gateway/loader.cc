#include "gateway/loader.h"

#include "base/log.h"
#include "crypto/sha256.h"
#include "files/files.h"
#include "govern/manifest.h"
#include "govern/refusal.h"
#include "journal/model_folder.h"

namespace gateway {
namespace {

base::Result<govern::ReleaseBundle> read_bundle(const std::string& directory) {
  const std::string path = files::join(directory, govern::kBundleFile);
  if (!files::exists(path)) {
    return base::fail(base::Code::FailedPrecondition,
                      "the model has no release certificate, so it is not served; release it with "
                      "`charter propose`, "
                      "`charter vote` and `charter release`",
                      path, "NOT_RELEASED");
  }
  TRY(const std::string text, files::read_file(path, govern::kBundleBytesMax));
  auto bundle = govern::parse_bundle_file(text);
  if (!bundle) return base::wrap(bundle.error(), "the release certificate cannot be read", path);
  return bundle;
}

ReleaseInfo info_of(const govern::VerifiedRelease& release) {
  ReleaseInfo info;
  info.id = crypto::hex(release.proposal);
  info.channel = release.channel;
  info.manifest_digest = crypto::hex(release.manifest_digest);
  info.charter_id = release.charter_id;
  info.charter_version = release.charter_version;
  info.charter_sha256 = crypto::hex(release.charter_sha256);
  info.epoch = static_cast<uint32_t>(release.epoch);
  info.leaf = release.leaf;
  info.persons = static_cast<int>(release.persons_for.size());
  info.one_person_decides = release.one_person_decides;
  info.price.in_micro_per_million = release.price.input_micro_per_million;
  info.price.out_micro_per_million = release.price.output_micro_per_million;
  info.price.version = static_cast<uint32_t>(release.charter_version);
  info.issued = release.not_before;
  return info;
}

}  // namespace

base::Result<govern::ServedArm> served_arm(const govern::State& state, const std::string& channel,
                                           const crypto::Digest& proposal, uint64_t leaf,
                                           base::Time now) {
  const govern::ServingPlan plan = govern::serving_plan(state, channel, now);
  for (const govern::ServedArm& arm : plan.arms) {
    if (arm.certificate.leaf == leaf && arm.proposal == proposal) return arm;
  }
  const auto life = state.life.channels.find(channel);
  const govern::Arm* arm = nullptr;
  if (life != state.life.channels.end()) {
    for (const govern::Arm& candidate : life->second.arms) {
      if (candidate.certificate.leaf == leaf && candidate.proposal == proposal) arm = &candidate;
    }
  }
  if (arm == nullptr)
    return govern::refuse("CONTEXT_MISMATCH", "the house's log holds no such release", channel);
  switch (arm->phase) {
    case govern::Phase::Revoked:
      return govern::refuse("REVOKED", "the release was revoked; it is served under no name",
                            channel);
    case govern::Phase::Halted:
      return govern::refuse("HALTED", "the release was stopped (`charter resume`)", channel);
    case govern::Phase::Releasable:
      return govern::refuse("NOT_RELEASED",
                            "the release waits for its first stage (`charter stage`)", channel);
    case govern::Phase::Canary:
    case govern::Phase::Production:
      return govern::refuse(
          plan.reason.empty() ? "ROLLBACK" : plan.reason,
          plan.reason.empty() ? "a later release serves the channel" : plan.message, channel);
    default:
      return govern::refuse(
          "ROLLBACK",
          "this is an older release; the channel is at epoch " + std::to_string(plan.epoch),
          channel);
  }
}

base::Result<VerifiedModel> verify_model(const std::string& directory, const journal::House& house,
                                         base::Time now) {
  TRY(const govern::ReleaseBundle bundle, read_bundle(directory));
  auto release = govern::verify_release(bundle, house.pin(), now);
  if (!release) {
    return base::wrap(release.error(), "the release certificate does not verify",
                      files::join(directory, govern::kBundleFile));
  }
  auto arm = served_arm(house.state(), release->channel, release->proposal, release->leaf, now);
  if (!arm) return base::wrap(arm.error(), "the log does not let this release serve", directory);
  TRY(model::ModelFiles files, model::open_model(directory));
  std::erase_if(files.files, [](const auto& file) { return !govern::is_model_file(file.first); });
  govern::FileDigests found;
  // What the model does not open is not the model either: no links, no files in folders within.
  TRY(const auto names, journal::list_model_files(directory));
  for (const std::string& name : names) found[name] = {};
  for (const auto& [name, file] : files.files) found[name] = crypto::sha256(file->bytes());
  if (base::Status status = govern::check_files(release->manifest, found); !status) {
    return base::wrap(status.error(), "the files are not those that were released", directory);
  }
  const uint64_t epoch = govern::channel_epoch(house.state(), release->channel);
  return VerifiedModel{std::move(files), *std::move(release), *arm, epoch};
}

base::Result<std::shared_ptr<Channel>> load_channel(const std::string& directory,
                                                    const journal::House& house, base::Time now,
                                                    const engine::Options& options) {
  TRY(const VerifiedModel verified, verify_model(directory, house, now));
  TRY(auto model, model::Model::load(verified.files));
  TRY(auto channel, Channel::start(info_of(verified.release), std::move(model), options));
  channel->set_share({static_cast<uint32_t>(verified.arm.percent), verified.arm.is_canary});
  if (verified.arm.is_canary) channel->watch(house.charter().monitors, now);
  return channel;
}

void log_verified(const std::string& directory, const ReleaseInfo& release) {
  base::log(base::Level::Info, "model verified",
            {{"model", directory},
             {"channel", release.channel},
             {"release", release.id},
             {"manifest", release.manifest_digest},
             {"persons", release.persons}});
}

void log_refused(const std::string& directory, const base::Error& error) {
  base::log(base::Level::Error, "model refused", {{"model", directory}, {"error", error.text()}});
}

}  // namespace gateway
