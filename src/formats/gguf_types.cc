#include "formats/gguf_types.h"

#include "base/check.h"

namespace formats {
namespace {

constexpr GgufType kTypes[] = {
    {0, "F32", 1, 4, DType::F32},           {1, "F16", 1, 2, DType::F16},
    {2, "Q4_0", 32, 18, DType::Other},      {3, "Q4_1", 32, 20, DType::Other},
    {6, "Q5_0", 32, 22, DType::Other},      {7, "Q5_1", 32, 24, DType::Other},
    {8, "Q8_0", 32, 34, DType::Other},      {9, "Q8_1", 32, 36, DType::Other},
    {10, "Q2_K", 256, 84, DType::Other},    {11, "Q3_K", 256, 110, DType::Other},
    {12, "Q4_K", 256, 144, DType::Other},   {13, "Q5_K", 256, 176, DType::Other},
    {14, "Q6_K", 256, 210, DType::Other},   {15, "Q8_K", 256, 292, DType::Other},
    {16, "IQ2_XXS", 256, 66, DType::Other}, {17, "IQ2_XS", 256, 74, DType::Other},
    {18, "IQ3_XXS", 256, 98, DType::Other}, {19, "IQ1_S", 256, 50, DType::Other},
    {20, "IQ4_NL", 32, 18, DType::Other},   {21, "IQ3_S", 256, 110, DType::Other},
    {22, "IQ2_S", 256, 82, DType::Other},   {23, "IQ4_XS", 256, 136, DType::Other},
    {24, "I8", 1, 1, DType::Other},         {25, "I16", 1, 2, DType::Other},
    {26, "I32", 1, 4, DType::Other},        {27, "I64", 1, 8, DType::Other},
    {28, "F64", 1, 8, DType::Other},        {29, "IQ1_M", 256, 56, DType::Other},
    {30, "BF16", 1, 2, DType::BF16},        {34, "TQ1_0", 256, 54, DType::Other},
    {35, "TQ2_0", 256, 66, DType::Other},   {39, "MXFP4", 32, 17, DType::Other},
};

}  // namespace

const GgufType* find_gguf_type(uint32_t id) {
  for (const GgufType& type : kTypes) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

uint32_t gguf_type_id(DType type) {
  for (const GgufType& known : kTypes) {
    if (known.dtype == type && type != DType::Other) return known.id;
  }
  CHECK(false);  // writers take F32, F16 and BF16 only
  return 0;
}

}  // namespace formats
