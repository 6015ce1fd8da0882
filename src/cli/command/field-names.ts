/** Answers to flags of other programs (nanoGPT, Hugging Face's Trainer, Keras, OpenAI's interface, llama.cpp) that do
 * not exist here: what to use instead. Names with exactly the same meaning are `aliases` in the tables of flags. */

const all = (names: readonly string[], answer: string): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, answer]));

const machine = {
  ...all(
    [
      'device',
      'gpu',
      'gpus',
      'cuda',
      'no-cuda',
      'use-cpu',
      'cpu',
      'mps',
      'gpu-layers',
      'n-gpu-layers',
      'ngl',
    ],
    'Inkling computes on the CPU, always',
  ),
  ...all(
    ['dtype', 'precision', 'fp16', 'bf16', 'tf32', 'half', 'amp', 'float16'],
    'Inkling computes in float32, always',
  ),
  ...all(['compile', 'torch-compile', 'jit'], 'there is nothing to compile; --backend chooses the kernels'),
  ...all(['num-workers', 'dataloader-num-workers', 'workers'], '--threads N is the number of threads'),
  ...all(['log-level', 'verbose', 'v', 'debug'], 'there is no such mode; see --help'),
};

const logs = 'every step is written to metrics.jsonl and report.html in the folder of the run';

export const trainAnswers: Readonly<Record<string, string>> = {
  ...machine,
  ...all(['config', 'config-file', 'config-name', 'recipe'], '--preset NAME names a set of settings'),
  ...all(['early-stopping', 'early-stop'], '--patience N stops after N evaluations without a new best'),
  ...all(
    ['model', 'model-size', 'm', 'checkpoint', 'ckpt', 'init-from', 'load', 'load-checkpoint'],
    '--resume DIR goes on with a run, --init FOLDER starts from its weights, --preset NAME chooses the sizes',
  ),
  ...all(['name', 'run-name', 'run', 'exp-name', 'wandb-run-name'], '--out runs/NAME names a run'),
  ...all(
    ['val-split', 'validation-split', 'validation-split-percentage', 'split', 'test-size'],
    'the last 10 % of --data is held out; --val-data FILE holds out another text',
  ),
  ...all(
    [
      'report-to',
      'wandb',
      'wandb-log',
      'wandb-project',
      'use-wandb',
      'tensorboard',
      'logging-dir',
      'log-dir',
    ],
    logs,
  ),
  ...all(['log-interval', 'log-every', 'logging-steps', 'log-steps'], logs),
  ...all(['eval-iters', 'eval-batches', 'max-eval-samples'], '--eval-tokens N counts tokens, not batches'),
  ...all(['warmup-ratio', 'warmup-fraction'], '--warmup N counts steps (default 5 % of them)'),
  ...all(['lr-decay-iters', 'lr-decay-steps', 'decay-iters'], 'the learning rate falls over all --steps'),
  ...all(['decay-lr'], '--schedule says how the learning rate falls; constant keeps it'),
  ...all(['betas'], '--beta1 X and --beta2 X'),
  ...all(
    ['attn-pdrop', 'resid-pdrop', 'embd-pdrop', 'attention-dropout', 'hidden-dropout'],
    '--dropout X is one for all',
  ),
  ...all(['shuffle'], '--sampling epoch takes every window once, in a new order each pass'),
  ...all(
    ['bias', 'tie-weights', 'norm', 'activation', 'rope', 'rope-theta'],
    '--arch gpt2 or qwen3 decides it',
  ),
  ...all(
    ['intermediate-size', 'd-ff', 'ffn-dim', 'ff-dim', 'mlp-ratio', 'hidden-mult', 'multiple-of'],
    'the width of the feed-forward part follows from --arch and --channels',
  ),
  ...all(['num-key-value-heads', 'n-kv-head', 'n-kv-heads', 'num-kv-heads'], 'there are as many as --heads'),
  ...all(['depth'], '--layers N is the number of blocks; --channels N must be chosen, too'),
  ...all(['save', 'save-model', 'always-save-checkpoint'], 'every run is saved, in the folder of --out'),
  ...all(['force', 'f'], '--overwrite lets --out replace a run'),
  ...all(['do-train', 'do-eval', 'train', 'mode'], 'npx inkling train trains, npx inkling eval measures'),
  ...all(
    ['eval', 'eval-only', 'eval-strategy', 'evaluation-strategy'],
    '--eval-every N; npx inkling eval measures a run',
  ),
  ...all(
    ['prompt', 'start', 'p', 'temperature', 'top-k', 'top-p', 'generate'],
    'npx inkling sample continues a prompt',
  ),
  ...all(['lora', 'lora-r', 'peft', 'freeze'], 'all weights are trained'),
  ...all(['gradient-checkpointing', 'fsdp', 'deepspeed', 'ddp', 'nproc-per-node'], 'there is no such mode'),
};

export const sampleAnswers: Readonly<Record<string, string>> = {
  ...machine,
  ...all(['max-length', 'steps'], '--tokens N counts the tokens that are drawn, without the prompt'),
  ...all(['min-length'], '--min-tokens N counts the tokens that are drawn, without the prompt'),
  ...all(['do-sample'], 'tokens are drawn; --greedy takes the likeliest instead'),
  ...all(['eos-token-id', 'eos'], "--stop-token '#ID' ends the text at a token"),
  ...all(
    ['echo', 'no-display-prompt', 'return-full-text'],
    'the prompt is printed first; --json has the text alone',
  ),
  ...all(['stream'], 'the text is printed as it is drawn'),
  ...all(['batch-size', 'b'], 'all --samples of all prompts are drawn in one batch'),
  ...all(
    ['c', 'ctx-size', 'n-ctx', 'context', 'context-length', 'block-size'],
    'the model has the context it was trained with',
  ),
  ...all(
    ['keep', 'context-shift', 'no-context-shift'],
    '--context-policy says what happens when the context is full',
  ),
  ...all(
    ['system', 'system-prompt', 'chat-template', 'chat', 'conversation', 'cnv'],
    'a model continues a text; --interactive goes on with it line by line',
  ),
  ...all(['best-of'], '--samples N draws N texts; --beam N searches for the likeliest'),
  ...all(['output', 'out', 'o', 'output-file'], 'the text goes to standard output: ... > FILE'),
  ...all(['data'], '--prompt-file FILE continues a text; npx inkling eval --data FILE scores one'),
};

export const evalAnswers: Readonly<Record<string, string>> = {
  ...machine,
  ...all(['batch-size', 'b'], 'the machine decides how many texts are computed at a time'),
  ...all(
    ['c', 'ctx-size', 'n-ctx', 'context', 'block-size', 'max-length'],
    'the model has the context it was trained with',
  ),
  ...all(['tasks', 'task'], 'there are no tasks to name; --choices FILE has the questions of one'),
  ...all(['metrics', 'metric'], 'all measures are shown; --json has them for programs'),
  ...all(['prompt', 'start'], 'npx inkling sample continues a prompt; --score TEXT shows its surprise'),
};
