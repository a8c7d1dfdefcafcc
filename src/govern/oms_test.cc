// Model signatures: the published vectors, and every manifest that must be refused.
#include "govern/oms.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "govern/statement.h"

namespace govern {
namespace {

namespace fs = std::filesystem;
const fs::path kVectors = CHARTER_SOURCE_DIR "/../shared/vectors/oms/test-vectors/v1.0";

// The public test key of sigstore/model-transparency, on P-384, with a line before it as its file
// has: the hint is of the key written anew, not of the file.
constexpr std::string_view kKey =
    "Public Key Information:\n"
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEsu6rZGBTjxtvRWPMixT+3HyndV0J0Ybt\n"
    "aHZUcO4DEK+OJHO/4e32bb/fbJKSpRgcBsIpKLcVijUomyFOERbd7u+BTPSUjGZD\n"
    "Qq6J7lTvp/EAXQGOKxW9RP0MGX3qAkvi\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kRoot =
    "92745110b1ab4368471cbe31664e10174e954b113a3df333db860317b2c6dec4";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(OmsVectors, ThoseSignedWithAKeyVerify) {
  if (!fs::exists(kVectors)) GTEST_SKIP() << "the vectors are not here: " << kVectors;
  const auto key = crypto::EcPublicKey::from_pem(kKey).value();
  const auto bundle = parse_oms_bundle(read(kVectors / "valid/key.bundle.json")).value();
  EXPECT_EQ(bundle.hint, key_hint(key));
  const auto manifest = verify_oms_bundle(bundle, key);
  ASSERT_TRUE(manifest) << manifest.error().text();
  EXPECT_EQ(crypto::hex(manifest->root), kRoot);
  ASSERT_EQ(manifest->resources.size(), 2u);
  EXPECT_EQ(manifest->resources[1].path, "signme-2");
  const auto other = crypto::EcPrivateKey::generate().public_key();
  EXPECT_EQ(verify_oms_bundle(bundle, other).error().reason, "BAD_KEY");
}

TEST(OmsVectors, ThoseWithACertificateVerifyUnderItsKeyAlone) {
  if (!fs::exists(kVectors)) GTEST_SKIP() << "the vectors are not here: " << kVectors;
  for (const char* name : {"valid/certificate.bundle.json", "valid/sigstore.bundle.json"}) {
    const auto bundle = parse_oms_bundle(read(kVectors / name));
    ASSERT_TRUE(bundle) << name << bundle.error().text();
    const auto key = crypto::EcPublicKey::from_certificate(*bundle->certificate).value();
    EXPECT_TRUE(verify_oms_bundle(*bundle, key)) << name;
    EXPECT_EQ(
        verify_oms_bundle(*bundle, crypto::EcPrivateKey::generate().public_key()).error().reason,
        "BAD_KEY");
  }
}

TEST(OmsVectors, InvalidOnesAreRefused) {
  if (!fs::exists(kVectors)) GTEST_SKIP() << "the vectors are not here: " << kVectors;
  int count = 0;
  for (const auto& file : fs::directory_iterator(kVectors / "invalid")) {
    EXPECT_FALSE(parse_oms_bundle(read(file.path()))) << file.path();
    ++count;
  }
  EXPECT_EQ(count, 4);
  const auto wrong =
      parse_oms_bundle(read(kVectors / "invalid-payload/wrong-predicate.bundle.json"));
  const auto key = crypto::EcPublicKey::from_pem(kKey).value();
  ASSERT_TRUE(wrong);
  EXPECT_EQ(verify_oms_bundle(*wrong, key).error().reason, "BAD_SIG");
}

class Oms : public testing::Test {
 protected:
  static json::Value resource(const std::string& name, const std::string& content,
                              const std::string& algorithm = "sha256") {
    return json::Object{
        {"name", name}, {"algorithm", algorithm}, {"digest", crypto::hex(crypto::sha256(content))}};
  }
  static json::Value files_method(json::Array ignored = {}) {
    return json::Object{{"method", "files"},
                        {"hash_type", "sha256"},
                        {"allow_symlinks", false},
                        {"ignore_paths", std::move(ignored)}};
  }
  OmsBundle signed_payload(const std::string& payload) const {
    Envelope envelope{std::string(kInTotoPayloadType), payload, {}};
    const auto signature =
        key_.sign(base::as_bytes(pre_authentication_encoding(kInTotoPayloadType, payload)));
    envelope.signatures.push_back({"", std::string(base::as_text(signature))});
    return {key_hint(key_.public_key()), std::nullopt, envelope};
  }
  // With the root that its digests have.
  base::Result<OmsManifest> verify(json::Array resources, json::Value serialization,
                                   std::string_view type = kOmsPredicateType) const {
    crypto::Sha256 root;
    for (const json::Value& r : resources)
      root.update(crypto::digest_from_hex(r["digest"].as_string()).value());
    const json::Value predicate = json::Object{{"resources", std::move(resources)},
                                               {"serialization", std::move(serialization)}};
    return verify_oms_bundle(
        signed_payload(format_statement({"m", root.finish(), std::string(type), predicate})),
        key_.public_key());
  }
  std::string reason(json::Array resources, json::Value serialization = files_method(),
                     std::string_view type = kOmsPredicateType) const {
    const auto manifest = verify(std::move(resources), std::move(serialization), type);
    return manifest ? "" : manifest.error().reason;
  }
  const crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate();
};

TEST_F(Oms, RefusesManifestsByName) {
  EXPECT_EQ(reason({resource("a", "1"), resource("b/c", "2")}), "");
  EXPECT_EQ(reason({}), "MANIFEST_EMPTY");
  EXPECT_EQ(reason({resource("a", "1")}, files_method(), "https://model_signing/Digests/v0.1"),
            "MANIFEST_TYPE");
  EXPECT_EQ(reason({resource("a", "1")}, files_method(), "https://example.com/wrong/v1.0"),
            "MANIFEST_TYPE");
  for (const char* name : {"../x", "/etc/passwd", "a/../b", "a//b", "./a", "", "a\\b", "a:b"})
    EXPECT_EQ(reason({resource(name, "1")}), "MANIFEST_NAME") << name;
  EXPECT_EQ(reason({resource("b", "1"), resource("a", "2")}), "MANIFEST_ORDER");
  EXPECT_EQ(reason({resource("a", "1"), resource("a", "1")}), "MANIFEST_ORDER");
  EXPECT_EQ(reason({resource("a.b", "1"), resource("a/b", "2")}), "") << "by code points";
  EXPECT_EQ(reason({resource("a/b", "1"), resource("a.b", "2")}), "") << "by folders";
  EXPECT_EQ(reason({resource("a", "1", "blake2b")}), "MANIFEST_METHOD");
  EXPECT_EQ(
      reason({resource("a", "1")}, json::Object{{"method", "files"}, {"hash_type", "blake3"}}),
      "MANIFEST_METHOD");
  EXPECT_EQ(
      reason({resource("a", "1")},
             json::Object{{"method", "files"}, {"hash_type", "sha256"}, {"allow_symlinks", true}}),
      "MANIFEST_SYMLINK");
  EXPECT_EQ(reason({resource("model.safetensors", "1")}, files_method({"model.safetensors"})),
            "MANIFEST_IGNORED");
}

TEST_F(Oms, RefusesNumbersThatHaveNoCanonicalForm) {
  const auto good = verify({resource("a", "1")}, files_method());
  ASSERT_TRUE(good);
  const json::Value predicate = json::Object{{"resources", json::Array{resource("a", "1")}},
                                             {"serialization", files_method()},
                                             {"x", json::Object{{"y", json::Array{7}}}}};
  std::string payload =
      format_statement({"m", good->root, std::string(kOmsPredicateType), predicate});
  EXPECT_TRUE(verify_oms_bundle(signed_payload(payload), key_.public_key()))
      << "others are ignored";
  payload.replace(payload.find("[7]"), 3, "[1152921504606846976]");
  EXPECT_EQ(verify_oms_bundle(signed_payload(payload), key_.public_key()).error().reason,
            "MALFORMED");
}

// One root for two lists of names: it is the digest of the whole manifest that tells them apart.
TEST_F(Oms, NamesExchangedUnderTheSameRootAreAnotherModel) {
  const auto one = verify({resource("a", "1"), resource("b", "2")}, files_method()).value();
  const auto two = verify({resource("signme-1", "1"), resource("signme-2", "2")}, files_method());
  EXPECT_EQ(one.root, two->root);
  EXPECT_NE(one.manifest_digest, two->manifest_digest);
  const json::Value predicate = json::Object{{"resources", json::Array{resource("a", "1")}},
                                             {"serialization", files_method()}};
  const auto wrong_root = verify_oms_bundle(
      signed_payload(
          format_statement({"m", crypto::sha256("x"), std::string(kOmsPredicateType), predicate})),
      key_.public_key());
  EXPECT_EQ(wrong_root.error().reason, "MANIFEST_ROOT");
}

class OmsFolder : public Oms {
 protected:
  base::Status check(const OmsManifest& manifest) const {
    FileSizes sizes;
    for (const auto& [name, content] : files_) sizes[name] = content.size();
    return check_oms_files(
        manifest, sizes,
        [&](const std::string& path, uint64_t start, uint64_t end) -> base::Result<crypto::Digest> {
          return crypto::sha256(std::string_view(files_.at(path)).substr(start, end - start));
        },
        "model.sig");
  }
  std::string reason_of(const base::Status& status) const {
    return status ? "" : status.error().reason;
  }
  std::map<std::string, std::string> files_ = {
      {"a", "1"}, {"b", "2"}, {"model.sig", "{}"}, {".git/HEAD", "ref"}, {".gitignore", ""}};
};

TEST_F(OmsFolder, HoldsWhatWasSignedAndNothingElse) {
  const auto manifest = verify({resource("a", "1"), resource("b", "2")}, files_method()).value();
  EXPECT_EQ(reason_of(check(manifest)), "");
  files_["a"] = "x";
  EXPECT_EQ(reason_of(check(manifest)), "MANIFEST_DIGEST");
  files_.erase("a");
  EXPECT_EQ(reason_of(check(manifest)), "MANIFEST_MISSING");
  files_["a"] = "1";
  files_["extra"] = "";
  EXPECT_EQ(reason_of(check(manifest)), "MANIFEST_UNLISTED");
}

// Whoever signs may leave a file out and say so; we do not serve what nobody signed.
TEST_F(OmsFolder, IgnorePathsHideNothing) {
  const auto manifest =
      verify({resource("a", "1"), resource("b", "2")}, files_method({"model.safetensors"})).value();
  EXPECT_EQ(reason_of(check(manifest)), "");
  files_["model.safetensors"] = "other weights";
  EXPECT_EQ(reason_of(check(manifest)), "MANIFEST_UNLISTED");
}

TEST_F(OmsFolder, ReadsShards) {
  files_ = {{"a:b", "0123456789"}, {"c", "xy"}};
  const auto shards = [](int64_t size) -> json::Value {
    return json::Object{{"method", "shards"}, {"hash_type", "sha256"}, {"shard_size", size}};
  };
  EXPECT_EQ(reason({resource("a:b:0:4", "0123")}, shards(4)), "MANIFEST_NAME")
      << "the last two colons count, and our names have none";
  files_ = {{"b", "0123456789"}, {"c", "xy"}};
  const json::Array good = {resource("b:0:4", "0123"), resource("b:4:8", "4567"),
                            resource("b:8:10", "89"), resource("c:0:2", "xy")};
  const auto manifest = verify(good, shards(4));
  ASSERT_TRUE(manifest) << manifest.error().text();
  EXPECT_EQ(reason_of(check(*manifest)), "");
  files_["b"] += "more";
  EXPECT_EQ(reason_of(check(*manifest)), "MANIFEST_SHARDS");
  EXPECT_EQ(reason({resource("b:0:4", "0123"), resource("b:8:10", "89")}, shards(4)),
            "MANIFEST_SHARDS");
  EXPECT_EQ(reason({resource("b:4:8", "4567")}, shards(4)), "MANIFEST_SHARDS");
  EXPECT_EQ(reason({resource("b:0:8", "01234567")}, shards(4)), "MANIFEST_SHARDS");
  EXPECT_EQ(reason({resource("b:0:3", "012"), resource("b:3:7", "3456")}, shards(4)),
            "MANIFEST_SHARDS");
  for (const char* name : {"b", "b:0", "b:0:0", "b:4:0", "b:00:4", "b::4", ":0:4"})
    EXPECT_NE(reason({resource(name, "0123")}, shards(4)), "") << name;
  EXPECT_EQ(reason({resource("b:0:4", "0123")}, shards(0)), "MANIFEST_METHOD");
}

TEST_F(OmsFolder, WritesABundleThatItReads) {
  const FileDigests files = {{"a", crypto::sha256("1")}, {"b", crypto::sha256("2")}};
  const std::string text = sign_oms_bundle("lab-7b", files, {"model.sig"}, key_);
  const auto bundle = parse_oms_bundle(text).value();
  const auto manifest = verify_oms_bundle(bundle, key_.public_key());
  ASSERT_TRUE(manifest) << manifest.error().text();
  EXPECT_EQ(manifest->model, "lab-7b");
  EXPECT_EQ(reason_of(check(*manifest)), "");
  OmsBundle changed = bundle;
  changed.envelope.payload.back() = ' ';
  EXPECT_EQ(verify_oms_bundle(changed, key_.public_key()).error().reason, "BAD_SIG");
}

TEST(EcKey, ReadsItsOwnPem) {
  const auto key = crypto::EcPrivateKey::generate();
  const auto again = crypto::EcPrivateKey::from_pem(key.pem().reveal()).value();
  EXPECT_EQ(again.public_key().pem(), key.public_key().pem());
  const auto message = base::as_bytes("message");
  const base::Bytes signature = again.sign(message);
  EXPECT_TRUE(key.public_key().verify(message, signature));
  EXPECT_FALSE(key.public_key().verify(base::as_bytes("massage"), signature));
  EXPECT_FALSE(key.public_key().verify(message, base::ByteSpan(signature).first(20)));
  // Of RFC 8410: Ed25519 is no ECDSA key.
  EXPECT_FALSE(crypto::EcPublicKey::from_pem(
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
      "-----END PUBLIC KEY-----\n"));
  EXPECT_FALSE(crypto::EcPublicKey::from_pem("no key"));
  EXPECT_FALSE(crypto::EcPublicKey::from_certificate(base::as_bytes("no certificate")));
}

}  // namespace
}  // namespace govern
