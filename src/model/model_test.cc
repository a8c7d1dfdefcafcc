#include "model/model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <sstream>

#include "files/files.h"
#include "formats/safetensors.h"
#include "model/forward.h"
#include "model/source.h"
#include "model/testing_reference.h"

namespace model {
namespace {

std::string shared(const std::string& name) {
  return std::string(CHARTER_SOURCE_DIR) + "/../shared/weights/" + name;
}

#define NEEDS_SHARED(name) \
  if (!files::exists(shared(name))) GTEST_SKIP() << "../shared/weights/" name " is not here"

// One sequence through the batched forward pass, its prompt in chunks of `chunk` tokens.
class OneSequence {
 public:
  OneSequence(std::shared_ptr<const Model> model, int threads)
      : model_(model), pool_(threads), forward_(model, 64, 64, model->config().context_length) {
    cache_ = KvCache::create(*model, (model->config().context_length + kernels::kPageTokens - 1) /
                                         kernels::kPageTokens)
                 .value();
    // A page table that is not in order shows that nobody takes it to be.
    for (int64_t page = cache_->pages(); page-- > 0;) pages_.push_back(static_cast<int32_t>(page));
  }

  // Logits after each of the tokens.
  std::vector<std::vector<float>> run(std::span<const int32_t> tokens) {
    std::vector<Row> rows;
    for (const int32_t token : tokens) {
      rows.push_back({token, position_++, pages_.data(), static_cast<int32_t>(rows.size())});
    }
    forward_.step(rows, *cache_, pool_);
    std::vector<std::vector<float>> out;
    for (size_t i = 0; i < rows.size(); ++i) {
      const float* logits = forward_.logits(static_cast<int64_t>(i));
      out.emplace_back(logits, logits + model_->config().vocab_size);
    }
    return out;
  }

 private:
  std::shared_ptr<const Model> model_;
  base::ThreadPool pool_;
  Forward forward_;
  std::unique_ptr<KvCache> cache_;
  std::vector<int32_t> pages_;
  int32_t position_ = 0;
};

std::shared_ptr<const Model> load(const std::string& name, const LoadOptions& options = {}) {
  const auto files = open_model(shared(name));
  EXPECT_TRUE(files) << files.error().text();
  auto model = Model::load(*files, options);
  EXPECT_TRUE(model) << model.error().text();
  return *model;
}

TEST(Model, Stories260KGivesTheGoldenTokensAndText) {
  NEEDS_SHARED("stories260K");
  const auto model = load("stories260K/stories260K.bin");
  EXPECT_EQ(model->precision(), kernels::Precision::F32);
  std::istringstream golden(files::read_file(shared("stories260K/greedy_token_ids.txt")).value());
  std::vector<int32_t> expected;
  for (int32_t id = 0; golden >> id;) expected.push_back(id);
  ASSERT_GT(expected.size(), 100u);
  OneSequence sequence(model, 1);
  std::vector<int32_t> ids;
  int32_t token = model->tokenizer().bos();
  while (ids.size() < expected.size()) {
    const auto logits = sequence.run({&token, 1}).back();
    token =
        static_cast<int32_t>(kernels::argmax(logits.data(), static_cast<int64_t>(logits.size())));
    ids.push_back(token);
  }
  EXPECT_EQ(ids, expected);
  std::string text;
  for (const int32_t id : ids) text += model->tokenizer().token_bytes(id);
  // The recorded text spells a newline as its piece is called, and ends in one of its own.
  std::string recorded = files::read_file(shared("stories260K/greedy_text.txt")).value();
  ASSERT_EQ(recorded.back(), '\n');
  recorded.pop_back();
  for (size_t at; (at = recorded.find("<0x0A>")) != std::string::npos;)
    recorded.replace(at, 6, "\n");
  EXPECT_EQ(text, recorded);
}

void expect_close(const std::vector<float>& actual, const std::vector<double>& expected,
                  double tolerance) {
  double largest = 0, worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(double{actual[i]} - expected[i]));
  }
  EXPECT_LE(worst, tolerance * largest);
}

