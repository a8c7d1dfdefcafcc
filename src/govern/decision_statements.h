// The statements that decide beside proposal, ballot and tally: who was told, who has a conflict,
// who objects, who asks for a vote, what takes effect, whose keys change.
#pragma once

#include "govern/statements.h"

namespace govern {

// That persons know of a proposal: a receipt is signed by the one person who was told, a delivery
// by whoever told them.
struct Notice {
  Context context;
  crypto::Digest proposal{};
  std::string person;                // who signs
  bool delivery = false;             // false: a receipt
  std::vector<std::string> persons;  // sorted; of a receipt: the signer alone
  std::string means;                 // for people: "read", "registered mail", …
  base::Time created;
};

// That a person has a conflict of interest in a proposal. Two thirds of the others in the body make
// it so: the person's ballot then counts as against, and the base stays as it is.
struct Recusal {
  Context context;
  crypto::Digest proposal{};
  std::string body, person;  // who says so
  std::string recused;       // of whom; may be oneself
  std::string reason;
  base::Time created;
};

struct Veto {
  Context context;
  crypto::Digest proposal{};
  std::string body, person, reason;
  base::Time created;
};

// One person's signature under a motion that the charter's share of a body can force onto the
// agenda. Signatures under the same action and subject make one petition.
struct Petition {
  Context context;
  std::string body, person;
  std::string action;
  Subject subject;
  base::Time created, expires;
};
crypto::Digest petition_digest(const Petition& petition);  // of body, action and subject

// What passed takes effect: every action that has no statement of its own.
struct Enactment {
  Context context;
  crypto::Digest proposal{};
  LeafReference tally;
  std::string person;
  base::Time created;
};

enum class KeyChange : unsigned char {
  Rotate,      // a key of the person signs, and so does the new one
  Lose,        // two others of a body say that the person's keys are gone; the new key signs
  Object,      // the person stops that
  Confirm,     // after 72 hours without objection the new key stands
  Compromise,  // a key of the person, or two others of a body: invalid from an index on
};
std::string_view key_change_name(KeyChange change);

struct Keyring {
  Context context;
  std::string person;    // whose keys
  uint64_t version = 2;  // one more than the last; the charter's keys are version 1
  KeyChange change = KeyChange::Rotate;
  std::string vkey;        // the new key; of a compromise: the one that is no longer to be believed
  std::string retired;     // of a rotation: the key that goes; empty: none
  uint64_t from_leaf = 0;  // of a compromise: nothing that the key signed from here on counts
  base::Time created;
};

std::string format_notice(const Notice& notice);
std::string format_recusal(const Recusal& recusal);
std::string format_veto(const Veto& veto);
std::string format_petition(const Petition& petition);
std::string format_enactment(const Enactment& enactment);
std::string format_keyring(const Keyring& keyring);

base::Result<Notice> parse_notice(std::string_view payload);
base::Result<Recusal> parse_recusal(std::string_view payload);
base::Result<Veto> parse_veto(std::string_view payload);
base::Result<Petition> parse_petition(std::string_view payload);
base::Result<Enactment> parse_enactment(std::string_view payload);
base::Result<Keyring> parse_keyring(std::string_view payload);

}  // namespace govern
