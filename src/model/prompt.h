// A conversation as the tokens that the model was taught to read: its own chat template, then its
// tokenizer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "model/model.h"

namespace model {

// messages: an array of {"role", "content"}. A model without a template gets
// text::default_chat_template().
base::Result<std::vector<int32_t>> chat_prompt(const Model& model, const json::Value& messages);

}  // namespace model
