"""Computes the logits of model folders with PyTorch, from nothing but their files, and compares them with Inkling's.

Each folder holds config.json and model.safetensors as Inkling writes them, and logits.json: {"ids": [[...]], "logits":
[[[...]]]}, what Inkling computed with them. The files are read with the standard library, so that no package decides
what they mean; the models are written out here from the papers' formulas, in float64.

    python3 logits.py FOLDER [FOLDER ...]     exit code 0: they agree; 1: they do not; 77: no PyTorch here
"""
import json
import math
import struct
import sys
from pathlib import Path

try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(f"no PyTorch: {error}")
    sys.exit(77)

TOLERANCE = 1e-4  # of the largest logit: float32 there, float64 here


def read_safetensors(path):
    """Eight bytes of header length, a JSON header, and the tensors' bytes, little-endian."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", (name, entry)
        start, end = entry["data_offsets"]
        body = bytearray(data[8 + length + start : 8 + length + end])
        tensors[name] = torch.frombuffer(body, dtype=torch.float32).reshape(entry["shape"]).double()
    return tensors


def attend(q, k, v):
    """softmax(q k^T / sqrt(D)) v for (B, H, T, D), each position seeing itself and what is before it."""
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-1, -2) / math.sqrt(D)
    hidden = torch.ones(T, T, dtype=torch.bool).triu(1)
    return scores.masked_fill(hidden, -math.inf).softmax(-1) @ v


def split_heads(x, heads):
    B, T, C = x.shape
    return x.view(B, T, heads, C // heads).transpose(1, 2)


def join_heads(x):
    B, H, T, D = x.shape
    return x.transpose(1, 2).reshape(B, T, H * D)


def gpt2(config, weights, ids):
    """Radford et al. 2019. Its projections are stored inputs first: y = x W + b."""
    get = lambda name: weights["transformer." + name]
    norm = lambda x, name: F.layer_norm(
        x, x.shape[-1:], get(name + ".weight"), get(name + ".bias"), config["layer_norm_epsilon"]
    )
    project = lambda x, name: x @ get(name + ".weight") + get(name + ".bias")
    x = get("wte.weight")[ids] + get("wpe.weight")[: ids.shape[1]]
    for i in range(config["n_layer"]):
        h = f"h.{i}."
        parts = project(norm(x, h + "ln_1"), h + "attn.c_attn").chunk(3, -1)
        q, k, v = (split_heads(part, config["n_head"]) for part in parts)
        x = x + project(join_heads(attend(q, k, v)), h + "attn.c_proj")
        y = project(norm(x, h + "ln_2"), h + "mlp.c_fc")
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        x = x + project(y, h + "mlp.c_proj")
    return norm(x, "ln_f") @ get("wte.weight").T


def qwen3(config, weights, ids):
    """RMSNorm, rotary positions, SwiGLU, RMSNorm of q and k. Its projections are stored outputs first: y = x W^T."""
    get = lambda name: weights["model." + name + ".weight"]
    rms = lambda x, name: x / (x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]).sqrt() * get(name)
    heads, D = config["num_attention_heads"], config["head_dim"]
    frequencies = config["rope_theta"] ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    angles = torch.arange(ids.shape[1], dtype=torch.float64)[:, None] * frequencies
    cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)

    def rotate(x):
        left, right = x.chunk(2, -1)
        return x * cos + torch.cat([-right, left], -1) * sin

    x = get("embed_tokens")[ids]
    for i in range(config["num_hidden_layers"]):
        layer = f"layers.{i}."
        attn, mlp = layer + "self_attn.", layer + "mlp."
        y = rms(x, layer + "input_layernorm")
        q, k, v = (split_heads(y @ get(attn + f"{part}_proj").T, heads) for part in "qkv")
        q, k = rotate(rms(q, attn + "q_norm")), rotate(rms(k, attn + "k_norm"))
        x = x + join_heads(attend(q, k, v)) @ get(attn + "o_proj").T
        y = rms(x, layer + "post_attention_layernorm")
        y = F.silu(y @ get(mlp + "gate_proj").T) * (y @ get(mlp + "up_proj").T)
        x = x + y @ get(mlp + "down_proj").T
    head = get("embed_tokens") if config["tie_word_embeddings"] else weights["lm_head.weight"]
    return rms(x, "norm") @ head.T


def main(folders):
    worst = 0.0
    for folder in map(Path, folders):
        config = json.loads((folder / "config.json").read_text())
        written = json.loads((folder / "logits.json").read_text())
        model = {"gpt2": gpt2, "qwen3": qwen3}[config["model_type"]]
        ours = model(config, read_safetensors(folder / "model.safetensors"), torch.tensor(written["ids"]))
        theirs = torch.tensor(written["logits"], dtype=torch.float64)
        assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
        difference = ((ours - theirs).abs().max() / ours.abs().max()).item()
        verdict = "agrees" if difference <= TOLERANCE else "DIFFERS"  # NaN differs
        print(f"{folder.name}: {verdict}, largest difference {difference:.1e} of the largest logit")
        worst = max(worst, difference if difference == difference else math.inf)
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
