#include "govern/signers.h"

#include <algorithm>
#include <vector>

#include "govern/refusal.h"

namespace govern {

base::Result<std::vector<Signer>> signing_keys(const Charter& charter, const Envelope& envelope) {
  std::vector<crypto::PublicKey> keys;
  std::vector<std::string> owners;
  const auto add = [&](const std::string& owner, const std::vector<VerifierKey>& held) {
    for (const VerifierKey& key : held) {
      keys.push_back(key.key);
      owners.push_back(owner);
    }
  };
  for (const Person& person : charter.persons) add(person.id, person.keys);
  for (const Service& service : charter.services) add(service.id, service.keys);
  TRY(const auto indexes, verify_envelope(envelope, keys));
  std::vector<Signer> signers;
  for (const size_t index : indexes) {
    if (charter.only_economic(owners[index]))
      return refuse("CLASS_FORBIDDEN",
                    "whoever sits in economic bodies alone signs nothing that counts",
                    owners[index]);
    signers.push_back({owners[index], keys[index]});
  }
  return signers;
}

base::Result<std::set<std::string>> signers_of(const Charter& charter, const Envelope& envelope) {
  TRY(const auto keys, signing_keys(charter, envelope));
  std::set<std::string> signers;
  for (const Signer& signer : keys) signers.insert(signer.id);
  return signers;
}

base::Result<crypto::PublicKey> require_signer(const Charter& charter, const Envelope& envelope,
                                               const std::string& person) {
  TRY(const auto signers, signing_keys(charter, envelope));
  if (charter.find_person(person) == nullptr)
    return refuse("SIGNER_MISSING", "the charter names no such person", person);
  const auto found = std::ranges::find(signers, person, &Signer::id);
  if (found == signers.end())
    return refuse("SIGNER_MISSING", "the statement does not carry this person's signature", person);
  if (std::ranges::any_of(signers, [&](const Signer& s) { return s.id != person; }))
    return refuse("DUTY_CONFLICT", "the statement speaks for one person, but others signed it too",
                  person);
  return found->key;
}

base::Status require_control(const Charter& charter, const std::string& person) {
  if (charter.sits_in(person, BodyClass::Control)) return {};
  if (charter.sits_in(person, BodyClass::Economic))
    return refuse("CLASS_FORBIDDEN", "a seat in an economic body decides nothing", person);
  return refuse("NOT_SEATED", "this needs a seat in a body of class control", person);
}

}  // namespace govern
