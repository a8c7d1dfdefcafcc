// ECDSA keys on P-256, P-384 and P-521 in PEM, with the hash that goes with each curve (SHA-256,
// -384, -512) and signatures in ASN.1 DER: what model signatures (OMS) are made with. OpenSSL
// behind values.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

struct evp_pkey_st;

namespace crypto {

class EcPublicKey {
 public:
  // "-----BEGIN PUBLIC KEY-----"; text before it is skipped. Malformed, BAD_KEY, for what is no key
  // on one of the three curves.
  static base::Result<EcPublicKey> from_pem(std::string_view text);
  // The key of an X.509 certificate; the certificate itself is not checked.
  static base::Result<EcPublicKey> from_certificate(base::ByteSpan der);

  std::string pem() const;  // SubjectPublicKeyInfo, 64 columns, as OpenSSL writes it
  bool verify(base::ByteSpan message, base::ByteSpan signature) const;

 private:
  friend class EcPrivateKey;
  explicit EcPublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

class EcPrivateKey {
 public:
  static EcPrivateKey generate();  // on P-256
  // PKCS #8 or SEC 1, not encrypted.
  static base::Result<EcPrivateKey> from_pem(std::string_view text);

  base::Secret pem() const;  // PKCS #8
  EcPublicKey public_key() const;
  base::Bytes sign(base::ByteSpan message) const;

 private:
  explicit EcPrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace crypto
