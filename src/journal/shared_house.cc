#include "journal/shared_house.h"

#include <algorithm>

namespace journal {
namespace {

// What changes with every entry and every cosignature, in one small file.
base::Result<std::string> checkpoint_on_disk(const std::string& data) {
  return files::read_file(files::join(data, "log/checkpoint"), 1u << 20);
}

bool releases(const House::Draft& draft) { return draft.kind == govern::Kind::Release; }

}  // namespace

base::Result<std::shared_ptr<const House>> SharedHouse::read_locked() {
  if (!House::exists(data_)) TRY_VOID(House::read_pin(data_));
  TRY(std::string note, checkpoint_on_disk(data_));
  if (known_ && note == note_) return known_;
  TRY(House house, House::open_to_read(data_, known_.get()));
  known_ = std::make_shared<const House>(std::move(house));
  note_ = std::move(note);
  return known_;
}

base::Result<std::shared_ptr<const House>> SharedHouse::read() {
  const std::lock_guard lock(mutex_);
  return read_locked();
}

base::Result<std::vector<govern::LeafReference>> SharedHouse::append(
    std::vector<House::Draft> drafts, base::Time now) {
  const std::lock_guard lock(mutex_);
  const bool installs = std::ranges::any_of(drafts, releases);
  TRY_VOID(read_locked());
  TRY(House house, House::open(data_, known_.get()));
  TRY(auto references, house.append(std::move(drafts), now));
  if (installs) {
    for (const auto& [channel, release] : house.state().channels)
      TRY_VOID(house.install(release.certificate.proposal));
  }
  return references;
}

}  // namespace journal
