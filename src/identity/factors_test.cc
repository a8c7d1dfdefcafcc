// One-time passwords, CBOR, passkeys and ID tokens against their specifications.
#include <gtest/gtest.h>

#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "identity/cbor.h"
#include "identity/challenges.h"
#include "identity/oidc.h"
#include "identity/totp.h"
#include "identity/webauthn.h"

namespace identity {
namespace {

TEST(Totp, TheVectorsOfRfc6238) {
  const base::ByteSpan seed = base::as_bytes("12345678901234567890");
  const std::pair<int64_t, const char*> vectors[] = {
      {59, "94287082"},         {1111111109, "07081804"}, {1111111111, "14050471"},
      {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"}};
  for (const auto& [seconds, code] : vectors)
    EXPECT_EQ(hotp(seed, static_cast<uint64_t>(seconds / 30), 8), code);
}

TEST(Totp, ACodeCountsOnceWithinOneStepOfNow) {
  const base::ByteSpan seed = base::as_bytes("12345678901234567890");
  const base::Time now{int64_t{1111111109} * 1'000'000'000};
  const int64_t here = 1111111109 / 30;
  const std::string code = hotp(seed, static_cast<uint64_t>(here));
  EXPECT_EQ(match_totp(seed, code, now, 0), here);
  EXPECT_FALSE(match_totp(seed, code, now, here)) << "replayed";
  EXPECT_EQ(match_totp(seed, code, now + base::seconds(30), 0), here);
  EXPECT_EQ(match_totp(seed, code, now + base::seconds(-30), 0), here);
  EXPECT_FALSE(match_totp(seed, code, now + base::seconds(60), 0));
  EXPECT_FALSE(match_totp(seed, "", now, 0));
  EXPECT_FALSE(match_totp(seed, code + "0", now, 0));
}

TEST(Totp, Base32OfRfc4648) {
  EXPECT_EQ(base32(base::as_bytes("")), "");
  EXPECT_EQ(base32(base::as_bytes("f")), "MY");
  EXPECT_EQ(base32(base::as_bytes("foobar")), "MZXW6YTBOI");
  EXPECT_EQ(totp_uri(base::as_bytes("foobar"), "Charter", "Ada L").reveal(),
            "otpauth://totp/Charter:Ada%20L?secret=MZXW6YTBOI&issuer=Charter");
}

base::Result<Cbor> cbor(std::string_view hex) { return parse_cbor(base::from_hex(hex).value()); }

// RFC 8949 appendix A.
TEST(CborReader, TheExamplesOfRfc8949) {
  const std::pair<const char*, int64_t> numbers[] = {{"00", 0},
                                                     {"17", 23},
                                                     {"1818", 24},
                                                     {"1903e8", 1000},
                                                     {"1a000f4240", 1000000},
                                                     {"1b000000e8d4a51000", 1000000000000},
                                                     {"20", -1},
                                                     {"3863", -100},
                                                     {"3903e7", -1000}};
  for (const auto& [hex, value] : numbers) EXPECT_EQ(*cbor(hex)->integer(), value) << hex;
  EXPECT_EQ(*cbor("4401020304")->bytes(), (base::Bytes{1, 2, 3, 4}));
  EXPECT_EQ(*cbor("62c3bc")->text(), "ü");
  EXPECT_EQ(cbor("8301820203820405")->array()->size(), 3u);
  EXPECT_EQ(*cbor("a26161016162820203")->find("a")->integer(), 1);
  EXPECT_EQ(*cbor("a201020304")->find(3)->integer(), 4);
}

TEST(CborReader, WhatIsNotStrictIsRefused) {
  for (const char* hex : {"",
                          "18",
                          "1817",
                          "190017",
                          "1a0000ffff",
                          "1b00000000ffffffff",
                          "1bffffffffffffffff",
                          "3bffffffffffffffff",
                          "5f42010243030405ff",
                          "7f657374726561646d696e67ff",
                          "9f01ff",
                          "bf6161019fff",
                          "f97e00",
                          "fb3ff199999999999a",
                          "c074323031332d30332d32315432303a30343a30305a",
                          "f7",
                          "f8ff",
                          "62c328",
                          "a10102ff",
                          "0000",
                          "a201020103",
                          "a1820102",
                          "44010203",
                          "9b7fffffffffffffff",
                          "bb7fffffffffffffff",
                          "5b7fffffffffffffff",
                          "1c",
                          "ff"})
    EXPECT_FALSE(cbor(hex)) << hex;
  EXPECT_TRUE(cbor("8181818100"));
  EXPECT_FALSE(cbor(std::string(40, '8') + "00")) << "depth";
}

// An authenticator of our own with an Ed25519 key (ES256 is tested with a browser, end to end).
class Authenticator {
 public:
  const RelyingParty party{"localhost", "http://localhost:8080"};
  uint8_t flags = 0x05;
  uint8_t count = 0;
  std::string origin = "http://localhost:8080", extra;
  bool cross_origin = false;

  base::Bytes data(bool attested) const {
    const crypto::Digest party_hash = crypto::sha256(party.id);
    base::Bytes out(party_hash.begin(), party_hash.end());
    out.push_back(static_cast<uint8_t>(flags | (attested ? 0x40 : 0)));
    out.insert(out.end(), {0, 0, 0, count});
    if (!attested) return out;
    out.insert(out.end(), 16, 0);
    out.insert(out.end(), {0, 4, 'c', 'r', 'e', 'd'});
    const base::Bytes key = cose_key();
    out.insert(out.end(), key.begin(), key.end());
    return out;
  }
  // {1: 1, 3: -8, -1: 6, -2: x}
  base::Bytes cose_key() const {
    base::Bytes out = base::from_hex("a40101032720062158" + std::string("20")).value();
    out.insert(out.end(), key_.public_key().bytes.begin(), key_.public_key().bytes.end());
    return out;
  }
  std::string client_data(std::string_view type, std::string_view challenge) const {
    return json::dump(json::Object{{"type", type},
                                   {"challenge", challenge},
                                   {"origin", origin},
                                   {"crossOrigin", cross_origin}});
  }
  json::Value create(std::string_view challenge) const {
    base::Bytes object =
        base::from_hex("a363666d74646e6f6e656761747453746d74a068617574684461746158").value();
    const base::Bytes auth = data(true);
    object.push_back(static_cast<uint8_t>(auth.size()));
    object.insert(object.end(), auth.begin(), auth.end());
    return json::Object{
        {"response", json::Object{{"clientDataJSON", base::base64url(base::as_bytes(client_data(
                                                         "webauthn.create", challenge)))},
                                  {"attestationObject", base::base64url(object)}}}};
  }
  json::Value get(std::string_view challenge) const {
    const std::string client = client_data("webauthn.get", challenge);
    base::Bytes message = data(false);
    const base::Bytes auth = message;
    const crypto::Digest hash = crypto::sha256(client);
    message.insert(message.end(), hash.begin(), hash.end());
    return json::Object{
        {"rawId", base::base64url(base::as_bytes("cred"))},
        {"response", json::Object{{"clientDataJSON", base::base64url(base::as_bytes(client))},
                                  {"authenticatorData", base::base64url(auth)},
                                  {"signature", base::base64url(key_.sign(message))},
                                  {"userHandle", base::base64url(base::as_bytes("user_1"))}}}};
  }

 private:
  crypto::PrivateKey key_ = crypto::PrivateKey::generate();
};

TEST(Webauthn, RegistersAndSignsIn) {
  Authenticator device;
  const auto credential = verify_registration(device.create("abc"), device.party, "abc");
  ASSERT_TRUE(credential) << credential.error().text();
  EXPECT_EQ(base::as_text(credential->id), "cred");
  const json::Value answer = device.get("xyz");
  EXPECT_EQ(read_challenge(answer).value(), "xyz");
  EXPECT_EQ(read_assertion_claim(answer)->user_handle, "user_1");
  EXPECT_EQ(verify_assertion(answer, device.party, "xyz", *credential).value(), 0u);
}

TEST(Webauthn, RefusesWhatIsNotExactlyThat) {
  Authenticator device;
  PasskeyCredential credential = *verify_registration(device.create("abc"), device.party, "abc");
  const auto good = [&](const json::Value& answer) {
    return verify_assertion(answer, device.party, "c", credential).has_value();
  };
  ASSERT_TRUE(good(device.get("c")));
  EXPECT_FALSE(good(device.get("other"))) << "challenge";
  EXPECT_FALSE(verify_assertion(device.create("c"), device.party, "c", credential)) << "type";
  device.origin = "http://evil.example";
  EXPECT_FALSE(good(device.get("c"))) << "origin";
  EXPECT_FALSE(verify_registration(device.create("c"), device.party, "c"));
  device.origin = device.party.origin;
  device.cross_origin = true;
  EXPECT_FALSE(good(device.get("c"))) << "framed";
  device.cross_origin = false;
  device.flags = 0x01;
  EXPECT_FALSE(good(device.get("c"))) << "not verified";
  EXPECT_FALSE(verify_registration(device.create("c"), device.party, "c"));
  device.flags = 0x04;
  EXPECT_FALSE(good(device.get("c"))) << "not present";
  device.flags = 0x05;
  EXPECT_FALSE(verify_assertion(device.get("c"), {"other", device.party.origin}, "c", credential));
  EXPECT_FALSE(good(Authenticator().get("c"))) << "another key";
}

TEST(Webauthn, ACounterThatStandsStillIsACopy) {
  Authenticator device;
  device.count = 5;
  PasskeyCredential credential = *verify_registration(device.create("c"), device.party, "c");
  EXPECT_EQ(credential.sign_count, 5u);
  EXPECT_FALSE(verify_assertion(device.get("c"), device.party, "c", credential));
  device.count = 6;
  EXPECT_EQ(verify_assertion(device.get("c"), device.party, "c", credential).value(), 6u);
  device.count = 0;
  EXPECT_FALSE(verify_assertion(device.get("c"), device.party, "c", credential));
}

TEST(Challenges, CountOnceForOnePurposeAndFiveMinutes) {
  Challenges challenges;
  const base::Time now{1'700'000'000'000'000'000};
  const std::string one = challenges.issue("sign in", now);
  EXPECT_FALSE(challenges.spend(one, "register user_1", now));
  EXPECT_TRUE(challenges.spend(one, "sign in", now));
  EXPECT_FALSE(challenges.spend(one, "sign in", now));
  const std::string two = challenges.issue("sign in", now);
  EXPECT_FALSE(challenges.spend(two, "sign in", now + base::seconds(300)));
  EXPECT_FALSE(Challenges().spend(two, "sign in", now)) << "another server's";
  EXPECT_FALSE(challenges.spend("", "sign in", now));
  EXPECT_FALSE(challenges.spend(std::string(80, 'A'), "sign in", now));
}

TEST(Oidc, DiscoveryNamesItsOwnIssuerAndSafeEndpoints) {
  const OidcConfig config{"https://id.example", "client", base::Secret("s")};
  EXPECT_EQ(discovery_url(config), "https://id.example/.well-known/openid-configuration");
  const auto document = [](std::string_view issuer, std::string_view token) {
    return json::dump(json::Object{{"issuer", issuer},
                                   {"authorization_endpoint", "https://id.example/auth"},
                                   {"token_endpoint", token},
                                   {"jwks_uri", "https://id.example/jwks"}});
  };
  const auto provider =
      parse_discovery(config, document("https://id.example", "https://id.example/t"));
  ASSERT_TRUE(provider);
  EXPECT_FALSE(parse_discovery(config, document("https://evil.example", "https://id.example/t")));
  EXPECT_FALSE(parse_discovery(config, document("https://id.example", "http://id.example/t")));
  EXPECT_FALSE(
      parse_discovery(config, document("https://id.example", "http://localhost.evil.example/t")));
  EXPECT_TRUE(parse_discovery(config, document("https://id.example", "http://127.0.0.1:3000/t")));
  EXPECT_FALSE(parse_discovery(config, "<html>"));
  const OidcAttempt attempt = OidcAttempt::generate("http://127.0.0.1/cb");
  const std::string url = authorization_url(config, *provider, attempt);
  EXPECT_EQ(url.find(attempt.verifier), std::string::npos);
  EXPECT_NE(url.find("code_challenge_method=S256"), std::string::npos);
  EXPECT_NE(url.find("redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb"), std::string::npos);
}

// A real token is judged end to end, against a provider program; here, what must never pass.
TEST(Oidc, TokensThatMustNotPass) {
  const OidcConfig config{"https://id.example", "client", base::Secret("s")};
  const auto part = [](const json::Value& value) {
    return base::base64url(base::as_bytes(json::dump(value)));
  };
  const std::string claims = part(json::Object{{"iss", "https://id.example"},
                                               {"aud", "client"},
                                               {"sub", "1"},
                                               {"exp", 9'999'999'999},
                                               {"iat", 1},
                                               {"nonce", "n"}});
  const std::string jwks =
      R"({"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"},{"kty":"oct","kid":"h","k":"AAAA"}]})";
  for (const std::string& token :
       {part(json::Object{{"alg", "none"}}) + "." + claims + ".",
        part(json::Object{{"alg", "HS256"}, {"kid", "h"}}) + "." + claims + ".AAAA",
        part(json::Object{{"alg", "RS256"}, {"kid", "k"}}) + "." + claims + ".AAAA",
        part(json::Object{{"alg", "RS256"}, {"kid", "k"}}) + "." + claims, std::string("a.b.c"),
        std::string("..."), std::string()})
    EXPECT_EQ(verify_id_token(token, jwks, config, "n", {}).error().reason, "OIDC_REFUSED")
        << token;
  const std::string other =
      part(json::Object{{"alg", "RS256"}, {"kid", "new"}}) + "." + claims + ".AAAA";
  EXPECT_EQ(verify_id_token(other, jwks, config, "n", {}).error().reason, "OIDC_UNKNOWN_KEY");
}

}  // namespace
}  // namespace identity
