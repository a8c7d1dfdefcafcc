// Any text as an ID token, as a set of keys and as a provider's answers: no token without a key's
// signature passes.
#include <cstdint>
#include <cstdlib>

#include "identity/oidc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const identity::OidcConfig config{"https://id.example", "client", base::Secret("s")};
  constexpr std::string_view kKeys =
      R"({"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";
  if (identity::verify_id_token(text, kKeys, config, "n", {})) std::abort();
  static_cast<void>(identity::verify_id_token("e30.e30.", text, config, "n", {}));
  static_cast<void>(identity::parse_discovery(config, text));
  static_cast<void>(identity::parse_token_response(text));
  return 0;
}
