#include "formats/llama2c.h"

#include <array>

#include "formats/cursor.h"

namespace formats {
namespace {

constexpr int64_t kExtentMax =
    int64_t{1} << 24;  // larger than any model, small enough that three factors fit int64
constexpr int64_t kLayersMax = 4096;

// Gives each tensor its part of the file, in the file's order.
class Placer {
 public:
  Placer(Cursor& cursor, std::vector<TensorView>& out) : cursor_(cursor), out_(out) {}

  base::Status skip(const std::vector<int64_t>& shape, const std::string& name) {
    if (auto skipped = take(shape, name); !skipped)
      return std::unexpected(std::move(skipped).error());
    return {};
  }

  // One tensor per layer, all layers of a kind side by side.
  base::Status per_layer(int64_t layers, const std::string& name,
                         const std::vector<int64_t>& shape) {
    for (int64_t layer = 0; layer < layers; ++layer) {
      TRY_VOID(one("model.layers." + std::to_string(layer) + "." + name + ".weight", shape));
    }
    return {};
  }

  base::Status one(const std::string& name, const std::vector<int64_t>& shape) {
    const uint64_t offset = cursor_.position();
    TRY(const base::ByteSpan data, take(shape, name));
    out_.push_back({name, DType::F32, "F32", shape, data, offset});
    return {};
  }

 private:
  base::Result<base::ByteSpan> take(const std::vector<int64_t>& shape, const std::string& name) {
    int64_t count = 0;
    if (!element_count(shape, &count) || count > (int64_t{1} << 60)) {
      return cursor_.malformed("tensor '" + name + "' has the impossible shape " +
                               shape_text(shape));
    }
    return cursor_.take(static_cast<uint64_t>(count) * 4, "tensor '" + name + "'");
  }

  Cursor& cursor_;
  std::vector<TensorView>& out_;
};

base::Status place_all(Llama2c& model, Cursor& cursor) {
  const int64_t dim = model.dim, hidden = model.hidden_dim, layers = model.layers;
  const int64_t head_dim = dim / model.heads, kv_dim = head_dim * model.kv_heads;
  Placer place(cursor, model.tensors);
  TRY_VOID(place.one("model.embed_tokens.weight", {model.vocab_size, dim}));
  TRY_VOID(place.per_layer(layers, "input_layernorm", {dim}));
  TRY_VOID(place.per_layer(layers, "self_attn.q_proj", {dim, dim}));
  TRY_VOID(place.per_layer(layers, "self_attn.k_proj", {kv_dim, dim}));
  TRY_VOID(place.per_layer(layers, "self_attn.v_proj", {kv_dim, dim}));
  TRY_VOID(place.per_layer(layers, "self_attn.o_proj", {dim, dim}));
  TRY_VOID(place.per_layer(layers, "post_attention_layernorm", {dim}));
  TRY_VOID(place.per_layer(layers, "mlp.gate_proj", {hidden, dim}));
  TRY_VOID(place.per_layer(layers, "mlp.down_proj", {dim, hidden}));
  TRY_VOID(place.per_layer(layers, "mlp.up_proj", {hidden, dim}));
  TRY_VOID(place.one("model.norm.weight", {dim}));
  // Two tables of cosines and sines that the format keeps for old readers.
  TRY_VOID(place.skip({2, model.context_length, head_dim / 2}, "the rotary tables"));
  if (!model.tied_embeddings) TRY_VOID(place.one("lm_head.weight", {model.vocab_size, dim}));
  if (cursor.left() != 0) {
    return cursor.malformed("the weights end here and " + std::to_string(cursor.left()) +
                            " bytes follow");
  }
  return {};
}

}  // namespace

base::Result<Llama2c> Llama2c::parse(base::ByteSpan bytes, const std::string& file) {
  Cursor cursor(bytes, file);
  std::array<int32_t, 7> header{};
  for (int32_t& number : header) {
    TRY(number, cursor.number<int32_t>("the header"));
  }
  if (header[0] == 0x616b3432) {
    return base::fail(
        base::Code::Unimplemented,
        file + ": a llama2.c checkpoint of version 1 or 2 (quantised); only version 0 is read",
        file, "UNSUPPORTED_MODEL");
  }
  Llama2c out;
  out.dim = header[0];
  out.hidden_dim = header[1];
  out.layers = header[2];
  out.heads = header[3];
  out.kv_heads = header[4];
  out.tied_embeddings =
      header[5] > 0;  // a negative vocabulary size says that the output has weights of its own
  out.vocab_size = header[5] > 0 ? int64_t{header[5]} : -int64_t{header[5]};
  out.context_length = header[6];
  for (const int64_t extent : {out.dim, out.hidden_dim, out.layers, out.heads, out.kv_heads,
                               out.vocab_size, out.context_length}) {
    if (extent <= 0 || extent > kExtentMax)
      return cursor.malformed("the header is not that of a llama2.c checkpoint");
  }
  if (out.layers > kLayersMax)
    return cursor.malformed("the header claims " + std::to_string(out.layers) + " layers");
  if (out.dim % out.heads != 0 || out.heads % out.kv_heads != 0 || out.dim / out.heads % 2 != 0) {
    return cursor.malformed("the width " + std::to_string(out.dim) + " does not go with " +
                            std::to_string(out.heads) + " heads and " +
                            std::to_string(out.kv_heads) + " key-value heads");
  }
  TRY_VOID(place_all(out, cursor));
  return out;
}

}  // namespace formats
