// Who signed an envelope: keys become the persons and services that the charter gives them to.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "govern/charter.h"
#include "govern/dsse.h"

namespace govern {

// Ids of persons and services, each once however many of its keys signed. BAD_SIG when a signature
// is no one's, CLASS_FORBIDDEN when it is of somebody who sits in economic bodies alone.
base::Result<std::set<std::string>> signers_of(const Charter& charter, const Envelope& envelope);

struct Signer {
  std::string id;
  crypto::PublicKey key;
};
// The same, key by key.
base::Result<std::vector<Signer>> signing_keys(const Charter& charter, const Envelope& envelope);

// SIGNER_MISSING unless `person` signed; DUTY_CONFLICT when someone else did too: such a statement
// speaks for one person. Returns a key of theirs that signed.
base::Result<crypto::PublicKey> require_signer(const Charter& charter, const Envelope& envelope,
                                               const std::string& person);

// CLASS_FORBIDDEN or NOT_SEATED unless the person has a seat in a body of class control.
base::Status require_control(const Charter& charter, const std::string& person);

}  // namespace govern
