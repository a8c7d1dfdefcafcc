"""Writes tests/golden/train_reference.json: the loss and every gradient of tiny models of the Llama
architecture, in double precision by JAX's automatic differentiation, for
src/model/train_model_test.cc. Needs `pip install jax`.
    python3 tools/train_reference.py > tests/golden/train_reference.json
"""
import json
import math

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def norm(x, weight, eps):
    return x / jnp.sqrt(jnp.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def rotate_halves(x, theta):  # (length, heads, head_dim)
    length, _, head_dim = x.shape
    half = head_dim // 2
    angle = jnp.arange(length)[:, None] * theta ** (-2.0 * jnp.arange(half) / head_dim)
    cos, sin = jnp.cos(angle)[:, None, :], jnp.sin(angle)[:, None, :]
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def attention(q, k, v):
    length, heads, head_dim = q.shape
    repeat = heads // k.shape[1]
    k, v = jnp.repeat(k, repeat, axis=1), jnp.repeat(v, repeat, axis=1)
    scores = jnp.einsum("qhd,khd->hqk", q, k) / math.sqrt(head_dim)
    scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -jnp.inf)
    mixed = jnp.einsum("hqk,khd->qhd", jax.nn.softmax(scores, axis=-1), v)
    return mixed.reshape(length, heads * head_dim)


def sequence_loss(p, c, tokens, targets):
    x = p["model.embed_tokens.weight"][tokens]
    for layer in range(c["layers"]):
        w = {k.split(".", 3)[3]: v for k, v in p.items() if k.startswith(f"model.layers.{layer}.")}
        h = norm(x, w["input_layernorm.weight"][0], c["norm_eps"])
        q = (h @ w["self_attn.q_proj.weight"].T).reshape(len(tokens), c["heads"], c["head_dim"])
        k = (h @ w["self_attn.k_proj.weight"].T).reshape(len(tokens), c["kv_heads"], c["head_dim"])
        v = (h @ w["self_attn.v_proj.weight"].T).reshape(len(tokens), c["kv_heads"], c["head_dim"])
        q, k = rotate_halves(q, c["rope_theta"]), rotate_halves(k, c["rope_theta"])
        x = x + attention(q, k, v) @ w["self_attn.o_proj.weight"].T
        h = norm(x, w["post_attention_layernorm.weight"][0], c["norm_eps"])
        gate, up = h @ w["mlp.gate_proj.weight"].T, h @ w["mlp.up_proj.weight"].T
        x = x + (jax.nn.silu(gate) * up) @ w["mlp.down_proj.weight"].T
    x = norm(x, p["model.norm.weight"][0], c["norm_eps"])
    head = p["model.embed_tokens.weight"] if c["tied_embeddings"] else p["lm_head.weight"]
    log_p = jax.nn.log_softmax(x @ head.T, axis=-1)
    counted = targets >= 0
    chosen = log_p[jnp.arange(len(tokens)), jnp.where(counted, targets, 0)]
    return -jnp.sum(jnp.where(counted, chosen, 0.0))


def shapes(c):
    d, hd = c["dim"], c["head_dim"]
    out = {"model.embed_tokens.weight": (c["vocab_size"], d), "model.norm.weight": (1, d)}
    for layer in range(c["layers"]):
        at = f"model.layers.{layer}."
        out[at + "input_layernorm.weight"] = out[at + "post_attention_layernorm.weight"] = (1, d)
        out[at + "self_attn.q_proj.weight"] = (c["heads"] * hd, d)
        for name in ("k_proj", "v_proj"):
            out[at + f"self_attn.{name}.weight"] = (c["kv_heads"] * hd, d)
        out[at + "self_attn.o_proj.weight"] = (d, c["heads"] * hd)
        for name in ("gate_proj", "up_proj"):
            out[at + f"mlp.{name}.weight"] = (c["hidden_dim"], d)
        out[at + "mlp.down_proj.weight"] = (d, c["hidden_dim"])
    if not c["tied_embeddings"]:
        out["lm_head.weight"] = (c["vocab_size"], d)
    return out


def case(config, lengths, seed):
    rng = np.random.default_rng(seed)
    parameters = {}
    for name, shape in shapes(config).items():
        noise = rng.standard_normal(shape)
        values = 1 + 0.2 * noise if "norm" in name else 0.4 * noise
        parameters[name] = values.astype(np.float32).astype(np.float64)
    tokens = rng.integers(0, config["vocab_size"], sum(lengths))
    targets = rng.integers(0, config["vocab_size"], sum(lengths))
    targets[2] = -1

    def loss(p):
        total, start = 0.0, 0
        for length in lengths:
            part = slice(start, start + length)
            total += sequence_loss(p, config, tokens[part], targets[part])
            start += length
        return total

    value, gradients = jax.value_and_grad(loss)(
        {k: jnp.asarray(v) for k, v in parameters.items()})
    numbers = lambda a: [float(f"{x:.9g}") for x in np.asarray(a).ravel()]
    return {
        "config": config, "lengths": lengths,
        "tokens": tokens.tolist(), "targets": targets.tolist(), "loss": float(value),
        "parameters": {k: numbers(v) for k, v in parameters.items()},
        "gradients": {k: numbers(v) for k, v in gradients.items()},
    }


SMALL = {"vocab_size": 11, "dim": 8, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 4,
         "hidden_dim": 12, "context_length": 16, "rope_theta": 10000.0, "norm_eps": 1e-5,
         "tied_embeddings": True}
print(json.dumps({"cases": [
    case(SMALL, [5, 3], 1),
    case(SMALL | {"tied_embeddings": False, "kv_heads": 4, "head_dim": 2, "layers": 1}, [6, 6], 2),
]}, separators=(",", ":")))
