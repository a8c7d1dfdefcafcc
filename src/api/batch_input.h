// The input file of a batch: lines checked before anything runs, with the codes that OpenAI gives.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace api {

inline constexpr size_t kBatchLinesMax = 50'000;
inline constexpr size_t kBatchBytesMax = 200u << 20;

struct BatchError {
  std::string code = {};
  std::string message = {};
  std::string param = {};  // empty: null
  int64_t line = 0;        // from 1; 0: of the whole file
};

struct BatchInput {
  std::vector<std::string_view> lines = {};  // into the file's bytes, blank ones left out
  std::string model = {};                    // of all lines; empty where an endpoint needs none
  std::vector<BatchError> errors = {};       // any: nothing runs
};

BatchInput read_batch_input(std::string_view bytes, std::string_view endpoint);

json::Value batch_errors_json(const std::vector<BatchError>& errors);

}  // namespace api
