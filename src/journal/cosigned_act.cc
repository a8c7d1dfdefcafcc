#include "journal/charter_house.h"

namespace journal {

base::Status log_cosignatures(House* house, base::Time now) {
  TRY(const govern::SignerKey key,
      read_signer_key(files::join(house->data(), "charter/keys/log.key")));
  House::Draft draft{govern::Kind::Cosigned,
                     govern::make_envelope(govern::payload_type(govern::Kind::Cosigned),
                                           house->log().checkpoint_note(), {&key, 1})};
  TRY_VOID(house->append({std::move(draft)}, now));
  return {};
}

}  // namespace journal
