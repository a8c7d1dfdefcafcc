// `charter keygen`: a key pair for a person or a service. The private half stays in the file; the
// public one is printed.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "files/files.h"
#include "govern/charter.h"
#include "govern/note.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter keygen NAME [--out FILE]

Makes an Ed25519 key pair. The private half goes to FILE (NAME.key unless told), which only you can read and which is
never sent anywhere; the public half, a line for `keys` in a charter, goes to standard output.

exit codes: 0 done, 64 wrong usage, 73 FILE is there already
)";

base::Status run(std::span<const std::string> arguments) {
  Options options("keygen");
  const std::string& name = options.positional("NAME");
  const std::string& out = options.text("--out", "");
  TRY_VOID(options.parse(arguments));
  if (!govern::is_key_name(name) || name.find('/') != name.npos)
    return base::fail(base::Code::InvalidArgument,
                      "a key's name has no spaces, plus signs or slashes", name);
  const std::string file = out.empty() ? name + ".key" : out;
  if (files::exists(file))
    return base::fail(base::Code::AlreadyExists,
                      "the file is there already; a key is never overwritten", file);
  const govern::SignerKey key{name, crypto::PrivateKey::generate()};
  const base::Secret text = govern::format_signer_key(key);
  TRY_VOID(files::write_atomic(file, std::string(text.reveal()) + '\n', 0600));
  const std::string vkey = govern::format_vkey(key.verifier());
  if (options.json()) {
    print_json(json::Object{{"name", name}, {"file", file}, {"vkey", vkey}});
  } else {
    std::fprintf(stderr, "the private key is in %s; keep it to yourself\n", file.c_str());
    std::printf("%s\n", vkey.c_str());
  }
  return {};
}

}  // namespace

extern const Command kKeygenCommand;
const Command kKeygenCommand = {"keygen", "make a signing key for a person or a service", kHelp,
                                run};

}  // namespace cli
