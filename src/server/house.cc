#include "server/house.h"

#include <unistd.h>

#include "base/log.h"
#include "files/files.h"
#include "journal/charter_house.h"

namespace server {
namespace {

bool nothing_released(const std::string& models) {
  const auto names = files::list_directories(models);
  return !names || names->empty();
}

// The channel that the makers released the model on.
base::Result<std::string> bundled_channel(const std::string& directory, base::Time now) {
  TRY(const govern::CharterPin pin, journal::makers_pin());
  TRY(const std::string text,
      files::read_file(files::join(directory, govern::kBundleFile), govern::kBundleBytesMax));
  TRY(const govern::ReleaseBundle bundle, govern::parse_bundle_file(text));
  TRY(const govern::VerifiedRelease release, govern::verify_release(bundle, pin, now));
  return release.channel;
}

base::Status adopt(journal::House* house, const std::string& bundled, base::Time now) {
  if (!files::is_directory(bundled)) return {};
  TRY(const auto names, files::list_directories(bundled));
  for (const std::string& name : names) {
    const std::string directory = files::join(bundled, name);
    if (!files::exists(files::join(directory, govern::kBundleFile))) continue;
    auto channel = bundled_channel(directory, now);
    if (!channel)
      return base::wrap(channel.error(), "the bundled model cannot be released here", directory);
    TRY(const journal::Released released,
        journal::adopt_bundled_model(house, directory, *channel, now));
    base::log(base::Level::Info, "bundled model released",
              {{"model", released.model}, {"channel", released.channel}});
  }
  return {};
}

}  // namespace

base::Result<FoundHouse> found_house(const std::string& data, const std::string& bundled,
                                     base::Time now) {
  FoundHouse found;
  if (!journal::House::exists(data)) {
    TRY_VOID(journal::init_house(data, {}, now));
    found.created = true;
  }
  if (nothing_released(files::join(data, "models"))) {
    TRY(journal::House house, journal::House::open(data));
    if (house.charter().one_person_decides()) TRY_VOID(adopt(&house, bundled, now));
  }
  TRY(found.pin, journal::House::read_pin(data));
  return found;
}

base::Result<FoundOwner> found_owner(identity::Identity& identity, journal::Ledger& ledger,
                                     const std::string& opening_balance_usd) {
  TRY(const identity::Identity::Founding founding, identity.found("Home", "Owner"));
  FoundOwner found;
  found.owner = founding.owner;
  if (!identity.keys(founding.organisation.id).empty()) return found;
  TRY(const money::Amount credit, money::parse_usd(opening_balance_usd));
  if (!credit.is_zero()) {
    TRY_VOID(ledger.deposit(journal::customer_account(founding.organisation.id), credit,
                            "opening:" + founding.organisation.id, "opening credit"));
  }
  // The key comes last: as long as there is none, a start that was cut short is done again.
  TRY(identity::NewKey key,
      identity.create_key(founding.owner.id, founding.project.id, "first key"));
  found.api_key = std::move(key.secret);
  return found;
}

std::string find_bundled_models(const std::string& configured) {
  if (!configured.empty()) return configured;
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length > 0 && length < static_cast<ssize_t>(sizeof path)) {
    const std::string folder = files::parent(std::string(path, static_cast<size_t>(length)));
    for (const char* relative : {"/../models", "/../../models", "/../share/charter/models"}) {
      if (files::is_directory(folder + relative)) return folder + relative;
    }
  }
  return CHARTER_BUNDLED_MODELS;
}

}  // namespace server
