#include "judge/case_run.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"
#include "judge/episode.h"
#include "judge/grade.h"
#include "judge/judge_model.h"

namespace judge {
namespace {

constexpr int64_t kVerdictTokensMax = 16;

const Case& case_of(const Suite& suite, const Record& r) {
  return suite.cases[static_cast<size_t>(r.index)];
}

std::vector<Message> messages_for(const Suite& suite, const Record& r) {
  size_t setting = 0;
  if (suite.elicits) {
    const auto found = std::ranges::find(suite.settings, r.setting, &Setting::name);
    CHECK(found != suite.settings.end());
    setting = static_cast<size_t>(found - suite.settings.begin());
  }
  return suite.messages_of(case_of(suite, r), setting);
}

// The digest of one prompt is its own; of several, over all.
class PromptTrace {
 public:
  void add(const crypto::Digest& digest) { digests_.push_back(digest); }
  crypto::Digest digest() const {
    if (digests_.empty()) return {};
    if (digests_.size() == 1) return digests_.front();
    crypto::Sha256 hash;
    for (const crypto::Digest& each : digests_) hash.update(base::ByteSpan(each));
    return hash.finish();
  }

 private:
  std::vector<crypto::Digest> digests_;
};

base::Status ask_candidate(const Suite& suite, Subject& candidate, const Prompt& prompt,
                           PromptTrace* trace, Record* r, std::string* text) {
  TRY(const crypto::Digest digest, candidate.prompt_digest(prompt, {}));
  trace->add(digest);
  r->prompt = trace->digest();
  TRY(Completion answer, candidate.complete(prompt, suite.sampling, r->seed));
  r->prompt_tokens += answer.prompt_tokens;
  r->completion_tokens += answer.completion_tokens;
  *text = base::replace_invalid_utf8(answer.text);
  return {};
}

Speaker speaker_of(const Suite& suite, Subject* model, const Record& r, int64_t tokens_max) {
  return [&suite, model, seed = r.seed,
          tokens_max](const Prompt& prompt) -> base::Result<std::string> {
    CHECK(model != nullptr);
    Sampling sampling = suite.sampling;
    sampling.temperature = 0;
    if (tokens_max > 0) sampling.max_tokens = tokens_max;
    return reply(*model, prompt, sampling, seed);
  };
}

base::Status ask_episode(const Suite& suite, const Parties& parties, Record* r) {
  PromptTrace trace;
  Speakers speakers;
  speakers.candidate = [&](const Prompt& prompt) -> base::Result<std::string> {
    std::string text;
    TRY_VOID(ask_candidate(suite, *parties.candidate, prompt, &trace, r, &text));
    return text;
  };
  speakers.counterpart = speaker_of(suite, parties.counterpart, *r, 0);
  speakers.judge = speaker_of(suite, parties.judge, *r, kVerdictTokensMax);
  TRY(const auto turns,
      play(suite, case_of(suite, *r), messages_for(suite, *r), r->seed, speakers));
  r->output = print_turns(turns);
  return {};
}

}  // namespace

base::Result<std::string> reply(Subject& speaker, const Prompt& prompt, const Sampling& sampling,
                                uint64_t seed) {
  TRY(const Completion answer, speaker.complete(prompt, sampling, seed));
  return base::replace_invalid_utf8(answer.text);
}

base::Status ask(const Suite& suite, const Parties& parties, Record* r) {
  const Task task = rule_of(suite.grader).task;
  if (task == Task::Episode) return ask_episode(suite, parties, r);
  const Prompt prompt{messages_for(suite, *r), suite.raw};
  if (task == Task::Generate) {
    PromptTrace trace;
    return ask_candidate(suite, *parties.candidate, prompt, &trace, r, &r->output);
  }
  const std::vector<std::string> choices = choices_of(case_of(suite, *r));
  TRY(r->prompt, parties.candidate->prompt_digest(prompt, choices));
  TRY(const auto likelihoods, parties.candidate->likelihoods(prompt, choices));
  r->output = print_likelihoods(likelihoods);
  return {};
}

base::Status check_prompt(const Suite& suite, const Record& r, Subject& candidate) {
  if (r.status != RunStatus::Ok) return {};
  const Task task = rule_of(suite.grader).task;
  const Case& one = case_of(suite, r);
  const std::vector<Message> messages = messages_for(suite, r);
  crypto::Digest again{};
  if (task == Task::Episode) {
    PromptTrace trace;
    TRY_VOID(
        replay(suite, one, messages, r.seed, r.output, [&](const Prompt& prompt) -> base::Status {
          TRY(const crypto::Digest digest, candidate.prompt_digest(prompt, {}));
          trace.add(digest);
          return {};
        }));
    again = trace.digest();
  } else {
    const std::vector<std::string> choices =
        task == Task::Likelihood ? choices_of(one) : std::vector<std::string>{};
    TRY(again, candidate.prompt_digest({messages, suite.raw}, choices));
  }
  if (again == r.prompt) return {};
  return base::fail(base::Code::Corrupt,
                    "rendered again, the prompt is not the one that the result names",
                    suite.name + " case " + std::to_string(r.index), "DIGEST_MISMATCH");
}

base::Status check_sentinels(const Suite& suite, Subject& judge) {
  Sampling sampling = suite.sampling;
  sampling.temperature = 0;
  sampling.max_tokens = kVerdictTokensMax;
  for (const Sentinel& sentinel : suite.sentinels) {
    std::vector<Turn> turns = {{"candidate", sentinel.answer}};
    for (const bool yes_first : {true, false}) {
      TRY(std::string text,
          reply(judge, judge_prompt(sentinel.one, sentinel.answer, 0, yes_first), sampling, 0));
      turns.push_back({"judge", std::move(text)});
    }
    const auto score = grade_judged(sentinel.one, print_turns(turns));
    if (score && std::fabs(*score - sentinel.score) < 1e-9) continue;
    return base::fail(base::Code::FailedPrecondition,
                      "the judge model misses an answer whose score is known, so nothing that it "
                      "says counts: the run is invalid",
                      suite.name + " " + sentinel.one.id, "SENTINEL_MISSED");
  }
  return {};
}

}  // namespace judge