TEST(Model, AgreesWithAPlainDoubleForwardPass) {
  NEEDS_SHARED("hf_llama_tiny");
  const auto files = open_model(shared("hf_llama_tiny"));
  ASSERT_TRUE(files);
  const auto source = read_source(*files);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->config.rotary, kernels::Rotary::Halves);
  for (const auto precision : {kernels::Precision::F32, kernels::Precision::BF16}) {
    const auto model = load("hf_llama_tiny", {.precision = precision});
    testing::Reference reference(*source);
    OneSequence sequence(model, 2);
    const std::vector<int32_t> tokens{3, 5, 7, 9,  4,  11, 2,  15, 0, 1,
                                      6, 6, 6, 13, 12, 8,  10, 14, 3, 3};
    const auto first = sequence.run(std::span(tokens).first(13));
    const auto rest = sequence.run(std::span(tokens).subspan(13));
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto expected = reference.next(tokens[i]);
      expect_close(i < 13 ? first[i] : rest[i - 13], expected,
                   precision == kernels::Precision::F32 ? 1e-5 : 2e-2);
    }
  }
}

TEST(Model, ReadsAFolderWithoutTokenizerJson) {
  NEEDS_SHARED("hf_llama_tiny");
  const auto model = load("hf_llama_tiny");
  EXPECT_EQ(model->precision(), kernels::Precision::BF16);
  EXPECT_EQ(model->config().vocab_size, 16);
  ASSERT_TRUE(model->has_tokenizer());  // its characters stand in tokenizer_config.json
  EXPECT_EQ(model->tokenizer().decode(model->tokenizer().encode("1,2:3", false)), "1,2:3");
  EXPECT_NE(model->chat_template(), nullptr);
  EXPECT_TRUE(model->is_stop(1));
}

TEST(Model, RefusesWhatItCannotRunByName) {
  const auto temporary = files::TemporaryDirectory::create("model-test");
  const auto refusal = [&](const std::string& config) {
    EXPECT_TRUE(files::write_atomic(temporary->path() + "/config.json", config));
    const auto files = open_model(temporary->path());
    EXPECT_TRUE(files);
    const auto model = Model::load(*files);
    EXPECT_FALSE(model);
    return model ? std::string() : model.error().text();
  };
  const std::string sizes =
      R"("vocab_size":16,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2)";
  EXPECT_NE(refusal("{").find("config.json"), std::string::npos);
  EXPECT_NE(refusal(R"({"architectures":["GemmaForCausalLM"]})")
                .find("'GemmaForCausalLM' is not supported"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"architectures":["LlamaForCausalLM"]})").find("vocab_size is missing"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"architectures":["LlamaForCausalLM"],"hidden_act":"gelu",)" + sizes + "}")
                .find("'gelu'"),
            std::string::npos);
  EXPECT_NE(
      refusal(
          R"({"architectures":["LlamaForCausalLM"],"rope_scaling":{"rope_type":"yarn","factor":2},)" +
          sizes + "}")
          .find("'yarn'"),
      std::string::npos);
  EXPECT_NE(
      refusal(R"({"architectures":["LlamaForCausalLM"],"num_key_value_heads":3,)" + sizes + "}")
          .find("cannot share"),
      std::string::npos);
  EXPECT_NE(refusal(R"({"architectures":["LlamaForCausalLM"],)" + sizes + "}")
                .find("'model.safetensors' are missing"),
            std::string::npos);
  EXPECT_EQ(open_model(temporary->path() + "/absent").error().code, base::Code::NotFound);
}

