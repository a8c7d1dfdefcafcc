// One case, from its prompt to the raw output that is kept.
#pragma once

#include "judge/record.h"
#include "judge/subject.h"

namespace judge {

struct Parties {
  Subject* candidate = nullptr;
  Subject* counterpart = nullptr;  // of a suite that pins one
  Subject* judge = nullptr;        // likewise
};

// Fills prompt, output and tokens of the record, whose index, epoch, setting and seed say what is
// asked. The candidate's prompt is there also when the answer failed. With several prompts their
// digest is SHA-256 over the digests of each.
base::Status ask(const Suite& suite, const Parties& parties, Record* record);

// DIGEST_MISMATCH unless the candidate's prompts, rendered again, are those that the record names.
base::Status check_prompt(const Suite& suite, const Record& record, Subject& candidate);

// SENTINEL_MISSED unless the judge model gives each sentinel its score.
base::Status check_sentinels(const Suite& suite, Subject& judge);

// Completes a prompt and gives the text alone; the judge's and the counterpart's settings.
base::Result<std::string> reply(Subject& speaker, const Prompt& prompt, const Sampling& sampling,
                                uint64_t seed);

}  // namespace judge
