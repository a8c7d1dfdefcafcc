#include "crypto/public_key.h"

#include <gtest/gtest.h>

#include "crypto/hmac.h"
#include "crypto/seal.h"

namespace crypto {
namespace {

base::Bytes b64(std::string_view text) { return base::from_base64url(text).value(); }

constexpr std::string_view kPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

// RFC 7515 appendix A.3.
TEST(PublicKey, Es256OfRfc7515) {
  const base::Bytes x = b64("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
  const base::Bytes y = b64("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
  base::Bytes signature =
      b64("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  std::string message = "eyJhbGciOiJFUzI1NiJ9." + std::string(kPayload);
  EXPECT_TRUE(verify_es256_raw({x, y}, base::as_bytes(message), signature));
  EXPECT_FALSE(verify_es256_raw({y, x}, base::as_bytes(message), signature));
  EXPECT_FALSE(
      verify_es256_raw({x, y}, base::as_bytes(message), base::ByteSpan(signature).first(63)));
  EXPECT_FALSE(
      verify_es256_raw({base::ByteSpan(x).first(31), y}, base::as_bytes(message), signature));
  EXPECT_FALSE(verify_es256_der({x, y}, base::as_bytes(message), signature));
  message.back() ^= 1;
  EXPECT_FALSE(verify_es256_raw({x, y}, base::as_bytes(message), signature));
  message.back() ^= 1;
  signature[5] ^= 1;
  EXPECT_FALSE(verify_es256_raw({x, y}, base::as_bytes(message), signature));
  EXPECT_FALSE(verify_es256_raw({x, y}, base::as_bytes(message), base::Bytes(64)));
}

// RFC 7515 appendix A.2.
TEST(PublicKey, Rs256OfRfc7515) {
  const base::Bytes modulus = b64(
      "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm"
      "4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5"
      "rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGh"
      "yxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ");
  const base::Bytes exponent = b64("AQAB");
  const base::Bytes signature = b64(
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp"
      "5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMH"
      "lb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w"
      "9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw");
  std::string message = "eyJhbGciOiJSUzI1NiJ9." + std::string(kPayload);
  EXPECT_TRUE(verify_rs256({modulus, exponent}, base::as_bytes(message), signature));
  EXPECT_FALSE(verify_rs256({modulus, b64("AQ")}, base::as_bytes(message), signature));
  EXPECT_FALSE(verify_rs256({base::ByteSpan(modulus).first(128), exponent}, base::as_bytes(message),
                            signature));
  message[0] ^= 1;
  EXPECT_FALSE(verify_rs256({modulus, exponent}, base::as_bytes(message), signature));
}

// RFC 2202 section 3, case 2.
TEST(Hmac, Sha1OfRfc2202) {
  EXPECT_EQ(
      base::hex(hmac_sha1(base::as_bytes("Jefe"), base::as_bytes("what do ya want for nothing?"))),
      "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(Seal, OpensOnlyWithItsKeyAndPurposeAndUnchanged) {
  const SealKey key = SealKey::generate();
  const base::Secret secret("sk-upstream-canary");
  base::Bytes sealed = seal(key, "upstream up_1", secret);
  EXPECT_EQ(open(key, "upstream up_1", sealed)->reveal(), "sk-upstream-canary");
  EXPECT_NE(seal(key, "upstream up_1", secret), sealed);
  EXPECT_EQ(base::as_text(sealed).find("canary"), std::string_view::npos);
  EXPECT_EQ(open(key, "upstream up_2", sealed).error().reason, "SEAL_BROKEN");
  EXPECT_FALSE(open(SealKey::generate(), "upstream up_1", sealed));
  EXPECT_FALSE(open(key, "upstream up_1", base::ByteSpan(sealed).first(20)));
  for (size_t i = 0; i < sealed.size(); i += 7) {
    sealed[i] ^= 1;
    EXPECT_FALSE(open(key, "upstream up_1", sealed)) << i;
    sealed[i] ^= 1;
  }
  EXPECT_EQ(open(key, "", seal(key, "", base::Secret()))->reveal(), "");
  EXPECT_FALSE(SealKey::from_bytes(base::Bytes(31)));
}

}  // namespace
}  // namespace crypto
