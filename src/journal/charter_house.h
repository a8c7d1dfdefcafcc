// A house: the charter, the keys, the log and the released models of one data folder. It carries a
// model from a proposal over votes to a release, every step a statement that govern::apply()
// accepted before it was logged.
//
//   DATA/charter/{charter.toml, pin.json, keys/NAME.key, staged/, previous/}   DATA/log/
//   DATA/models/CHANNEL/
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "govern/certificate.h"
#include "journal/log.h"

namespace journal {

class House {
 public:
  static bool exists(const std::string& data);
  // To change: takes the log's lock, and finishes a release that a crash left between the log and
  // DATA/models. Another program holds the lock for the moment of an append: it is waited for, at
  // most `wait`, then Unavailable (LOCKED). `known` is the same house as it was read before: what
  // it has judged is not judged again.
  static base::Result<House> open(const std::string& data, const House* known = nullptr,
                                  base::Duration wait = base::seconds(5));
  static base::Result<House> open_to_read(const std::string& data, const House* known = nullptr);
  static base::Result<govern::CharterPin> read_pin(const std::string& data);

  const govern::State& state() const { return state_; }
  const govern::Charter& charter() const { return *state_.charter; }
  base::Result<std::string> charter_text() const;  // charter.toml as it was signed last
  const govern::CharterPin& pin() const { return pin_; }
  const Log& log() const { return log_; }
  const std::string& data() const { return data_; }

  // The one person who decides, or InvalidArgument when there are several to choose from.
  base::Result<std::string> only_person() const;
  // From `path`, or from DATA/charter/keys/NAME.key when it is empty; the charter must give the key
  // to that name.
  base::Result<govern::SignerKey> load_key(const std::string& name, const std::string& path) const;

  struct Draft {
    govern::Kind kind;
    govern::Envelope envelope;
  };
  // Applies all, then logs all; on a refusal nothing is logged. Returns where they stand.
  base::Result<std::vector<govern::LeafReference>> append(std::vector<Draft> drafts,
                                                          base::Time now);

  // See Log::add_cosignatures.
  base::Result<bool> add_cosignatures(std::string_view note_text,
                                      std::span<const govern::NoteSignature> lines) {
    return log_.add_cosignatures(note_text, lines);
  }

  base::Result<govern::ReleaseBundle> make_bundle(const govern::ProposalState& proposal) const;
  // Puts the staged model and its bundle in place under DATA/models; does nothing when they are.
  base::Status install(const crypto::Digest& proposal) const;

  std::string models_folder() const { return files::join(data_, "models"); }
  std::string staged_folder(const crypto::Digest& proposal) const;

 private:
  friend base::Result<House> init_house(const std::string&, const struct InitOptions&, base::Time);
  House(std::string data, govern::CharterPin pin, Log log, govern::State state)
      : data_(std::move(data)),
        pin_(std::move(pin)),
        log_(std::move(log)),
        state_(std::move(state)) {}
  base::Status replay(const House* known);
  std::vector<uint64_t> declared_leaves(const govern::ProposalState& proposal) const;

  std::string data_;
  govern::CharterPin pin_;
  Log log_;
  govern::State state_;
};

base::Result<govern::SignerKey> read_signer_key(
    const std::string& path);  // a file that `charter keygen` wrote

struct InitOptions {
  std::string person = "p.owner";
  std::string charter_text;  // empty: the one-person charter with a fresh key for `person`
  std::optional<govern::SignerKey> key;  // with a charter text: a key of `person`, who signs it
  std::string witness_policy = {};       // the text that the charter pins, if it pins one
};

// A new house in a data folder that has none (AlreadyExists): writes keys, log and charter; the
// last rename makes it whole.
base::Result<House> init_house(const std::string& data, const InitOptions& options, base::Time now);

struct ProposeOptions {
  std::string model_directory;
  std::string channel = "chat";
  std::string model_name;             // empty: the folder's name
  std::vector<std::string> evidence;  // files with the judge's statements, or folders of them
  std::string person;                 // empty: the only one
  std::string key_path;
  std::string attester;  // who signs the evidence; empty: the person
  std::string attester_key_path;
};
struct Proposed {
  crypto::Digest proposal{}, manifest_digest{};
  std::string channel;
  uint64_t epoch = 0, leaf = 0;
};
base::Result<Proposed> propose(House* house, const ProposeOptions& options, base::Time now);

struct VoteOptions {
  crypto::Digest proposal{};
  std::string person, key_path;
  std::string body;  // empty: every body that is asked and in which the person sits
  govern::Vote vote = govern::Vote::For;
};
struct Voted {
  std::vector<std::string> bodies;
  govern::Outcome outcome;  // if it were counted now
};
base::Result<Voted> vote(House* house, const VoteOptions& options, base::Time now);

struct ReleaseOptions {
  crypto::Digest proposal{};
  std::string person, key_path;
};
struct Released {
  std::string channel, model, directory;
  uint64_t epoch = 0, leaf = 0;
  govern::Outcome outcome;
};
// Logs the tally and, when the timelock is over, the certificate; puts model and bundle in place.
// Running it again continues where it stopped.
base::Result<Released> release(House* house, const ReleaseOptions& options, base::Time now);

// A proposal by its digest or the beginning of it; empty when only one is open.
base::Result<crypto::Digest> find_proposal(const House& house, std::string_view text);

// Logs the checkpoint with the cosignatures that stand beside it, signed by the log's key: from
// then on they count for the waits of the charter. Only for a charter that names witnesses.
base::Status log_cosignatures(House* house, base::Time now);

// A model that another house released, released anew by this house's one person: the makers'
// release in the folder is verified offline against their pin, then the person proposes, votes and
// releases it here with the evidence beside it.
base::Result<Released> adopt_model(House* house, const std::string& directory,
                                   const std::string& channel, const govern::CharterPin& pin,
                                   base::Time now);
// The same for a model that comes with Charter, with the pin that is built into the program.
base::Result<Released> adopt_bundled_model(House* house, const std::string& directory,
                                           const std::string& channel, base::Time now);
base::Result<govern::CharterPin> makers_pin();

}  // namespace journal
