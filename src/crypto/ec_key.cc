#include "crypto/ec_key.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

#include "base/check.h"

namespace crypto {
namespace {

constexpr size_t kPemBytesMax = 64u << 10;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::shared_ptr<EVP_PKEY>;
using Buffer = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

Key own(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

// Null when the key is not on one of the three curves.
const EVP_MD* hash_of(EVP_PKEY* key) {
  std::array<char, 32> name{};
  if (key == nullptr || EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr) != 1)
    return nullptr;
  const std::string_view curve(name.data());
  if (curve == "prime256v1") return EVP_sha256();
  if (curve == "secp384r1") return EVP_sha384();
  if (curve == "secp521r1") return EVP_sha512();
  return nullptr;
}

std::unexpected<base::Error> bad_key(std::string message) {
  return base::fail(base::Code::Malformed, std::move(message), "", "BAD_KEY");
}

Buffer reader(std::string_view text) {
  return Buffer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string contents(BIO* buffer) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(buffer, &data);
  return {data, static_cast<size_t>(size)};
}

// No password is ever asked for.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

base::Result<EcPublicKey> EcPublicKey::from_pem(std::string_view text) {
  if (text.size() > kPemBytesMax) return bad_key("a public key has at most 64 KiB");
  const Buffer buffer = reader(text);
  Key key = own(PEM_read_bio_PUBKEY(buffer.get(), nullptr, no_password, nullptr));
  if (hash_of(key.get()) == nullptr)
    return bad_key("this is no public key on P-256, P-384 or P-521 in PEM");
  return EcPublicKey(std::move(key));
}

base::Result<EcPublicKey> EcPublicKey::from_certificate(base::ByteSpan der) {
  if (der.size() > kPemBytesMax) return bad_key("a certificate has at most 64 KiB");
  const uint8_t* at = der.data();
  const Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate || at != der.data() + der.size())
    return bad_key("this is no X.509 certificate in DER");
  Key key = own(X509_get_pubkey(certificate.get()));
  if (hash_of(key.get()) == nullptr)
    return bad_key("the certificate's key is not on P-256, P-384 or P-521");
  return EcPublicKey(std::move(key));
}

std::string EcPublicKey::pem() const {
  const Buffer buffer(BIO_new(BIO_s_mem()));
  CHECK(buffer && PEM_write_bio_PUBKEY(buffer.get(), key_.get()) == 1);
  return contents(buffer.get());
}

bool EcPublicKey::verify(base::ByteSpan message, base::ByteSpan signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, hash_of(key_.get()), nullptr, key_.get()) ==
             1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

EcPrivateKey EcPrivateKey::generate() {
  EcPrivateKey key(own(EVP_EC_gen("P-256")));
  CHECK(key.key_ != nullptr);
  return key;
}

base::Result<EcPrivateKey> EcPrivateKey::from_pem(std::string_view text) {
  if (text.size() > kPemBytesMax) return bad_key("a private key has at most 64 KiB");
  const Buffer buffer = reader(text);
  Key key = own(PEM_read_bio_PrivateKey(buffer.get(), nullptr, no_password, nullptr));
  if (hash_of(key.get()) == nullptr)
    return bad_key("this is no private key on P-256, P-384 or P-521 in PEM without a password");
  return EcPrivateKey(std::move(key));
}

base::Secret EcPrivateKey::pem() const {
  const Buffer buffer(BIO_new(BIO_s_secmem()));
  CHECK(buffer && PEM_write_bio_PKCS8PrivateKey(buffer.get(), key_.get(), nullptr, nullptr, 0,
                                                nullptr, nullptr) == 1);
  return base::Secret(contents(buffer.get()));
}

EcPublicKey EcPrivateKey::public_key() const { return EcPublicKey(key_); }

base::Bytes EcPrivateKey::sign(base::ByteSpan message) const {
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  CHECK(context &&
        EVP_DigestSignInit(context.get(), nullptr, hash_of(key_.get()), nullptr, key_.get()) == 1);
  CHECK(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  base::Bytes signature(size);
  CHECK(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) ==
        1);
  signature.resize(size);
  return signature;
}

}  // namespace crypto
