// Batches of conversations, generated as they are needed: every step sees new ones. Each
// conversation is a sequence of its own, so nothing is padded and nothing leaks from one into the
// next.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lab/chat_format.h"
#include "lab/dataset.h"
#include "lab/synth/generator.h"

namespace lab {

struct ConversationOptions {
  std::vector<std::string> generators;  // names; drawn from in turn with equal shares
  CountedTurns counted = CountedTurns::Assistant;
  int64_t validation_conversations = 256;  // of wordings that training never shows
  uint64_t seed = 1;
};

base::Result<std::unique_ptr<Dataset>> conversation_dataset(const ConversationOptions& options,
                                                            const text::Tokenizer& tokenizer,
                                                            const BatchShape& shape);

// The text of so many conversations, for learning a tokenizer: contents only, one message a line.
base::Result<std::string> conversation_corpus(std::span<const std::string> generators,
                                              int64_t bytes, uint64_t seed);

}  // namespace lab
