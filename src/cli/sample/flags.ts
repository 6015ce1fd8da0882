/** The flags of npm run sample, with a word on each method. */
import { contextPolicies } from '../../sample/generate.ts';
import { defaultSampling } from '../../sample/settings.ts';
import { type Rule, rules, type Values } from '../command/command.ts';
import { kernelFlags } from '../host/kernels.ts';

const { positive, notNegative, unit, seed } = rules;
const share: Rule = { text: 'above 0 and at most 1', holds: (x) => x > 0 && x <= 1 };
const finite: Rule = { text: '', holds: () => true };
const window: Rule = { text: 'of at least -1', holds: (x) => x >= -1 };

/** Tokens drawn unless --tokens says otherwise: of a text, and of an answer, which as a rule its line ends before. */
export const defaultTokens = 300;
export const answerTokens = 1000;

/** `aliases` are the names in Hugging Face's generate, OpenAI's interface, nanoGPT, llama.cpp and ollama. */
export const sampleFlags = {
  run: {
    section: 'What to continue',
    kind: 'text',
    value: 'DIR',
    help: 'a run (its best checkpoint) or model folder (default: the newest run)',
    aliases: ['model', 'model-path', 'model-name-or-path', 'checkpoint', 'ckpt', 'load', 'out-dir', 'm'],
  },
  prompt: {
    kind: 'text',
    multiple: true,
    value: 'TEXT',
    help: 'what to continue (default: nothing, or a line break); may be given several times;\n- or a pipe: read from standard input',
    aliases: ['start', 'text', 'input', 'p'],
  },
  'prompt-file': {
    kind: 'text',
    value: 'FILE',
    help: 'the same, from a file; - is standard input',
    aliases: ['file', 'f'],
  },
  interactive: {
    kind: 'switch',
    help: 'keep the model loaded: each line typed goes on with the text, an empty\none lets the model go on. It answers with a line (or up to --stop);\nCtrl+C cuts it short, Ctrl+D ends, /help lists commands',
    aliases: ['i'],
  },
  unknown: {
    kind: 'choice',
    choices: ['error', 'skip'],
    value: 'error|skip',
    help: 'what to do about characters the model does not know',
  },
  samples: {
    kind: 'integer',
    value: 'N',
    rule: positive,
    help: 'continuations of each prompt, drawn in one batch (default 1)',
    aliases: ['num-samples', 'n-samples', 'num-return-sequences'],
    most: 1_000_000,
  },
  seed: {
    kind: 'integer',
    value: 'N',
    rule: seed,
    help: 'same seed, prompt and settings: same text (default: picked and printed)',
    aliases: ['random-seed', 'rng-seed', 's'],
  },
  'context-policy': {
    kind: 'choice',
    choices: contextPolicies,
    value: 'P',
    help: 'when the context is full: shift (re-read the newer half, go on),\nslide (re-read before every token), roll (drop the oldest, with\nrotary positions) or stop (default shift)',
  },

  temperature: {
    section: 'What may come next, in this order (docs/sampling.md explains each)',
    kind: 'number',
    value: 'X',
    rule: notNegative,
    help: `Divides the logits: below 1 safer, above 1 wilder, 0 greedy. It changes how sure the\nmodel is, never its ranking. Ackley, Hinton, Sejnowski 1985. (default ${defaultSampling.temperature}; 1: as it is)`,
    aliases: ['temp'],
  },
  greedy: { kind: 'switch', help: 'Always the likeliest token; the same as --temperature 0.' },
  'top-k': {
    kind: 'integer',
    value: 'N',
    rule: notNegative,
    help: 'Keeps the N likeliest tokens. A fixed number: too many where the model is sure, too\nfew where it is not. Fan et al. 2018. (default 0: all)',
  },
  'top-p': {
    kind: 'number',
    value: 'X',
    rule: unit,
    help: `Keeps the smallest set holding this share of the probability (the nucleus). The set\ngrows where the model is unsure. Holtzman et al. 2020. (default ${defaultSampling.topP}; 1: all)`,
    aliases: ['nucleus'],
  },
  'min-p': {
    kind: 'number',
    value: 'X',
    rule: unit,
    help: 'Keeps tokens at least X times as likely as the best one. A bar relative to the best\nstays sensible at high temperatures. Nguyen et al. 2025. (default 0: all)',
  },
  typical: {
    kind: 'number',
    value: 'X',
    rule: share,
    help: 'Keeps tokens about as surprising as the model expects on average, up to a share X.\nEven the likeliest may go, for being too plain. Meister et al. 2023. (default 1: all)',
    aliases: ['typical-p', 'typ-p'],
  },
  mirostat: {
    kind: 'number',
    value: 'TAU',
    rule: positive,
    help: 'Instead of the four cuts: steers the surprise towards TAU bits a token by moving the\nbar after each one. Neither loops nor nonsense. Basu et al. 2021, version 2.',
    aliases: ['mirostat-ent', 'mirostat-tau'],
  },
  'mirostat-rate': {
    kind: 'number',
    value: 'X',
    rule: positive,
    help: 'How fast the bar moves (default 0.1).',
    aliases: ['mirostat-lr', 'mirostat-eta'],
  },
  'repetition-penalty': {
    section: 'Against repetition',
    kind: 'number',
    value: 'X',
    rule: positive,
    help: 'Divides the positive logits of tokens already there by X and multiplies the negative\nones. Above 1 discourages, once a token. Keskar et al. 2019. (default 1: off)',
    aliases: ['repeat-penalty'],
  },
  'repetition-mode': {
    kind: 'choice',
    choices: ['logits', 'logprobs'],
    value: 'M',
    help: 'logits as in the paper; logprobs does not depend on where\nthe logits have their zero (default logits)',
  },
  'penalty-last': {
    kind: 'integer',
    value: 'N',
    rule: window,
    help: 'look at the last N tokens only, prompt included (default -1: all)',
    aliases: ['repeat-last-n'],
  },
  'frequency-penalty': {
    kind: 'number',
    value: 'X',
    rule: finite,
    help: 'Subtracts X from a logit for each time its token was drawn. Words wear out the more\nthey are used; the prompt does not count. (default 0)',
  },
  'presence-penalty': {
    kind: 'number',
    value: 'X',
    rule: finite,
    help: 'Subtracts X once from every token drawn before. It asks for new material, however\noften the old one came. (default 0)',
  },
  'no-repeat-ngram': {
    kind: 'integer',
    value: 'N',
    rule: notNegative,
    help: 'Forbids any N tokens in a row that were there before, prompt included. A hard rule:\nneeds a large N for characters. Paulus et al. 2018. (default 0: off)',
    aliases: ['no-repeat-ngram-size'],
  },
  allow: {
    section: 'What is allowed at all (escapes: \\n \\t \\r \\\\; a token may be written #ID)',
    kind: 'text',
    multiple: true,
    value: 'TEXT',
    help: 'only tokens made of the characters of TEXT; several times for more',
  },
  ban: {
    kind: 'text',
    multiple: true,
    value: 'TEXT',
    help: 'never the tokens of TEXT in a row; several times for several texts.\nHere and in the flags around, the whole text of an added token, such\nas "<|endoftext|>", is that token; in a prompt it is plain text',
  },
  'logit-bias': {
    kind: 'text',
    multiple: true,
    value: 'TOKEN=X',
    help: 'add X to the logit of a token; several times for several tokens',
  },
  'on-exhausted': {
    kind: 'choice',
    choices: ['stop', 'throw', 'relax'],
    value: 'W',
    help: 'when nothing is allowed any more: stop there (default), fail, or\nrelax n-gram blocking first, then banned sequences and --min-tokens',
  },
  tokens: {
    section: 'When it ends',
    kind: 'integer',
    value: 'N',
    rule: positive,
    help: `after so many tokens (default ${defaultTokens}; an answer: ${answerTokens})`,
    aliases: [
      'max-new-tokens',
      'max-tokens',
      'max-completion-tokens',
      'n-predict',
      'num-predict',
      'predict',
      'num-tokens',
      'n-tokens',
      'length',
      'n',
    ],
  },
  'min-tokens': {
    kind: 'integer',
    value: 'N',
    rule: notNegative,
    help: 'not before so many, whatever follows (default 0)',
    aliases: ['min-new-tokens'],
  },
  stop: {
    kind: 'text',
    multiple: true,
    value: 'TEXT',
    help: 'where TEXT comes up, over any token boundary; several times for\nseveral texts, of which the first complete one counts',
    aliases: ['stop-string', 'stop-strings', 'stop-sequence', 'stop-sequences'],
  },
  'stop-token': {
    kind: 'text',
    multiple: true,
    value: 'TOKEN',
    help: 'at this token; several times for several',
    aliases: ['eos-token'],
  },
  'ignore-eos': {
    kind: 'switch',
    help: 'not at an end token (eos_token_id in the model folder), which ends a\ntext otherwise',
  },
  'include-stop': { kind: 'switch', help: 'print the text that ended it, too' },
  'stop-on-loop': {
    kind: 'switch',
    help: 'when the text ends in four copies of the same 4 to 100 tokens',
  },

  beam: {
    section: 'Searching instead of drawing',
    kind: 'integer',
    value: 'N',
    rule: positive,
    help: 'Beam search: keeps the N likeliest texts so far and prints the best (--samples N: the\nN best). The likeliest text is rarely a good one: it loops; rather sample.',
    aliases: ['num-beams', 'n-beams', 'beams', 'beam-size', 'beam-width'],
    most: 1_000_000,
  },
  'length-penalty': {
    kind: 'number',
    value: 'X',
    rule: notNegative,
    help: 'Divides log-probabilities by length ^ X: 0 prefers short texts, 1 compares per token.\nOnly matters where texts may end early. Wu et al. 2016. (default 0)',
  },
  trace: {
    section: 'Looking inside',
    kind: 'switch',
    help: 'for each token, what every stage kept and how likely the one drawn was',
  },
  explain: {
    kind: 'switch',
    help: "the first token's distribution at several temperatures and nuclei, and as set; draws nothing",
  },
  json: { kind: 'switch', help: 'one JSON object a line for each sample' },
  ...kernelFlags,
} as const;

export type SampleFlags = Values<typeof sampleFlags>;
