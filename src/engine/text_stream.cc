#include "engine/text_stream.h"

#include <algorithm>

namespace engine {

TextStream::TextStream(const text::Tokenizer& tokenizer, std::vector<std::string> stops,
                       bool logprobs, std::vector<int32_t> spelled)
    : decoder_(tokenizer, false, std::move(spelled)),
      stops_(std::move(stops)),
      logprobs_(logprobs) {}

bool TextStream::push(const TokenLogprob& token) {
  const size_t begin = taken_ + pending_.size();
  pending_ += decoder_.push(token.id);
  const size_t end = taken_ + pending_.size() + (decoder_.pending() ? 1 : 0);
  if (logprobs_) waiting_.push_back({token, begin, end});
  size_t cut = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t found = pending_.find(stop);
    if (found < cut) stop_ = stop;
    cut = std::min(cut, found);
  }
  if (cut == std::string::npos) {
    showable_ = pending_.size() - held_back();
    return false;
  }
  stopped_ = true;
  pending_.resize(cut);
  showable_ = cut;
  // A token that lies wholly in the stop string is not part of the answer.
  while (!waiting_.empty() && waiting_.back().begin >= taken_ + cut) waiting_.pop_back();
  return true;
}

// The longest end of the text that may be the beginning of a stop string.
size_t TextStream::held_back() const {
  size_t held = 0;
  for (const std::string& stop : stops_) {
    for (size_t size = std::min(stop.size() - 1, pending_.size()); size > held; --size) {
      if (std::string_view(pending_).ends_with(std::string_view(stop).substr(0, size))) held = size;
    }
  }
  return held;
}

void TextStream::finish() {
  if (!stopped_) pending_ += decoder_.finish();
  stopped_ = true;
  showable_ = pending_.size();
}

void TextStream::take(std::string* text, std::vector<TokenLogprob>* logprobs) {
  text->assign(pending_, 0, showable_);
  pending_.erase(0, showable_);
  taken_ += showable_;
  showable_ = 0;
  while (!waiting_.empty() && (stopped_ || waiting_.front().end <= taken_)) {
    logprobs->push_back(std::move(waiting_.front().logprob));
    waiting_.pop_front();
  }
}

}  // namespace engine
