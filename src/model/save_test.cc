#include "model/save.h"

#include <gtest/gtest.h>

#include "files/files.h"
#include "model/source.h"
#include "model/testing_tiny.h"

namespace model {
namespace {

std::vector<float> numbers(const Source& source, const std::string& name) {
  const formats::TensorView& view = source.tensors.at(name).view;
  std::vector<float> out(static_cast<size_t>(view.elements()));
  formats::to_floats(view.dtype, view.data.data(), view.elements(), out.data());
  return out;
}

class SaveTest : public ::testing::Test {
 protected:
  SaveTest() : folder_(*files::TemporaryDirectory::create("save-test")) {}
  files::TemporaryDirectory folder_;
  Config config_ = testing::tiny_config();
  testing::TinyWeights weights_ = testing::tiny_weights(config_, 3);
  text::VocabSpec vocabulary_ = testing::tiny_vocabulary();
};

TEST_F(SaveTest, AFolderReadsBackAsItWas) {
  const SaveOptions options{.dtype = formats::DType::F32,
                            .chat_template = "{{ messages[0]['content'] }}",
                            .generation_config = json::Object{{"temperature", 0.5}}};
  vocabulary_.stop_ids = {2};
  const auto saved =
      write_model_folder(config_, weights_.views, &vocabulary_, folder_.path(), options);
  ASSERT_TRUE(saved) << saved.error().text();
  const auto files = open_model(folder_.path());
  const auto source = read_source(*files);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->config, config_);
  EXPECT_EQ(source->tensors.size(), weights_.values.size());
  for (const auto& [name, values] : weights_.values)
    EXPECT_EQ(numbers(*source, name), values) << name;
  EXPECT_EQ(source->vocabulary->tokens, vocabulary_.tokens);
  EXPECT_EQ(source->vocabulary->eos, 1);
  EXPECT_EQ(source->vocabulary->stop_ids, std::vector<int32_t>{2});
  EXPECT_EQ(source->chat_template, options.chat_template);
  const auto model = Model::load(*files);
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_EQ((*model)->defaults().temperature, 0.5);
  EXPECT_TRUE((*model)->is_stop(1));
  EXPECT_TRUE((*model)->is_stop(2));
  EXPECT_FALSE((*model)->is_stop(3));
}

TEST_F(SaveTest, TheSameWeightsGiveTheSameBytes) {
  const std::string a = folder_.path() + "/a", b = folder_.path() + "/b";
  ASSERT_TRUE(write_model_folder(config_, weights_.views, &vocabulary_, a));
  ASSERT_TRUE(write_model_folder(config_, weights_.views, &vocabulary_, b));
  const std::vector<std::string> names = *files::list_files(a);
  EXPECT_EQ(names,
            (std::vector<std::string>{"config.json", "generation_config.json", "model.safetensors",
                                      "tokenizer.json", "tokenizer_config.json"}));
  for (const std::string& name : names)
    EXPECT_EQ(*files::read_file(a + "/" + name), *files::read_file(b + "/" + name)) << name;
}

TEST_F(SaveTest, GgufAndFolderHoldTheSameModel) {
  text::VocabSpec bytes;  // GGUF has no character vocabularies
  bytes.kind = text::VocabSpec::Kind::SentencePiece;
  bytes.tokens = {"<unk>", "<s>", "</s>"};
  bytes.types = {text::TokenType::Unknown, text::TokenType::Control, text::TokenType::Control};
  for (char c = '!'; c <= '~'; ++c) bytes.tokens.emplace_back(1, c);
  bytes.tokens.emplace_back("\u2581");
  bytes.types.resize(bytes.tokens.size(), text::TokenType::Normal);
  bytes.scores.assign(bytes.tokens.size(), 0);
  bytes.unknown = 0;
  bytes.bos = 1;
  bytes.eos = 2;
  const std::string path = folder_.path() + "/model.gguf";
  const auto written = write_model_gguf(config_, weights_.views, &bytes, path,
                                        {.dtype = formats::DType::F32, .chat_template = "t"});
  ASSERT_TRUE(written) << written.error().text();
  const auto files = open_model(path);
  const auto source = read_source(*files);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->format, "gguf");
  EXPECT_EQ(source->config.rotary, kernels::Rotary::Interleaved);
  EXPECT_EQ(source->vocabulary->tokens, bytes.tokens);
  EXPECT_EQ(source->vocabulary->bos, 1);
  EXPECT_EQ(source->chat_template, "t");
  // And back to a folder: the rows of q and k are where they were.
  const auto all = source->all();
  ASSERT_TRUE(all) << all.error().text();
  const std::string again = folder_.path() + "/again";
  ASSERT_TRUE(
      write_model_folder(source->config, *all, nullptr, again, {.dtype = formats::DType::F32}));
  const auto files_again = open_model(again);
  const auto back = read_source(*files_again);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->config, config_);
  for (const auto& [name, values] : weights_.values)
    EXPECT_EQ(numbers(*back, name), values) << name;
}

