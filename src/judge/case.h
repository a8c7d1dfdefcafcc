// One case of a suite: what a model is asked and what its answer is held against.
#pragma once

#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "json/json.h"

namespace judge {

struct Message {
  std::string role;
  std::string content;
};

// What is sent: a conversation in the model's own chat template, or one text as it is.
struct Prompt {
  std::vector<Message> messages;
  bool raw = false;  // the only message's content, without a template
};

struct Case {
  std::string id;
  std::vector<Message> messages;
  json::Value expect;     // checked by its grader's rule (judge/grader.h)
  std::string cluster;    // cases that rise and fall together; empty: the case stands alone
  std::string group;      // a name under which a report counts it: a category, a phenomenon
  crypto::Digest leaf{};  // SHA-256(0x00 || canonical JSON of the line)
};

}  // namespace judge
