#include "govern/signers.h"

#include <vector>

#include "govern/refusal.h"

namespace govern {

base::Result<std::set<std::string>> signers_of(const Charter& charter, const Envelope& envelope) {
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
  std::set<std::string> signers;
  for (const size_t index : indexes) signers.insert(owners[index]);
  return signers;
}

base::Status require_signer(const Charter& charter, const Envelope& envelope,
                            const std::string& person) {
  TRY(const auto signers, signers_of(charter, envelope));
  if (charter.find_person(person) == nullptr)
    return refuse("SIGNER_MISSING", "the charter names no such person", person);
  if (!signers.contains(person))
    return refuse("SIGNER_MISSING", "the statement does not carry this person's signature", person);
  if (signers.size() != 1)
    return refuse("DUTY_CONFLICT", "the statement speaks for one person, but others signed it too",
                  person);
  return {};
}

base::Status require_control(const Charter& charter, const std::string& person) {
  if (charter.sits_in(person, BodyClass::Control)) return {};
  if (charter.sits_in(person, BodyClass::Economic))
    return refuse("CLASS_FORBIDDEN", "a seat in an economic body decides nothing", person);
  return refuse("NOT_SEATED", "this needs a seat in a body of class control", person);
}

}  // namespace govern
