// Any bytes as what a browser says of a passkey: nothing that is not signed is believed.
#include <cstdint>
#include <cstdlib>

#include "identity/webauthn.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const identity::RelyingParty party{"localhost", "http://localhost:8080"};
  const std::string bytes = base::base64url({data, size});
  const std::string client = base::base64url(base::as_bytes(
      R"({"type":"webauthn.create","challenge":"c","origin":"http://localhost:8080"})"));
  static_cast<void>(identity::verify_registration(
      json::Object{
          {"response", json::Object{{"clientDataJSON", client}, {"attestationObject", bytes}}}},
      party, "c"));
  const json::Value answer = json::Object{{"rawId", bytes},
                                          {"response", json::Object{{"clientDataJSON", client},
                                                                    {"authenticatorData", bytes},
                                                                    {"signature", bytes},
                                                                    {"userHandle", bytes}}}};
  static_cast<void>(identity::read_assertion_claim(answer));
  const identity::PasskeyCredential credential{{1}, {data, data + size}, 0};
  if (identity::verify_assertion(answer, party, "c", credential)) std::abort();
  return 0;
}
