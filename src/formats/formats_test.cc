#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "files/files.h"
#include "formats/gguf.h"
#include "formats/llama2c.h"
#include "formats/safetensors.h"

namespace formats {
namespace {

using base::Bytes;
using base::Code;

ByteSink into(Bytes* out) {
  return [out](base::ByteSpan part) -> base::Status {
    out->insert(out->end(), part.begin(), part.end());
    return {};
  };
}

std::string shared(const std::string& name) {
  return std::string(CHARTER_SOURCE_DIR) + "/../shared/weights/" + name;
}
std::string corpus(const std::string& name) {
  return std::string(CHARTER_SOURCE_DIR) + "/tests/corpus/" + name;
}
Bytes bytes_of(const std::string& path) {
  const std::string text = files::read_file(path).value();
  return {text.begin(), text.end()};
}

TEST(TensorView, ConvertsHalvesAndBfloatsExactly) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    for (const DType type : {DType::F16, DType::BF16}) {
      float value = 0;
      uint16_t back = 0;
      to_floats(type, reinterpret_cast<const uint8_t*>(&pattern), 1, &value);
      from_floats(type, &value, 1, reinterpret_cast<uint8_t*>(&back));
      if (std::isnan(value)) {
        float again = 0;
        to_floats(type, reinterpret_cast<const uint8_t*>(&back), 1, &again);
        EXPECT_TRUE(std::isnan(again));
      } else {
        ASSERT_EQ(back, pattern) << dtype_name(type);
      }
    }
  }
}

