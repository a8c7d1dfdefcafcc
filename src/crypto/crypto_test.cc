// Hashes, codes, signatures and passwords against published vectors.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "crypto/ed25519.h"
#include "crypto/hmac.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "json/json.h"

namespace crypto {
namespace {

base::Bytes bytes_of(std::string_view hex_text) { return base::from_hex(hex_text).value(); }

TEST(Sha256, AnswersTheExamplesOfFips180) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheInputIsCut) {
  const std::string text(300, 'x');
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Sha256 hash;
    hash.update(std::string_view(text).substr(0, cut)).update(std::string_view(text).substr(cut));
    ASSERT_EQ(hash.finish(), sha256(text)) << cut;
  }
}

TEST(Sha256, ReadsDigestsStrictly) {
  const std::string text = hex(sha256("abc"));
  EXPECT_EQ(digest_from_hex(text).value(), sha256("abc"));
  EXPECT_FALSE(digest_from_hex(text.substr(1)));
  EXPECT_FALSE(digest_from_hex("A" + text.substr(1)));
  EXPECT_FALSE(digest_from_hex("g" + text.substr(1)));
  EXPECT_FALSE(digest_from_bytes(base::Bytes(31)));
}

TEST(Hmac, AnswersRfc4231) {
  EXPECT_EQ(hex(hmac_sha256(base::Bytes(20, 0x0b), base::as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(
      hex(hmac_sha256(base::as_bytes("Jefe"), base::as_bytes("what do ya want for nothing?"))),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hex(hmac_sha256(base::Bytes(131, 0xaa),
                      base::as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, ComparesInConstantTime) {
  EXPECT_TRUE(equal_constant_time("key", "key"));
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_FALSE(equal_constant_time("key", "kez"));
  EXPECT_FALSE(equal_constant_time("key", "keys"));
}

TEST(Ed25519, AnswersRfc8032) {
  struct Case {
    std::string_view seed, key, message, signature;
  };
  const Case cases[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
       "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
  };
  for (const Case& c : cases) {
    const auto key = PrivateKey::from_seed(bytes_of(c.seed)).value();
    const base::Bytes message = bytes_of(c.message);
    EXPECT_EQ(base::hex(key.public_key().bytes), c.key);
    EXPECT_EQ(base::hex(key.sign(message)), c.signature);
    EXPECT_TRUE(verify_strict(key.public_key(), message, bytes_of(c.signature)));
    EXPECT_EQ(key.seed().reveal(), base::as_text(bytes_of(c.seed)));
  }
}

TEST(Ed25519, RefusesEveryFlippedBit) {
  const auto key = PrivateKey::generate();
  const base::Bytes message = bytes_of("c0ffee");
  const Signature signature = key.sign(message);
  for (size_t bit = 0; bit < 512; ++bit) {
    Signature bad = signature;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    ASSERT_FALSE(verify_strict(key.public_key(), message, bad)) << bit;
  }
  EXPECT_FALSE(verify_strict(key.public_key(), message, base::ByteSpan(signature).first(63)));
  EXPECT_FALSE(verify_strict(PrivateKey::generate().public_key(), message, signature));
}

TEST(Ed25519, RefusesKeysOfSmallOrderAndNonCanonicalOnes) {
  EXPECT_FALSE(public_key_from_bytes(base::Bytes(32, 0)));
  base::Bytes identity(32, 0);
  identity[0] = 1;
  EXPECT_FALSE(public_key_from_bytes(identity));
  base::Bytes beyond(32, 0xff);
  beyond[0] = 0xf0;
  beyond[31] = 0x7f;
  EXPECT_FALSE(public_key_from_bytes(beyond));
  EXPECT_FALSE(public_key_from_bytes(base::Bytes(31, 7)));
  EXPECT_TRUE(public_key_from_bytes(PrivateKey::generate().public_key().bytes));
  EXPECT_FALSE(PrivateKey::from_seed(base::Bytes(31)));
}

TEST(Ed25519, AcceptsExactly43OfTheEdgeCases) {
  const std::filesystem::path path =
      CHARTER_SOURCE_DIR "/../shared/vectors/ed25519/ed25519/ed25519vectors.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the CCTV vectors are not here: " << path;
  std::ifstream file(path);
  const auto vectors = json::parse(std::string{std::istreambuf_iterator<char>(file), {}}).value();
  int count = 0, accepted = 0;
  for (const json::Value& v : vectors.as_array()) {
    PublicKey key;
    const base::Bytes raw = bytes_of(v["key"].as_string());
    std::copy(raw.begin(), raw.end(), key.bytes.begin());
    const bool ok =
        verify_strict(key, base::as_bytes(v["msg"].as_string()), bytes_of(v["sig"].as_string()));
    count += 1;
    accepted += ok;
    if (!ok || !v["flags"].is_array()) continue;
    for (const json::Value& flag : v["flags"].as_array()) {
      EXPECT_TRUE(flag != json::Value("low_order_A") && flag != json::Value("low_order_R") &&
                  flag != json::Value("non_canonical_A") && flag != json::Value("non_canonical_R"))
          << v["number"].as_int();
    }
  }
  EXPECT_EQ(count, 914);
  EXPECT_EQ(accepted, 43);
}

TEST(Password, IsVerifiedAgainstItsOwnHashOnly) {
  const PasswordCost cheap{1, 64 << 10};
  const auto hash = hash_password(base::Secret("correct horse"), cheap).value();
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$"));
  EXPECT_TRUE(verify_password(hash, base::Secret("correct horse")));
  EXPECT_FALSE(verify_password(hash, base::Secret("correct horsf")));
  EXPECT_NE(hash, hash_password(base::Secret("correct horse"), cheap).value())
      << "the salt is fresh";
  EXPECT_FALSE(verify_password("", base::Secret("")));
  EXPECT_FALSE(verify_password("$argon2id$v=19$broken", base::Secret("x")));
  EXPECT_FALSE(verify_password(std::string(500, 'a'), base::Secret("x")));
}

TEST(Random, GivesIdsThatDoNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_id("req_"));
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(seen.begin()->size(), 28u);
  EXPECT_TRUE(seen.begin()->starts_with("req_"));
  EXPECT_NE(random_bytes(32), random_bytes(32));
  EXPECT_TRUE(random_bytes(0).empty());
}

}  // namespace
}  // namespace crypto
