#include "lab/conversation_file.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace lab {
namespace {

using model::TrainBatch;

constexpr size_t kStandInConversations = 32;

std::unexpected<base::Error> refuse(int64_t line, const std::string& why) {
  return base::fail(base::Code::InvalidArgument,
                    "Line " + std::to_string(line) + " of the training file " + why,
                    "training_file", "invalid_training_file");
}

base::Result<synth::Message> read_message(const json::Value& message, int64_t line) {
  const json::Value& role = message["role"];
  const json::Value& content = message["content"];
  const bool known = role == json::Value("system") || role == json::Value("user") ||
                     role == json::Value("assistant");
  if (!known)
    return refuse(line, "has a message whose role is not 'system', 'user' or 'assistant'.");
  if (!content.is_string()) return refuse(line, "has a message whose content is not a string.");
  if (!message["tool_calls"].is_null() || !message["function_call"].is_null())
    return refuse(line, "has calls of tools, which this trainer does not learn.");
  const json::Value& weight = message["weight"];
  if (!weight.is_null() && weight != json::Value(0) && weight != json::Value(1))
    return refuse(line, "has a weight that is neither 0 nor 1.");
  return synth::Message{role.as_string(), content.as_string(), weight != json::Value(0)};
}

base::Result<std::vector<synth::Message>> read_line(std::string_view text, int64_t line) {
  const auto value = json::parse(text);
  if (!value || !value->is_object()) return refuse(line, "is not a JSON object.");
  const json::Value& messages = (*value)["messages"];
  if (!messages.is_array() || messages.as_array().empty())
    return refuse(line, "has no 'messages'.");
  const json::Value& tools = (*value)["tools"];
  if (tools.is_array() && !tools.as_array().empty())
    return refuse(line, "has tools, which this trainer does not learn.");
  std::vector<synth::Message> out;
  bool counts = false;
  for (const json::Value& message : messages.as_array()) {
    TRY(synth::Message one, read_message(message, line));
    counts |= one.role == "assistant" && one.counted;
    out.push_back(std::move(one));
  }
  if (!counts) return refuse(line, "has no message of the assistant to learn from.");
  return out;
}

class EpochDataset final : public Dataset {
 public:
  EpochDataset(EncodedFile train, const EncodedFile* validation, int64_t batch_size,
               const BatchShape& shape, uint64_t seed)
      : train_(std::move(train)), batch_size_(batch_size), shape_(shape), seed_(seed) {
    CHECK(!train_.conversations.empty() && batch_size_ >= 1);
    const auto& from = validation != nullptr ? validation->conversations : train_.conversations;
    const size_t count =
        validation != nullptr ? from.size() : std::min(from.size(), kStandInConversations);
    for (size_t i = 0; i < count; ++i) {
      append(&validation_.batches, from[i]);
      validation_.bytes += from[i].counted_bytes;
    }
  }

  std::vector<TrainBatch> next_step() override {
    const int64_t per_epoch = steps_per_epoch(train_, batch_size_);
    const int64_t epoch = taken_ / per_epoch;
    if (epoch != epoch_) shuffle(epoch);
    const auto begin = static_cast<size_t>((taken_ % per_epoch) * batch_size_);
    const size_t end = std::min(order_.size(), begin + static_cast<size_t>(batch_size_));
    std::vector<TrainBatch> step;
    for (size_t i = begin; i < end; ++i) append(&step, train_.conversations[order_[i]]);
    ++taken_;
    return step;
  }

  const ValidationSet& validation() const override { return validation_; }
  json::Value state() const override { return json::Object{{"taken", taken_}}; }
  base::Status restore(const json::Value& state) override {
    TRY(taken_, json::get_int(state, "taken"));
    return {};
  }

 private:
  // Fisher and Yates; the order follows from the seed and the epoch alone.
  void shuffle(int64_t epoch) {
    epoch_ = epoch;
    order_.resize(train_.conversations.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    base::Rng rng(seed_ + static_cast<uint64_t>(epoch) * 0x9e3779b97f4a7c15U);
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[rng.below(i)]);
  }

  void append(std::vector<TrainBatch>* batches, const EncodedConversation& one) const {
    if (batches->empty() || batches->back().size() + std::ssize(one.tokens) > shape_.micro_tokens)
      batches->emplace_back();
    TrainBatch& batch = batches->back();
    batch.tokens.insert(batch.tokens.end(), one.tokens.begin(), one.tokens.end());
    batch.targets.insert(batch.targets.end(), one.targets.begin(), one.targets.end());
    batch.lengths.push_back(static_cast<int32_t>(one.tokens.size()));
  }

  EncodedFile train_;
  int64_t batch_size_;
  BatchShape shape_;
  uint64_t seed_;
  ValidationSet validation_;
  int64_t taken_ = 0;   // steps
  int64_t epoch_ = -1;  // of order_
  std::vector<size_t> order_;
};

}  // namespace

base::Result<ConversationFile> read_conversation_file(std::string_view text) {
  ConversationFile file;
  for (int64_t line = 1; !text.empty(); ++line) {
    std::string_view one = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    while (one.ends_with('\r') || one.ends_with(' ')) one.remove_suffix(1);
    if (one.empty()) continue;
    TRY(auto messages, read_line(one, line));
    file.conversations.push_back(std::move(messages));
  }
  return file;
}

EncodedFile encode_conversations(const ConversationFile& file, const ChatFormat& format,
                                 int64_t context) {
  EncodedFile out;
  for (const auto& messages : file.conversations) {
    EncodedConversation one = format.encode(messages, CountedTurns::Assistant);
    if (std::ssize(one.tokens) > context) {
      one.tokens.resize(static_cast<size_t>(context));
      one.targets.resize(static_cast<size_t>(context));
      ++out.shortened;
    }
    out.tokens += std::ssize(one.tokens);
    out.conversations.push_back(std::move(one));
  }
  return out;
}

int64_t steps_per_epoch(const EncodedFile& train, int64_t batch_size) {
  return (std::ssize(train.conversations) + batch_size - 1) / batch_size;
}

std::unique_ptr<Dataset> epoch_dataset(EncodedFile train, const EncodedFile* validation,
                                       int64_t batch_size, const BatchShape& shape, uint64_t seed) {
  return std::make_unique<EpochDataset>(std::move(train), validation, batch_size, shape, seed);
}

}  // namespace lab
