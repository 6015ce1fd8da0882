/** The flags that say which texts are learned, and how they are read. */
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
} as const satisfies Flags;