TEST(TensorView, RoundsToNearestEven) {
  const auto half = [](float value) {
    uint16_t bits = 0;
    from_floats(DType::F16, &value, 1, reinterpret_cast<uint8_t*>(&bits));
    return bits;
  };
  EXPECT_EQ(half(1.0f), 0x3c00);
  EXPECT_EQ(half(1.0f + 0x1p-11f), 0x3c00);  // a tie goes to the even neighbour
  EXPECT_EQ(half(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(half(65519.0f), 0x7bff);
  EXPECT_EQ(half(65520.0f), 0x7c00);  // infinity
  EXPECT_EQ(half(0x1p-25f), 0x0000);
  EXPECT_EQ(half(std::nextafter(0x1p-25f, 1.0f)), 0x0001);
  EXPECT_EQ(half(-0x1p-14f), 0x8400);
}

TEST(Gguf, ReadsEveryKindOfMetadata) {
  const Bytes file = bytes_of(corpus("gguf_fuzz/all_kinds.gguf"));
  const auto gguf = Gguf::parse(file, "all.gguf");
  ASSERT_TRUE(gguf) << gguf.error().text();
  EXPECT_EQ(gguf->version(), 3u);
  EXPECT_EQ(gguf->integer("u8"), 1);
  EXPECT_EQ(gguf->integer("i8"), -1);
  EXPECT_EQ(gguf->integer("u16"), 0x201);
  EXPECT_EQ(gguf->integer("i32"), -1);
  EXPECT_EQ(gguf->integer("i64"), -7);
  EXPECT_EQ(gguf->real("f32"), 1.5);
  EXPECT_EQ(gguf->real("f64"), 0.25);
  EXPECT_EQ(gguf->real("u64"), 7.0);
  EXPECT_EQ(gguf->boolean("bool"), true);
  EXPECT_EQ(gguf->text("str"), "x");
  EXPECT_EQ(*gguf->texts("arr"), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(*gguf->reals("arrf"), std::vector<double>{2.5});
  EXPECT_EQ(*gguf->integers("arri"), std::vector<int64_t>{-3});
  EXPECT_EQ(gguf->integer("str"), std::nullopt);
  EXPECT_EQ(gguf->texts("arri"), nullptr);
  EXPECT_EQ(gguf->find("absent"), nullptr);
  const TensorView* a = gguf->find_tensor("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{3, 2}));  // the file has the innermost first
  EXPECT_EQ(a->data.data(), file.data() + a->file_offset);
  EXPECT_EQ(gguf->find_tensor("c")->type_name, "Q8_0");
  EXPECT_EQ(gguf->find_tensor("c")->dtype, DType::Other);
}

TEST(Gguf, RefusesWhatDoesNotFitTheFile) {
  const auto refusal = [](const std::string& name) {
    const Bytes file = bytes_of(corpus("gguf_fuzz/" + name));
    const auto gguf = Gguf::parse(file, name);
    EXPECT_FALSE(gguf) << name;
    if (gguf) return std::string();
    EXPECT_EQ(gguf.error().code, Code::Malformed);
    EXPECT_EQ(gguf.error().where, name);
    return gguf.error().message;
  };
  EXPECT_NE(refusal("header_without_data.gguf").find("'test.weight.0'"), std::string::npos);
  EXPECT_NE(refusal("huge_counts.gguf").find("more than the file has room for"), std::string::npos);
  EXPECT_NE(refusal("huge_array.gguf").find("claims"), std::string::npos);
  EXPECT_NE(refusal("nested_array.gguf").find("not supported"), std::string::npos);
  EXPECT_NE(refusal("overflow_shape.gguf").find("impossible shape"), std::string::npos);
  EXPECT_NE(refusal("overflow_offset.gguf").find("cut off or damaged"), std::string::npos);
  EXPECT_NE(refusal("overlap.gguf").find("overlap"), std::string::npos);
  EXPECT_NE(refusal("alignment0.gguf").find("general.alignment"), std::string::npos);
  EXPECT_NE(refusal("u64_beyond.gguf").find("2^63"), std::string::npos);
}

TEST(Gguf, EveryTruncationIsAnError) {
  const Bytes file = bytes_of(corpus("gguf_fuzz/all_kinds.gguf"));
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(Gguf::parse(base::ByteSpan(file).first(size), "cut.gguf")) << size;
  }
}

TEST(Gguf, WritesWhatItReads) {
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  const Bytes b{0x80, 0x3f, 0x00, 0xc0};
  const std::vector<TensorView> tensors{f32_view("a", {2, 3}, a.data()),
                                        {"b", DType::BF16, "BF16", {2}, b, 0}};
  Bytes file;
  ASSERT_TRUE(write_gguf({{"general.architecture", std::string("llama")},
                          {"n", uint32_t{7}},
                          {"eps", 1e-5f},
                          {"yes", true},
                          {"words", std::vector<std::string>{"x", ""}},
                          {"scores", std::vector<float>{0.5f}},
                          {"types", std::vector<int32_t>{-1, 3}}},
                         tensors, into(&file)));
  const auto gguf = Gguf::parse(file, "written.gguf");
  ASSERT_TRUE(gguf) << gguf.error().text();
  EXPECT_EQ(gguf->text("general.architecture"), "llama");
  EXPECT_EQ(gguf->integer("n"), 7);
  EXPECT_EQ(gguf->real("eps"), double{1e-5f});
  EXPECT_EQ(gguf->boolean("yes"), true);
  EXPECT_EQ(*gguf->texts("words"), (std::vector<std::string_view>{"x", ""}));
  EXPECT_EQ(*gguf->integers("types"), (std::vector<int64_t>{-1, 3}));
  ASSERT_EQ(gguf->tensors().size(), 2u);
  EXPECT_EQ(gguf->tensors()[0].shape, (std::vector<int64_t>{2, 3}));
  float back[6];
  to_floats(DType::F32, gguf->tensors()[0].data.data(), 6, back);
  EXPECT_EQ(std::vector<float>(back, back + 6), a);
  to_floats(DType::BF16, gguf->tensors()[1].data.data(), 2, back);
  EXPECT_EQ(back[0], 1.0f);
  EXPECT_EQ(back[1], -2.0f);
  EXPECT_EQ(gguf->tensors()[1].file_offset % 32, 0u);
}

TEST(Safetensors, WritesWhatItReads) {
  const std::vector<float> a{1, -2};
  const std::vector<TensorView> tensors{f32_view("a", {2}, a.data()),
                                        f32_view("empty", {0, 3}, nullptr)};
  Bytes file;
  ASSERT_TRUE(write_safetensors(tensors, {{"format", "pt"}}, into(&file)));
  EXPECT_EQ(base::load_le<uint64_t>(file.data()) % 8, 0u);
  const auto parsed = Safetensors::parse(file, "written");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->metadata().at("format"), "pt");
  ASSERT_NE(parsed->find("a"), nullptr);
  EXPECT_EQ(base::load_le<float>(parsed->find("a")->data.data() + 4), -2.0f);
  EXPECT_EQ(parsed->find("empty")->shape, (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(parsed->find("b"), nullptr);
}

TEST(Safetensors, RefusesHolesOverlapsAndLies) {
  const auto refusal = [](const std::string& name) {
    const Bytes file = bytes_of(corpus("safetensors_fuzz/" + name));
    const auto parsed = Safetensors::parse(file, name);
    EXPECT_FALSE(parsed) << name;
    return parsed ? std::string() : parsed.error().text();
  };
  EXPECT_NE(refusal("hole.safetensors").find("overlap or leave a hole"), std::string::npos);
  EXPECT_NE(refusal("overlap.safetensors").find("overlap or leave a hole"), std::string::npos);
  EXPECT_NE(refusal("overflow.safetensors").find("does not fill"), std::string::npos);
  EXPECT_NE(refusal("long_header.safetensors").find("the header claims"), std::string::npos);
  EXPECT_NE(refusal("duplicate.safetensors").find("not valid JSON"), std::string::npos);
  EXPECT_NE(refusal("negative.safetensors").find("not a size"), std::string::npos);
  EXPECT_NE(refusal("cut.safetensors").find("cut off or damaged"), std::string::npos);
  const Bytes file = bytes_of(corpus("safetensors_fuzz/two.safetensors"));
  EXPECT_TRUE(Safetensors::parse(file, "two"));
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(Safetensors::parse(base::ByteSpan(file).first(size), "cut")) << size;
  }
}

TEST(Safetensors, AnIndexNamesFilesOfItsFolderOnly) {
  const auto good =
      parse_safetensors_index(R"({"weight_map":{"a":"model-1.safetensors"}})", "index");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->at("a"), "model-1.safetensors");
  EXPECT_FALSE(parse_safetensors_index(R"({"weight_map":{"a":"../etc/passwd"}})", "index"));
  EXPECT_FALSE(parse_safetensors_index(R"({"weight_map":{"a":".."}})", "index"));
  EXPECT_FALSE(parse_safetensors_index(R"({"weight_map":{"a":7}})", "index"));
  EXPECT_FALSE(parse_safetensors_index(R"({})", "index"));
}

TEST(Safetensors, RefusesBytesThatBelongToNoTensor) {
  // The published fixture has five bytes more than its one tensor; the format forbids that, and so
  // does its own reader.
  if (!files::exists(shared("fixtures/tiny.safetensors")))
    GTEST_SKIP() << "../shared/weights is not here";
  Bytes file = bytes_of(shared("fixtures/tiny.safetensors"));
  const auto refused = Safetensors::parse(file, "tiny");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("end at byte 32768 of the data, the file has 32773"),
            std::string::npos);
  file.resize(file.size() - 5);
  const auto parsed = Safetensors::parse(file, "tiny");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->find("test.weight.0")->shape, (std::vector<int64_t>{64, 128}));
}

