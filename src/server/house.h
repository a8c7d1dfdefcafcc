// The first run of a data folder: a one-person charter, the bundled models released under it, the
// owner with a key.
#pragma once

#include <string>

#include "base/secret.h"
#include "base/time.h"
#include "govern/certificate.h"
#include "identity/identity.h"
#include "journal/ledger.h"

namespace server {

struct FoundHouse {
  govern::CharterPin pin;
  bool created = false;
};

// Opens the charter of `data`, or makes a one-person one. When nothing is released yet and one
// person decides, releases the bundled models of `bundled` as that person.
base::Result<FoundHouse> found_house(const std::string& data, const std::string& bundled,
                                     base::Time now);

struct FoundOwner {
  identity::User owner;
  std::optional<base::Secret> api_key;  // when the owner had none
};
// The first organisation with its owner, its opening credit and a first key, each made once.
base::Result<FoundOwner> found_owner(identity::Identity& identity, journal::Ledger& ledger,
                                     const std::string& opening_balance_usd);

// The folder of the models that come with the program: `configured`, beside the executable, or
// where it was built.
std::string find_bundled_models(const std::string& configured);

}  // namespace server
