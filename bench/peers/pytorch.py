"""The yardstick in PyTorch: nanoGPT's model for a CPU (4 layers, 4 heads, 128 channels, context 64, batch 12), AdamW.

Prints the median milliseconds of a training step, and tokens a second of sampling without a cache, as nanoGPT does it.
With "compile" the model goes through torch.compile, with "bfloat16" under autocast: both train only. "generate" is
transformers' own, with its cache, for one stream of a GPT-2 of this size.
Usage: python3 pytorch.py [steps] [eager | compile | bfloat16 | generate]
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

V, T, C, H, L, B = 65, 64, 128, 4, 4, 12


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.fc, self.out = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)
        self.register_buffer("future", torch.triu(torch.ones(T, T, dtype=torch.bool), 1))

    def attention(self, x):
        b, t, _ = x.shape
        q, k, v = (z.view(b, t, H, C // H).transpose(1, 2) for z in self.qkv(x).split(C, dim=2))
        scores = (q @ k.transpose(-2, -1)) * (C // H) ** -0.5
        weights = scores.masked_fill(self.future[:t, :t], float("-inf")).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, t, C))

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.out(F.gelu(self.fc(self.ln2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(V, C), nn.Embedding(T, C)
        self.blocks, self.lnf = nn.Sequential(*(Block() for _ in range(L))), nn.LayerNorm(C)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        return self.lnf(self.blocks(x)) @ self.wte.weight.T


def median_of(action, warm, count):
    times = []
    for i in range(warm + count):
        began = time.perf_counter()
        action()
        if i >= warm:
            times.append(time.perf_counter() - began)
    return statistics.median(times), min(times)


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 60
mode = sys.argv[2] if len(sys.argv) > 2 else "eager"
torch.manual_seed(1)
print(f"PyTorch {torch.__version__}, {mode}, {torch.get_num_threads()} threads")

if mode == "generate":
    from transformers import GPT2Config, GPT2LMHeadModel

    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=V, n_positions=T, n_embd=C, n_layer=L, n_head=H)).eval()
    start = torch.zeros(1, 1, dtype=torch.long)
    settings = dict(max_new_tokens=T - 1, min_new_tokens=T - 1, do_sample=True, temperature=0.8, pad_token_id=0)
    with torch.no_grad():
        middle, best = median_of(lambda: gpt2.generate(start, **settings), 3, steps)
    print(f"generate: median {(T - 1) / middle:.0f} tokens/s, best {(T - 1) / best:.0f}")
    raise SystemExit

model = Gpt()
forward = torch.compile(model) if mode == "compile" else model
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
tokens = torch.randint(V, (20_000,))


def step():
    starts = torch.randint(len(tokens) - T, (B,))
    x = torch.stack([tokens[s : s + T] for s in starts])
    y = torch.stack([tokens[s + 1 : s + T + 1] for s in starts])
    with torch.autocast("cpu", torch.bfloat16, enabled=mode == "bfloat16"):
        loss = F.cross_entropy(forward(x).view(-1, V), y.view(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


@torch.no_grad()
def sample(count=100):
    text = torch.zeros(1, 1, dtype=torch.long)
    for _ in range(count):
        probs = (model(text[:, -T:])[:, -1] / 0.8).softmax(-1)
        text = torch.cat([text, torch.multinomial(probs, 1)], 1)


middle, best = median_of(step, 10, steps)
print(f"step: median {1000 * middle:.1f} ms, best {1000 * best:.1f} ms")
if mode != "eager":
    raise SystemExit
middle, best = median_of(sample, 1, 5)
print(f"sampling without a cache: median {100 / middle:.0f} tokens/s, best {100 / best:.0f}")