TEST_F(SaveTest, ALlama2cModelBecomesAFolderWithTheSameTokens) {
  const std::string path =
      std::string(CHARTER_SOURCE_DIR) + "/../shared/weights/stories260K/stories260K.bin";
  if (!files::exists(path)) GTEST_SKIP() << "../shared/weights/stories260K is not here";
  const auto original_files = open_model(path);
  const auto original = read_source(*original_files);
  ASSERT_TRUE(original) << original.error().text();
  const auto tensors = original->all();
  for (const std::string& out : {folder_.path() + "/folder", folder_.path() + "/file.gguf"}) {
    const SaveOptions options{.dtype = formats::DType::F32};
    const auto saved =
        out.ends_with(".gguf")
            ? write_model_gguf(original->config, *tensors, &*original->vocabulary, out, options)
            : write_model_folder(original->config, *tensors, &*original->vocabulary, out, options);
    ASSERT_TRUE(saved) << saved.error().text();
    const auto files = open_model(out);
    const auto copy = read_source(*files);
    ASSERT_TRUE(copy) << copy.error().text();
    EXPECT_EQ(copy->config.dim, original->config.dim);
    EXPECT_EQ(copy->config.tied_embeddings, original->config.tied_embeddings);
    const auto a = text::Tokenizer::create(*original->vocabulary),
               b = text::Tokenizer::create(*copy->vocabulary);
    ASSERT_TRUE(a && b);
    for (const char* text : {"Once upon a time, there was a little girl named Lily.",
                             " two  blanks\n", "Z\u00fcrich \u4f60\u597d", ""}) {
      EXPECT_EQ(a->encode_prompt(text), b->encode_prompt(text)) << out << ": " << text;
      EXPECT_EQ(b->decode(b->encode_prompt(text)), a->decode(a->encode_prompt(text))) << out;
    }
    EXPECT_TRUE(Model::load(*files));
  }
}

TEST_F(SaveTest, RefusesAModelThatIsNotWhole) {
  const auto missing =
      write_model_folder(config_, std::span(weights_.views).first(3), nullptr, folder_.path());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("is missing"), std::string::npos);
  std::vector<formats::TensorView> extra = weights_.views;
  extra.push_back(formats::f32_view("other", {1}, weights_.values.begin()->second.data()));
  EXPECT_FALSE(write_model_folder(config_, extra, nullptr, folder_.path()));
  std::vector<formats::TensorView> twisted = weights_.views;
  twisted[2].shape = {config_.dim * config_.dim};
  EXPECT_FALSE(write_model_folder(config_, twisted, nullptr, folder_.path()));
  EXPECT_FALSE(files::exists(folder_.path() + "/model.safetensors"));
  EXPECT_EQ(write_model_gguf(config_, weights_.views, &vocabulary_, folder_.path() + "/m.gguf")
                .error()
                .code,
            base::Code::Unimplemented);
}

}  // namespace
}  // namespace model