TEST(Model, RefusesNaNWithFileTensorAndOffset) {
  NEEDS_SHARED("hf_llama_tiny");
  const auto temporary = files::TemporaryDirectory::create("model-test");
  std::string weights = files::read_file(shared("hf_llama_tiny/model.safetensors")).value();
  const auto parsed = formats::Safetensors::parse(base::as_bytes(weights), "weights");
  const std::string name = "model.layers.2.mlp.up_proj.weight";
  const uint64_t offset = parsed->find(name)->file_offset + 2 * 77;
  weights[offset] = static_cast<char>(0x80);
  weights[offset + 1] = static_cast<char>(0x7f);  // bf16 infinity
  ASSERT_TRUE(files::write_atomic(temporary->path() + "/model.safetensors", weights));
  for (const char* file : {"config.json", "tokenizer_config.json"}) {
    ASSERT_TRUE(files::write_atomic(
        temporary->path() + "/" + file,
        files::read_file(shared(std::string("hf_llama_tiny/") + file)).value()));
  }
  const auto model = Model::load(*open_model(temporary->path()));
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, base::Code::Corrupt);
  for (const std::string& part : {std::string("model.safetensors"), name, std::string("element 77"),
                                  std::to_string(offset)}) {
    EXPECT_NE(model.error().message.find(part), std::string::npos) << model.error().message;
  }
}

TEST(Model, RefusesATruncatedCheckpointAndAStrangeFile) {
  NEEDS_SHARED("stories260K");
  const auto temporary = files::TemporaryDirectory::create("model-test");
  const std::string whole = files::read_file(shared("stories260K/stories260K.bin")).value();
  const std::string path = temporary->path() + "/half.bin";
  ASSERT_TRUE(files::write_atomic(path, std::string_view(whole).substr(0, whole.size() / 2)));
  const auto half = Model::load(*open_model(path));
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().message.find("half.bin"), std::string::npos);
  EXPECT_NE(half.error().message.find("cut off"), std::string::npos);
  const std::string text = temporary->path() + "/notes.txt";
  ASSERT_TRUE(files::write_atomic(text, "hello"));
  EXPECT_EQ(Model::load(*open_model(text)).error().reason, "NOT_A_MODEL");
}

TEST(Forward, ARowIsTheSameWhateverElseIsInTheStep) {
  NEEDS_SHARED("stories260K");
  for (const auto precision : {kernels::Precision::F32, kernels::Precision::BF16}) {
    const auto model = load("stories260K/stories260K.bin", {.precision = precision});
    const std::vector<int32_t> tokens{1,   403, 407, 261, 378, 432, 383, 286, 261, 376,
                                      298, 315, 421, 395, 317, 426, 338, 401, 396};
    OneSequence whole(model, 2), single(model, 1);
    const auto together = whole.run(tokens);
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto alone = single.run(std::span(tokens).subspan(i, 1)).back();
      ASSERT_EQ(0, std::memcmp(alone.data(), together[i].data(), alone.size() * sizeof(float)))
          << "token " << i;
    }
  }
}

TEST(Config, SurvivesTheWayToHuggingFaceAndBack) {
  Config config;
  config.vocab_size = 100;
  config.dim = 64;
  config.layers = 3;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 16;
  config.hidden_dim = 96;
  config.context_length = 512;
  config.tied_embeddings = true;
  config.norm_eps = 1e-6f;
  config.rope_scaling = {RopeScaling::Kind::Llama3, 8, 1, 4, 8192};
  const auto back = config_from_hf(config_to_hf(config, "bfloat16"), "config.json");
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, config);
  EXPECT_EQ(config_to_hf(config, "bfloat16")["rms_norm_eps"].as_double(), 1e-6);
  EXPECT_EQ(parameter_count(config),
            100 * 64 + 3 * (2 * 64 + 64 * 64 * 2 + 2 * 32 * 64 + 3 * 96 * 64) + 64);
}

TEST(Weights, RotaryOrdersAreEachOthersInverse) {
  std::vector<float> rows(2 * 6 * 3);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
  const auto halves =
      permute_rotary(rows, 2, 6, kernels::Rotary::Interleaved, kernels::Rotary::Halves);
  EXPECT_EQ(halves[0], 0);
  EXPECT_EQ(halves[3], 6);  // row 1 of the first head was row 2: the next pair's first half
  EXPECT_EQ(halves[9], 3);  // row 3 was row 1
  EXPECT_EQ(permute_rotary(halves, 2, 6, kernels::Rotary::Halves, kernels::Rotary::Interleaved),
            rows);
}

}  // namespace
}  // namespace model
