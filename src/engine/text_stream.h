// A stream's tokens as text that may be shown: whole characters only, nothing of a stop string, and
// what might become one held back until it is known. Log-probabilities travel with the text of
// their tokens.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "text/stream_decoder.h"

namespace engine {

class TextStream {
 public:
  // spelled: control tokens that are shown as they are spelled.
  TextStream(const text::Tokenizer& tokenizer, std::vector<std::string> stops, bool logprobs,
             std::vector<int32_t> spelled = {});

  // Takes one token; true when a stop string is complete, and then nothing more may be pushed.
  bool push(const TokenLogprob& token);
  // The stop string that is complete; empty: none.
  const std::string& stop() const { return stop_; }
  // No token will follow: what was held back becomes showable.
  void finish();
  // What may be shown and has not been taken yet.
  void take(std::string* text, std::vector<TokenLogprob>* logprobs);

 private:
  struct Waiting {
    TokenLogprob logprob;
    size_t begin, end;  // of its text in the whole stream; end counts one more when half a
                        // character is missing
  };
  size_t held_back() const;

  text::StreamDecoder decoder_;
  std::vector<std::string> stops_;
  bool logprobs_;
  bool stopped_ = false;
  std::string stop_;
  std::string pending_;  // decoded, not taken
  size_t showable_ = 0;  // bytes of pending_ that may be shown
  size_t taken_ = 0;     // bytes taken so far
  std::deque<Waiting> waiting_;
};

}  // namespace engine
