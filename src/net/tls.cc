#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

namespace net {
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

base::Result<std::shared_ptr<ssl::context>> load_tls(const std::string& certificate_file,
                                                     const std::string& key_file) {
  using base::Code;
  for (const std::string& file : {certificate_file, key_file}) {
    if (file.empty())
      return base::fail(Code::InvalidArgument, "TLS needs a certificate file and a key file");
    if (access(file.c_str(), R_OK) != 0)
      return base::fail(Code::NotFound, "this file of the TLS certificate cannot be read", file);
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps no 34 KB
  constexpr unsigned char kSessionContext[] = "charter";
  SSL_CTX_set_session_id_context(raw, kSessionContext, sizeof kSessionContext - 1);
  error_code error;
  context->use_certificate_chain_file(certificate_file, error);
  if (error)
    return base::fail(Code::Malformed, "this is not a PEM file of certificates: " + error.message(),
                      certificate_file);
  // A key with a passphrase is refused, not asked for at a terminal that nobody watches.
  SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return 0; });
  context->use_private_key_file(key_file, ssl::context::pem, error);
  if (!error && SSL_CTX_check_private_key(raw) == 1) return context;
  ERR_clear_error();
  return base::fail(Code::Malformed,
                    "this is not the PEM private key, without a passphrase, of the certificate",
                    key_file);
}

}  // namespace net
