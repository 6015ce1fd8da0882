"""Goes on training a model of Inkling's on several processes or machines, with PyTorch's DistributedDataParallel.

    torchrun --nproc_per_node 2 pytorch_ddp.py --model runs/nano --data my.txt --out runs/larger --steps 1000
    npm run sample -- --run runs/larger              what comes out is a model folder as Inkling's own,
    npm run train -- --init runs/larger --data my.txt    which goes on learning here

It draws the windows that Inkling draws for the same seed, and begins with a fresh AdamW, as `npm run train -- --init RUN
--optimizer adamw --ema-decay 0` does: so the losses are the same up to rounding, on any number of processes. Of a text that
Inkling keeps as a file of tokens, --tokens FILE reads that, documents and prompts as well. Needs torch, transformers, numpy; --data is one text.
"""

import argparse
import json
import math
import os
import shutil

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

LOW = (1 << 32) - 1


def uniform(seed, purpose, step, stream=0, draw=0):
    """Inkling's random numbers (src/tensor/random.ts): Philox4x32-10, a function of the place, so nothing is consumed."""
    c, k = [step, stream, draw, purpose], [seed & LOW, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & LOW, (a >> 32) ^ c[3] ^ k[1], a & LOW]
        k = [(k[0] + 0x9E3779B9) & LOW, (k[1] + 0xBB67AE85) & LOW]
    return ((c[0] >> 5) * 2**26 + (c[1] >> 6)) / 2**53


def training_tokens(args, folder):
    """The first nine tenths of the text, as Inkling cuts it: src/train/dataset.ts. And whether it is made of documents."""
    if args.tokens:
        about = json.load(open(args.tokens.removesuffix(".bin") + ".json"))
        kind = f"<{'i' if about.get('signed') else 'u'}{about['bytes']}"
        return np.memmap(args.tokens, dtype=kind, mode="r")[: about["train"]], about.get("ends", False)
    text = open(args.data, encoding="utf-8-sig", newline="").read().replace("\r\n", "\n")
    cut = math.floor(0.9 * len(text))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
    return np.array(tokenizer(text[:cut], add_special_tokens=False)["input_ids"]), False


def window_start(tokens, place, context, end):
    """Where a window begins: with the document at its place, if that fits into it (src/train/dataset.ts)."""
    start = max(0, place - context)
    ends = start + np.flatnonzero(tokens[start : place + context + 1] == end)
    first, after = ends[ends <= place], ends[ends > place]
    return int(first[-1]) if len(first) and len(after) and after[0] - first[-1] <= context else place


def learning_rate(step, args):
    """A straight rise over the warm-up, then half a cosine down to a tenth: src/train/schedule.ts."""
    if step < args.warmup:
        return args.lr * (step + 1) / (args.warmup + 1)
    done = (step - args.warmup) / (args.steps - args.warmup)
    return args.lr * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--model", required=True, help="a run or model folder")
    flags.add_argument("--data", help="the text")
    flags.add_argument("--tokens", help="instead of --data: Inkling's file of its tokens")
    flags.add_argument("--out", required=True, help="a new folder")
    flags.add_argument("--steps", type=int, default=1000)
    flags.add_argument("--batch", type=int, default=12, help="windows in a step, of all processes together")
    flags.add_argument("--lr", type=float, default=1e-3)
    flags.add_argument("--warmup", type=int, default=0)
    flags.add_argument("--seed", type=int, default=1)
    args = flags.parse_args()
    if (args.data is None) == (args.tokens is None):
        flags.error("expected one of --data and --tokens")
    if os.path.exists(args.out):
        flags.error(f"{args.out} is there already; choose another --out")

    cuda = torch.cuda.is_available()
    dist.init_process_group("nccl" if cuda else "gloo")
    rank, processes = dist.get_rank(), dist.get_world_size()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if args.batch % processes:
        flags.error(f"--batch {args.batch} does not go into {processes} equal parts")
    folder = f"{args.model}/best" if os.path.exists(f"{args.model}/best") else args.model
    tokens, documents = training_tokens(args, folder)
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device)
    context = plain.config.max_position_embeddings
    end = plain.config.eos_token_id if documents else -1
    model = DistributedDataParallel(plain)
    decayed, rest = [[p for p in plain.parameters() if (p.dim() > 1) == table] for table in (True, False)]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
        betas=(0.9, 0.95),
        eps=1e-8,
    )
    for step in range(args.steps):
        mine = range(rank, args.batch, processes)
        places = [math.floor(uniform(args.seed, 2, step, b) * (len(tokens) - context)) for b in mine]
        starts = [window_start(tokens, place, context, end) if documents else place for place in places]
        windows = np.stack([tokens[start : start + context + 1] for start in starts]).astype(np.int64)
        batch = torch.from_numpy(windows).to(device)
        inputs, targets = torch.where(batch < 0, ~batch, batch)[:, :-1], batch[:, 1:]
        learned = (targets >= 0).sum()  # a token of a prompt, ~id, is read and not learned
        dist.all_reduce(learned)
        logits = model(input_ids=inputs, use_cache=False).logits
        masked = targets.clamp(min=-1).flatten()
        loss = cross_entropy(logits.flatten(0, 1), masked, ignore_index=-1, reduction="sum") / learned.clamp(min=1)
        loss = loss * processes  # gradients become the mean over processes
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args)
        optimizer.step()
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        if rank == 0:
            print(f"step {step + 1}/{args.steps}  loss {mean.item() / processes:.7f}", flush=True)
    if rank == 0:
        plain.save_pretrained(args.out)
        shutil.copy(f"{folder}/tokenizer.json", args.out)
    dist.barrier()  # nobody leaves while another still writes
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