TEST(Gguf, ReadsThePublishedVocabularies) {
  if (!files::exists(shared("tokenizers/gguf_vocab")))
    GTEST_SKIP() << "../shared/weights is not here";
  const Bytes file = bytes_of(shared("tokenizers/gguf_vocab/ggml-vocab-gpt-2.gguf"));
  const auto gguf = Gguf::parse(file, "gpt-2");
  ASSERT_TRUE(gguf) << gguf.error().text();
  EXPECT_EQ(gguf->texts("tokenizer.ggml.tokens")->size(), 50257u);
  EXPECT_EQ(gguf->text("tokenizer.ggml.model"), "gpt2");
}

TEST(Llama2c, ReadsTheCheckpointAndItsBounds) {
  const Bytes tied = bytes_of(corpus("llama2c_fuzz/tied.bin"));
  const auto model = Llama2c::parse(tied, "tied.bin");
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_TRUE(model->tied_embeddings);
  EXPECT_EQ(model->tensors.front().name, "model.embed_tokens.weight");
  EXPECT_EQ(model->tensors.back().name, "model.norm.weight");
  for (size_t size = 0; size < tied.size(); ++size) {
    EXPECT_FALSE(Llama2c::parse(base::ByteSpan(tied).first(size), "cut")) << size;
  }
  const Bytes untied = bytes_of(corpus("llama2c_fuzz/untied.bin"));
  const auto other = Llama2c::parse(untied, "untied.bin");
  ASSERT_TRUE(other) << other.error().text();
  EXPECT_FALSE(other->tied_embeddings);
  EXPECT_EQ(other->tensors.back().name, "lm_head.weight");
  EXPECT_FALSE(Llama2c::parse(bytes_of(corpus("llama2c_fuzz/trailing.bin")), "trailing"));
  EXPECT_FALSE(Llama2c::parse(bytes_of(corpus("llama2c_fuzz/huge.bin")), "huge"));
  EXPECT_FALSE(Llama2c::parse(bytes_of(corpus("llama2c_fuzz/min_int.bin")), "min_int"));
  EXPECT_EQ(Llama2c::parse(bytes_of(corpus("llama2c_fuzz/q8.bin")), "q8").error().code,
            Code::Unimplemented);
}

}  // namespace
}  // namespace formats
