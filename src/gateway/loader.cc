#include "gateway/loader.h"

#include <algorithm>

#include "base/log.h"
#include "crypto/sha256.h"
#include "files/files.h"
#include "govern/manifest.h"

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
  info.epoch = static_cast<uint32_t>(release.epoch);
  info.persons = static_cast<int>(release.persons_for.size());
  info.one_person_decides = release.one_person_decides;
  info.price.in_micro_per_million = release.price.input_micro_per_million;
  info.price.out_micro_per_million = release.price.output_micro_per_million;
  info.price.version = static_cast<uint32_t>(release.charter_version);
  info.issued = release.not_before;
  return info;
}

}  // namespace

base::Result<VerifiedModel> verify_model(const std::string& directory,
                                         const govern::CharterPin& pin, base::Time now) {
  TRY(const govern::ReleaseBundle bundle, read_bundle(directory));
  auto release = govern::verify_release(bundle, pin, now);
  if (!release) {
    return base::wrap(release.error(), "the release certificate does not verify",
                      files::join(directory, govern::kBundleFile));
  }
  TRY(model::ModelFiles files, model::open_model(directory));
  std::erase_if(files.files, [](const auto& file) { return !govern::is_model_file(file.first); });
  govern::FileDigests found;
  for (const auto& [name, file] : files.files) found[name] = crypto::sha256(file->bytes());
  if (base::Status status = govern::check_files(release->manifest, found); !status) {
    return base::wrap(status.error(), "the files are not those that were released", directory);
  }
  return VerifiedModel{std::move(files), *std::move(release)};
}

base::Result<std::shared_ptr<Channel>> load_channel(const std::string& directory,
                                                    const govern::CharterPin& pin, base::Time now,
                                                    const engine::Options& options) {
  TRY(const VerifiedModel verified, verify_model(directory, pin, now));
  TRY(auto model, model::Model::load(verified.files));
  return Channel::start(info_of(verified.release), std::move(model), options);
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

void keep_latest(std::vector<std::shared_ptr<Channel>>* channels) {
  std::ranges::sort(*channels, [](const auto& a, const auto& b) {
    if (a->name() != b->name()) return a->name() < b->name();
    return a->release().epoch > b->release().epoch;
  });
  const auto superseded =
      std::ranges::unique(*channels, {}, [](const auto& channel) { return channel->name(); });
  channels->erase(superseded.begin(), superseded.end());
}

LoadedModels load_channels(const std::string& models_directory, const govern::CharterPin& pin,
                           base::Time now, const engine::Options& options) {
  LoadedModels loaded;
  if (!files::exists(models_directory)) return loaded;
  const auto names = files::list_directories(models_directory);
  if (!names) {
    loaded.refusals.push_back({models_directory, names.error()});
    return loaded;
  }
  for (const std::string& name : *names) {
    const std::string directory = files::join(models_directory, name);
    auto channel = load_channel(directory, pin, now, options);
    if (!channel) {
      log_refused(directory, channel.error());
      loaded.refusals.push_back({directory, std::move(channel).error()});
      continue;
    }
    log_verified(directory, (*channel)->release());
    loaded.channels.push_back(*std::move(channel));
  }
  keep_latest(&loaded.channels);
  return loaded;
}

}  // namespace gateway
