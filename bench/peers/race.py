"""The race of npm run bench -- --race in PyTorch: seconds until the loss over all held-out characters is low enough.

"recipe" is the preset shakespeare: Qwen3's block, Muon for hidden matrices, a rate that falls to 0, every window once an
epoch, a running mean of the weights. "nanogpt" is the preset nanogpt-cpu. The clock starts with the process and does not
count evaluations, as in bench/race.ts.
Usage: python3 race.py shakespeare.txt [recipe | nanogpt] [seed]
"""

import sys
import time

began = time.perf_counter()

import torch
from torch import nn
from torch.nn import functional as F

path, kind = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "recipe"
torch.manual_seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
RECIPE = kind == "recipe"
L, H, C, T, B = (3, 4, 128, 128, 12) if RECIPE else (4, 4, 128, 64, 12)
STEPS, WARMUP, RATE = (2400, 40, 5e-3) if RECIPE else (2000, 100, 1e-3)
MUON_RATE, MOMENTUM, EMA, EVERY = 0.025, 0.85, 0.95, 25
GOALS = [2.0, 1.886, 1.669, 1.55, 1.4697]

text = open(path, encoding="utf-8").read()
letters = sorted(set(text))
tokens = torch.tensor([letters.index(c) for c in text])
train, held_out, V = tokens[: len(text) * 9 // 10], tokens[len(text) * 9 // 10 :], len(letters)
angles = torch.outer(torch.arange(T), 10_000.0 ** -(torch.arange(0, C // H, 2) / (C // H)))


def turn(x):
    a, b = x.chunk(2, -1)
    cos, sin = angles[: x.shape[-2]].cos(), angles[: x.shape[-2]].sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        norm = (lambda n: nn.RMSNorm(n, eps=1e-6)) if RECIPE else nn.LayerNorm
        self.norm1, self.norm2 = norm(C), norm(C)
        wide = round(8 * C / 3 / 16) * 16 if RECIPE else 4 * C
        self.lin = nn.ModuleDict({n: nn.Linear(C, C, bias=not RECIPE) for n in "qkvo"})
        self.up, self.down = nn.Linear(C, wide, bias=not RECIPE), nn.Linear(wide, C, bias=not RECIPE)
        if RECIPE:
            self.gate = nn.Linear(C, wide, bias=False)
            self.q_norm, self.k_norm = norm(C // H), norm(C // H)

    def forward(self, x):
        b, t, _ = x.shape
        y = self.norm1(x)
        q, k, v = (self.lin[n](y).view(b, t, H, C // H).transpose(1, 2) for n in "qkv")
        if RECIPE:
            q, k = turn(self.q_norm(q)), turn(self.k_norm(k))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.lin["o"](y.transpose(1, 2).reshape(b, t, C))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y) if RECIPE else F.gelu(self.up(y), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(V, C)
        self.wpe = None if RECIPE else nn.Embedding(T, C)
        self.blocks = nn.Sequential(*(Block() for _ in range(L)))
        self.norm = nn.RMSNorm(C, eps=1e-6) if RECIPE else nn.LayerNorm(C)
        for name, p in self.named_parameters():
            residual = name.endswith(("lin.o.weight", "down.weight"))
            if p.dim() < 2:
                continue
            std = 0.02 if not RECIPE or "wte" in name else 0 if residual else p.shape[1] ** -0.5
            nn.init.normal_(p, std=std / (2 * L) ** 0.5 if residual else std)

    def forward(self, ids):
        x = self.wte(ids) if RECIPE else self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        return self.norm(self.blocks(x)) @ self.wte.weight.T


def orthogonal(x):
    a, b, c = 3.4445, -4.775, 2.0315
    tall = x.shape[0] > x.shape[1]
    x = (x.T if tall else x) / (x.norm() + 1e-7)
    for _ in range(5):
        g = x @ x.T
        x = a * x + (b * g + c * g @ g) @ x
    return x.T if tall else x


model = Gpt()
hidden = [p for n, p in model.named_parameters() if p.dim() == 2 and "blocks" in n] if RECIPE else []
taken = {id(p) for p in hidden}
tables = [p for p in model.parameters() if p.dim() == 2 and id(p) not in taken]
vectors = [p for p in model.parameters() if p.dim() < 2]
groups = [{"params": tables, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
adamw = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95 if RECIPE else 0.99))
momentum = [torch.zeros_like(p) for p in hidden]
weights = [p.detach().clone() for p in model.parameters()]


def rate_at(t):
    if t < WARMUP:
        return (t + 1) / (WARMUP + 1)
    u = (t - WARMUP) / (STEPS - WARMUP)
    return 1 - u if RECIPE else 0.1 + 0.9 * (1 + torch.cos(torch.tensor(torch.pi * u)).item()) / 2


def starts():
    """Where windows begin: each once an epoch, or anywhere."""
    while True:
        if not RECIPE:
            yield from torch.randint(len(train) - T, (B,)).tolist()
            continue
        windows = (len(train) - 1) // T
        offset = torch.randint(len(train) - windows * T, ()).item()
        yield from (offset + T * torch.randperm(windows)).tolist()


def step(t, draw):
    at = [next(draw) for _ in range(B)]
    x, y = (torch.stack([train[s + d : s + d + T] for s in at]) for d in (0, 1))
    F.cross_entropy(model(x).view(-1, V), y.view(-1)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for group in adamw.param_groups:
        group["lr"] = RATE * rate_at(t)
    adamw.step()
    with torch.no_grad():
        for p, m in zip(hidden, momentum):
            m.lerp_(p.grad, 1 - MOMENTUM)
            u = orthogonal(p.grad.lerp(m, MOMENTUM)) * max(1, p.shape[0] / p.shape[1]) ** 0.5
            p.mul_(1 - MUON_RATE * rate_at(t) * 0.1).sub_(u, alpha=MUON_RATE * rate_at(t))
    model.zero_grad()


@torch.no_grad()
def loss():
    n, sum = len(held_out) - 1, 0.0
    for s in range(0, n - n % T, 64 * T):
        x, y = (held_out[s + d : min(s + 64 * T, n - n % T) + d].view(-1, T) for d in (0, 1))
        sum += F.cross_entropy(model(x).view(-1, V), y.reshape(-1), reduction="sum").item()
    if n % T:
        rest = slice(n - n % T, n)
        sum += F.cross_entropy(model(held_out[rest][None])[0], held_out[n - n % T + 1 :], reduction="sum").item()
    return sum / n


print(f"PyTorch {torch.__version__}, {kind}, {torch.get_num_threads()} threads")
draw, not_counted, goals = starts(), 0.0, list(GOALS)
params = list(model.parameters())
for t in range(STEPS):
    with torch.no_grad():
        if RECIPE and t > 0:  # the model is the mean; what is trained are the weights
            mean = [p.detach().clone() for p in params]
            for p, w in zip(params, weights):
                p.copy_(w)
    step(t, draw)
    if RECIPE:
        with torch.no_grad():
            d = min(EMA, t / (t + 10))
            for i, (p, w) in enumerate(zip(params, weights)):
                w.copy_(p)
                p.copy_(w if t == 0 else mean[i] * d + w * (1 - d))
    if (t + 1) % EVERY and t + 1 < STEPS:
        continue
    seconds = time.perf_counter() - began - not_counted
    at = time.perf_counter()
    nll = loss()
    not_counted += time.perf_counter() - at
    while goals and nll <= goals[0]:
        print(f"{goals.pop(0)} nats in {seconds:.1f} s (step {t + 1})", flush=True)
print(f"{nll:.4f} nats at the end, after {seconds:.1f} s")
