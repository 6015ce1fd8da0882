/** The flags that say which texts are learned, how they are read, and what their tokens are. */
import { tokenizers } from '../../model/text/tokenizer.ts';
import { documentModes, losses } from '../../train/corpus-choice.ts';
import type { Flags } from '../command/command.ts';

/** `aliases` as in train/flags.ts. */
export const dataFlags = {
  data: {
    section: 'What to learn, and where it goes',
    kind: 'text',
    multiple: true,
    value: 'FILE',
    help: 'the text to learn (default data/stories.txt), UTF-8; may be given several times; also a folder, .jsonl, gzip of each, - for standard input; may be larger than memory',
    aliases: ['dataset', 'train-file', 'train-data', 'input-file', 'corpus'],
  },
  'val-data': {
    kind: 'text',
    multiple: true,
    value: 'FILE',
    help: 'the text to hold out, read like --data (default: the last 10 % of --data)',
    aliases: ['valid-data', 'validation-file', 'validation-data', 'val-file', 'eval-file', 'test-file'],
  },
  documents: {
    kind: 'choice',
    choices: documentModes,
    value: 'D',
    help: 'what has an end of its own: none, all is one text (default); file, each file, or line of a .jsonl (default where there is one); lines; blocks, apart by two empty lines or more; jsonl, each line of any file',
    aliases: ['document-mode', 'split-documents'],
  },
  field: {
    kind: 'text',
    value: 'NAME',
    help: 'where a line of a .jsonl file has its text (default text)',
    aliases: ['text-field', 'text-column', 'dataset-text-field'],
  },
  loss: {
    kind: 'choice',
    choices: losses,
    value: 'all|completion',
    help: 'with "prompt" and "completion" in a .jsonl: what is learned of them (default completion)',
    aliases: ['train-on'],
  },
  tokenizer: {
    kind: 'choice',
    choices: tokenizers,
    value: 'T',
    help: 'char: a token for each character (default); bpe: tokens of several bytes, learned from the training part',
  },
  'vocab-size': {
    kind: 'integer',
    value: 'N',
    rule: { text: 'of at least 256, one for each byte', holds: (x: number) => x >= 256 },
    help: 'with --tokenizer bpe: tokens (default 1024)',
    aliases: ['n-vocab'],
  },
} as const satisfies Flags;
