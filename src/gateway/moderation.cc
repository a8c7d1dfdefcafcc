#include "gateway/moderation.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/utf8.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "files/files.h"
#include "govern/manifest.h"

namespace gateway {
namespace {

using base::kModerationCategories;
using govern::ModerationAction;

constexpr size_t kCategories = kModerationCategories.size();

model::ModerationScores highest(const model::ModerationModel& model,
                                const std::vector<std::string_view>& texts) {
  model::ModerationScores best = {};
  for (const std::string_view text : texts) {
    const model::ModerationScores scores = model.scores(text);
    for (size_t i = 0; i < kCategories; ++i) best[i] = std::max(best[i], scores[i]);
  }
  return best;
}

std::unexpected<base::Error> wrong_input(std::string message, std::string reason = {}) {
  return base::fail(base::Code::InvalidArgument, std::move(message), "input", std::move(reason));
}

// The texts of the inputs: each string is an input of its own, a list of parts is one together.
base::Result<std::vector<std::vector<std::string_view>>> read_inputs(const json::Value& input) {
  std::vector<std::vector<std::string_view>> out;
  if (input.is_string()) {
    out.push_back({input.as_string()});
    return out;
  }
  if (!input.is_array() || input.as_array().empty())
    return wrong_input(
        "Invalid 'input': expected a string, a list of strings, or a list of parts.");
  for (const json::Value& item : input.as_array()) {
    const bool first = out.empty();
    const bool parts = !first && input.as_array().front().is_object();
    if (!first && item.is_object() != parts)
      return wrong_input("Invalid 'input': strings and parts do not mix.");
    if (item.is_string()) {
      out.push_back({item.as_string()});
      continue;
    }
    const json::Value& type = item["type"];
    if (type.is_string() && type.as_string() == "image_url")
      return wrong_input(
          "Images are not moderated here: the house's moderation model reads text only.",
          "unsupported_value");
    if (!type.is_string() || type.as_string() != "text" || !item["text"].is_string())
      return wrong_input("Invalid 'input': expected parts {\"type\": \"text\", \"text\": …}.");
    if (first) out.emplace_back();
    out.front().push_back(item["text"].as_string());
  }
  return out;
}

void add_content(const json::Value& content, std::vector<std::string_view>* out) {
  if (content.is_string()) {
    out->push_back(content.as_string());
  } else if (content.is_array()) {
    for (const json::Value& part : content.as_array()) {
      for (const char* key : {"text", "refusal"}) {
        if (part[key].is_string()) out->push_back(part[key].as_string());
      }
    }
  }
}

// What a reader of the answer reads of the piece, in one text.
void add_text(const Delta& delta, std::string* out) {
  *out += delta.reasoning;
  *out += delta.text;
  *out += delta.refusal;
  for (const ToolCallDelta& call : delta.tool_calls) *out += call.arguments;
}

}  // namespace

bool is_moderation_name(std::string_view model) {
  return model == "omni-moderation-latest" || model == "omni-moderation-2024-09-26" ||
         model == "text-moderation-latest" || model == "text-moderation-stable";
}

base::Result<std::shared_ptr<const Moderation>> Moderation::make(
    std::shared_ptr<const model::ModerationModel> model, const crypto::Digest& digest,
    const govern::ModerationRules* rules) {
  auto out = std::make_shared<Moderation>();
  out->thresholds_ = model->config().thresholds;
  out->model_ = std::move(model);
  out->digest_ = crypto::hex(digest);
  if (rules != nullptr) {
    if (rules->model != digest)
      return base::fail(base::Code::FailedPrecondition,
                        "the charter names another moderation model: " + crypto::hex(rules->model) +
                            ", and this one is " + crypto::hex(digest) +
                            "; put the one that was decided on back, or amend the charter",
                        out->name(), "MODERATION_MODEL");
    for (const auto& [name, threshold] : rules->thresholds)
      out->thresholds_[base::moderation_category(name)] = threshold;
    out->before_ = rules->before;
    out->after_ = rules->after;
  }
  return out;
}

base::Result<std::shared_ptr<const Moderation>> Moderation::load(
    const std::string& directory, const govern::ModerationRules* rules) {
  using model::kModerationConfigFile;
  using model::kModerationWeightsFile;
  TRY(const auto config, files::MappedFile::open(files::join(directory, kModerationConfigFile)));
  TRY(const auto weights, files::MappedFile::open(files::join(directory, kModerationWeightsFile)));
  auto model = model::ModerationModel::parse(base::as_text(config->bytes()), weights->bytes());
  if (!model) return base::wrap(model.error(), "the moderation model cannot be used", directory);
  govern::Manifest manifest;
  manifest.files[std::string(kModerationConfigFile)] = crypto::sha256(config->bytes());
  manifest.files[std::string(kModerationWeightsFile)] = crypto::sha256(weights->bytes());
  return make(std::make_shared<const model::ModerationModel>(*std::move(model)),
              govern::manifest_digest(manifest), rules);
}

std::vector<size_t> Moderation::find_harm(std::string_view text) const {
  const model::ModerationScores scores = model_->scores(text);
  std::vector<size_t> out;
  for (size_t i = 0; i < kCategories; ++i) {
    if (scores[i] >= thresholds_[i]) out.push_back(i);
  }
  return out;
}

json::Value Moderation::result_of(const std::vector<std::string_view>& texts) const {
  const model::ModerationScores scores = highest(*model_, texts);
  bool flagged = false;
  json::Object categories;
  json::Object category_scores;
  json::Object types;
  for (size_t i = 0; i < kCategories; ++i) {
    const std::string name(kModerationCategories[i]);
    const bool reached = scores[i] >= thresholds_[i];
    flagged |= reached;
    categories.emplace_back(name, reached);
    category_scores.emplace_back(name, scores[i]);
    types.emplace_back(name, json::Array{"text"});
  }
  return json::Object{{"flagged", flagged},
                      {"categories", std::move(categories)},
                      {"category_scores", std::move(category_scores)},
                      {"category_applied_input_types", std::move(types)}};
}

std::string category_names(const std::vector<size_t>& categories) {
  std::string out;
  for (const size_t category : categories) {
    if (!out.empty()) out += ", ";
    out += kModerationCategories[category];
  }
  return out;
}

base::Result<json::Value> moderate_texts(const Moderation& moderation, std::string_view model,
                                         const json::Value& body) {
  TRY(const auto inputs, read_inputs(body["input"]));
  size_t bytes = 0;
  for (const auto& texts : inputs) {
    for (const std::string_view text : texts) bytes += text.size();
  }
  if (inputs.size() > kModerationInputsMax || bytes > kModerationBytesMax)
    return wrong_input("Too much to moderate at once: at most " +
                       std::to_string(kModerationInputsMax) + " inputs with " +
                       std::to_string(kModerationBytesMax) + " bytes of text together.");
  json::Array results;
  for (const auto& texts : inputs) results.push_back(moderation.result_of(texts));
  constexpr size_t kIdBytes = 16;
  return json::Object{{"id", "modr-" + base::hex(crypto::random_bytes(kIdBytes))},
                      {"model", model},
                      {"results", std::move(results)}};
}

std::vector<std::string_view> texts_of(const Generation& generation) {
  std::vector<std::string_view> out;
  if (const auto* text = std::get_if<std::string>(&generation.input)) {
    out.push_back(*text);
    out.push_back(generation.suffix);
  } else if (const auto* messages = std::get_if<Messages>(&generation.input)) {
    for (const json::Value& message : messages->list.as_array()) {
      add_content(message["content"], &out);
      if (!message["tool_calls"].is_array()) continue;
      for (const json::Value& call : message["tool_calls"].as_array()) {
        const json::Value& arguments = call["function"]["arguments"];
        if (arguments.is_string()) out.push_back(arguments.as_string());
      }
    }
  }
  for (const Tool& tool : generation.tools) out.push_back(tool.description);
  return out;
}

AnswerScreen::AnswerScreen(std::shared_ptr<const Moderation> moderation, int choices, bool whole)
    : moderation_(std::move(moderation)), whole_(whole), choices_(static_cast<size_t>(choices)) {}

bool AnswerScreen::all_blocked() const { return std::ranges::all_of(choices_, &Choice::blocked); }

// Reads what is new with what stood before it, and lets out what was held, or ends the choice.
void AnswerScreen::check(Choice* choice, int index, std::vector<Delta>* out,
                         std::vector<size_t>* harm) {
  std::vector<size_t> found;
  if (choice->unchecked > 0) found = moderation_->find_harm(choice->text);
  choice->unchecked = 0;
  if (!found.empty() && !choice->flagged) {
    choice->flagged = true;
    *harm = found;
  }
  if (!found.empty() && moderation_->after() == ModerationAction::Block) {
    choice->blocked = true;
    choice->held.clear();
    Delta end;
    end.choice = index;
    end.finish = Finish::ContentFilter;
    out->push_back(std::move(end));
    return;
  }
  std::ranges::move(choice->held, std::back_inserter(*out));
  choice->held.clear();
  if (whole_ || choice->text.size() <= kContextBytes) return;
  size_t cut = choice->text.size() - kContextBytes;
  while (cut < choice->text.size() && (static_cast<uint8_t>(choice->text[cut]) & 0xC0) == 0x80)
    ++cut;
  choice->text.erase(0, cut);
}

std::vector<Delta> AnswerScreen::take(Delta delta, std::vector<size_t>* harm) {
  std::vector<Delta> out;
  const int index = delta.choice;
  if (index < 0 || static_cast<size_t>(index) >= choices_.size()) return out;
  Choice& choice = choices_[static_cast<size_t>(index)];
  if (choice.blocked) return out;
  const size_t before = choice.text.size();
  add_text(delta, &choice.text);
  choice.unchecked += choice.text.size() - before;
  const bool last = delta.finish.has_value();
  choice.held.push_back(std::move(delta));
  // Only flagging holds nothing back.
  const bool due = last || (!whole_ && choice.unchecked >= kCheckBytes);
  if (due) {
    check(&choice, index, &out, harm);
  } else if (moderation_->after() != ModerationAction::Block) {
    out = std::exchange(choice.held, {});
  }
  return out;
}

std::vector<Delta> AnswerScreen::take_rest(std::vector<size_t>* harm) {
  std::vector<Delta> out;
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (!choices_[i].blocked) check(&choices_[i], static_cast<int>(i), &out, harm);
  }
  return out;
}

}  // namespace gateway
