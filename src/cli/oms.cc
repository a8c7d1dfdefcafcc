// `charter oms`: signatures of model folders in the form that other tools read (OMS 1.0).
#include <cstdio>

#include "cli/house_options.h"
#include "cli/operate.h"
#include "files/files.h"
#include "journal/model_folder.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter oms keygen [--out FILE]
       charter oms sign DIR --key FILE [--signature FILE]
       charter oms verify DIR --key FILE [--signature FILE]

Signs every file of a model's folder, and verifies such signatures, in the OMS 1.0 format: a sigstore bundle that
`model_signing verify key` reads too. keygen makes a P-256 key in PEM (private in FILE, model-key.pem unless told;
public in FILE.pub). The signature is DIR/model.sig unless told. verify takes a public key in PEM on P-256, P-384 or
P-521 and is stricter than other tools: SHA-256 alone, no symbolic links, no file that was not signed, also when the
signer says to ignore it; signatures of the v0.1 form are refused. A release needs no such signature: this is for those
who use the model elsewhere, or bring one from there.

exit codes: 0 done, 65 the folder is not what was signed (MANIFEST_...), 66 a file is not there, 73 FILE is there already
)";

std::string signature_path(const std::string& directory, const std::string& given) {
  return given.empty() ? files::join(directory, "model.sig") : given;
}

base::Status keygen(std::span<const std::string> arguments) {
  Options options("oms");
  const std::string& out = options.text("--out", "model-key.pem");
  TRY_VOID(options.parse(arguments));
  if (files::exists(out) || files::exists(out + ".pub"))
    return base::fail(base::Code::AlreadyExists,
                      "the file is there already; a key is never overwritten", out);
  const crypto::EcPrivateKey key = crypto::EcPrivateKey::generate();
  TRY_VOID(files::write_atomic(out, key.pem().reveal(), 0600));
  TRY_VOID(files::write_atomic(out + ".pub", key.public_key().pem()));
  if (options.json())
    print_json(json::Object{
        {"file", out}, {"public", out + ".pub"}, {"hint", govern::key_hint(key.public_key())}});
  else
    std::fputs(key.public_key().pem().c_str(), stdout);
  return {};
}

base::Status sign(std::span<const std::string> arguments) {
  Options options("oms");
  const std::string& directory = options.positional("DIR");
  const std::string& key_file = options.text("--key", "model-key.pem");
  const std::string& given = options.text("--signature", "");
  TRY_VOID(options.parse(arguments));
  TRY(const std::string text, files::read_file(key_file, 64u << 10));
  TRY(const auto key, crypto::EcPrivateKey::from_pem(text));
  const std::string signature = signature_path(directory, given);
  TRY_VOID(journal::sign_folder(directory, signature, key));
  if (options.json())
    print_json(json::Object{{"signature", signature}});
  else
    std::puts(signature.c_str());
  return {};
}

base::Status verify(std::span<const std::string> arguments) {
  Options options("oms");
  const std::string& directory = options.positional("DIR");
  const std::string& key_file = options.text("--key", "model-key.pem.pub");
  const std::string& given = options.text("--signature", "");
  TRY_VOID(options.parse(arguments));
  TRY(const std::string text, files::read_file(key_file, 64u << 10));
  TRY(const auto key, crypto::EcPublicKey::from_pem(text));
  auto manifest = journal::verify_folder(directory, signature_path(directory, given), key);
  if (!manifest) {
    if (manifest.error().code == base::Code::FailedPrecondition)
      manifest.error().code = base::Code::Corrupt;
    return std::unexpected(manifest.error());
  }
  if (options.json())
    print_json(json::Object{{"verified", true},
                            {"model", manifest->model},
                            {"files", static_cast<int64_t>(manifest->resources.size())},
                            {"root", crypto::hex(manifest->root)},
                            {"manifest_digest", crypto::hex(manifest->manifest_digest)}});
  else
    std::printf("%s: verified, %zu files or shards, manifest %s\n", directory.c_str(),
                manifest->resources.size(), crypto::hex(manifest->manifest_digest).c_str());
  return {};
}

constexpr Action kActions[] = {{"keygen", keygen}, {"sign", sign}, {"verify", verify}};

base::Status run(std::span<const std::string> arguments) {
  return run_action("oms", kActions, arguments);
}

}  // namespace

extern const Command kOmsCommand;
const Command kOmsCommand = {"oms", "sign model folders for other tools, and verify them", kHelp,
                             run};

}  // namespace cli
