// What the commands about a release's life after the vote have in common: who signs, and whether
// the statement is logged here or written to a file for others to sign.
#pragma once

#include <string>

#include "cli/command.h"
#include "journal/lifecycle_acts.h"

namespace cli {

struct ActOptions {
  explicit ActOptions(Options* options);
  const std::string &as, &key, &out, &data;
  const Options& options;

  base::Result<journal::House> open() const;
  journal::Signer signer() const { return {as, key}; }
};

inline constexpr std::string_view kActHelp =
    R"(  --as NAME    who signs; may be left out when one person decides
  --key FILE   the private key, unless DIR/charter/keys has it
  --out FILE   writes the signed statement instead of logging it, for others to sign and log (`charter sign`)
  --data DIR   the data folder
)";

// Logs the statement, or writes it to --out. `channel` may be empty.
base::Status finish_act(journal::House* house, base::Result<journal::House::Draft> draft,
                        const ActOptions& options, const std::string& channel);

}  // namespace cli
