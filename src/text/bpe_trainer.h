// Learns a byte-level BPE vocabulary from text. The most frequent pair is merged first; of equally
// frequent pairs the one whose bytes are greater (left first, then right), so a corpus and its
// options give one vocabulary.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace text {

struct BpeTraining {
  int32_t vocab_size = 4096;                              // specials and the 256 bytes counted
  std::vector<std::string> specials = {"<|endoftext|>"};  // ids 0, 1, ...; they also cut the corpus
  std::string pre_tokenizer = "charter";
  int64_t pair_count_min = 1;  // pairs seen less often are not merged
  std::function<void(int32_t merges_done, int32_t merges_total)> progress = nullptr;
};

// The vocabulary may come out smaller than asked for when the corpus runs out of pairs. The first
// special becomes bos and eos.
base::Result<VocabSpec> train_bpe(std::string_view corpus, const BpeTraining& options);

}  // namespace text
