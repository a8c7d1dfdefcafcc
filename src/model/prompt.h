// A conversation as the tokens that the model was taught to read: its own chat template, then its
// tokenizer. The one way there is, so that what the judge asked and what clients ask are read
// alike.
//
// A message is text, whatever it spells: "<|assistant|>" written by a user stays letters and never
// becomes the control token, or anybody could speak in the assistant's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "model/model.h"

namespace model {

// messages: an array of {"role", "content"}; with calls of tools they go through ToolFormat first.
// A model without a template gets text::default_chat_template(). A control token that a message or
// a tool spells is cut in two by a mark that encode_chat() knows. tools: what the template's
// variable of that name says; null: none.
base::Result<std::string> render_chat(const Model& model, const json::Value& messages,
                                      const json::Value& tools = {});
std::vector<int32_t> encode_chat(const Model& model, std::string_view rendered);

base::Result<std::vector<int32_t>> chat_prompt(const Model& model, const json::Value& messages);

}  // namespace model
