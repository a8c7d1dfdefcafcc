// For tests only: the vocabulary arrays of a GGUF file, trusted. The reader that the product uses
// is formats/gguf.h, which stands on a higher floor than this folder's tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace text::testing {

inline std::string shared_path(const std::string& name) {
  return std::string(CHARTER_SOURCE_DIR "/../shared/") + name;
}

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class GgufReader {
 public:
  explicit GgufReader(std::string bytes) : bytes_(std::move(bytes)) {}

  VocabSpec vocab() {
    take<uint32_t>(), take<uint32_t>(), take<uint64_t>();  // magic, version, tensors
    for (auto left = take<uint64_t>(); left > 0; --left) {
      const std::string key = take_string();
      value(key, take<uint32_t>());
    }
    VocabSpec spec;
    const bool bpe = strings_["tokenizer.ggml.model"].at(0) == "gpt2";
    spec.kind = bpe ? VocabSpec::Kind::ByteBpe : VocabSpec::Kind::SentencePiece;
    spec.tokens = strings_["tokenizer.ggml.tokens"];
    spec.merges = strings_["tokenizer.ggml.merges"];
    const auto& pre = strings_["tokenizer.ggml.pre"];
    spec.pre_tokenizer = pre.empty() ? "gpt2" : pre[0];
    for (const double score : numbers_["tokenizer.ggml.scores"])
      spec.scores.push_back(static_cast<float>(score));
    for (const double type : numbers_["tokenizer.ggml.token_type"])
      spec.types.push_back(static_cast<TokenType>(static_cast<int>(type)));
    spec.bos = number("tokenizer.ggml.bos_token_id", -1);
    spec.eos = number("tokenizer.ggml.eos_token_id", -1);
    spec.unknown = number("tokenizer.ggml.unknown_token_id", -1);
    spec.add_bos = number("tokenizer.ggml.add_bos_token", 0) != 0;
    spec.add_space_prefix = !bpe;
    return spec;
  }

 private:
  template <class T>
  T take() {
    T out;
    std::memcpy(&out, bytes_.data() + at_, sizeof out);
    at_ += sizeof out;
    return out;
  }
  std::string take_string() {
    const auto length = take<uint64_t>();
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }
  int32_t number(const std::string& key, int32_t otherwise) {
    return numbers_[key].empty() ? otherwise : static_cast<int32_t>(numbers_[key][0]);
  }
  void value(const std::string& key, uint32_t type) {
    switch (type) {
      case 0:
      case 7:
        return numbers_[key].push_back(take<uint8_t>());
      case 1:
        return numbers_[key].push_back(take<int8_t>());
      case 2:
        return numbers_[key].push_back(take<uint16_t>());
      case 3:
        return numbers_[key].push_back(take<int16_t>());
      case 4:
        return numbers_[key].push_back(take<uint32_t>());
      case 5:
        return numbers_[key].push_back(take<int32_t>());
      case 6:
        return numbers_[key].push_back(static_cast<double>(take<float>()));
      case 8:
        return strings_[key].push_back(take_string());
      case 9: {
        const auto element = take<uint32_t>();
        for (auto left = take<uint64_t>(); left > 0; --left) value(key, element);
        return;
      }
      case 10:
        return numbers_[key].push_back(static_cast<double>(take<uint64_t>()));
      case 11:
        return numbers_[key].push_back(static_cast<double>(take<int64_t>()));
      default:
        return numbers_[key].push_back(take<double>());
    }
  }

  std::string bytes_;
  size_t at_ = 0;
  std::map<std::string, std::vector<std::string>> strings_;
  std::map<std::string, std::vector<double>> numbers_;
};

}  // namespace text::testing
