// Conversations in a JSON-lines file, as OpenAI's supervised fine-tuning takes them: a line is
// {"messages": [{"role", "content", "weight"?}, …]}. What counts are the assistant's turns, without
// those of weight 0. Every epoch shows each conversation once, in an order of its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lab/chat_format.h"
#include "lab/dataset.h"

namespace lab {

struct ConversationFile {
  std::vector<std::vector<synth::Message>> conversations;
};

// Errors: InvalidArgument (invalid_training_file), whose message names the line.
base::Result<ConversationFile> read_conversation_file(std::string_view text);

struct EncodedFile {
  std::vector<EncodedConversation> conversations;
  int64_t tokens = 0;
  int64_t shortened = 0;  // conversations longer than the context, which lost their end
};
EncodedFile encode_conversations(const ConversationFile& file, const ChatFormat& format,
                                 int64_t context);

// Steps of `batch_size` conversations, at least one; step_tokens of the shape is not looked at.
// Without validation conversations the first of the training ones stand in, and tell little.
std::unique_ptr<Dataset> epoch_dataset(EncodedFile train, const EncodedFile* validation,
                                       int64_t batch_size, const BatchShape& shape, uint64_t seed);
int64_t steps_per_epoch(const EncodedFile& train, int64_t batch_size);

}  // namespace lab
