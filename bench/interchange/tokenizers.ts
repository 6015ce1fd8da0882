/** Opens tokenizer.json of both kinds with Hugging Face's own JavaScript and compares ids and text with ours.
 *
 *     npm install --prefix /some/scratch/folder @huggingface/tokenizers
 *     node --import tsx bench/interchange/tokenizers.ts --packages /some/scratch/folder
 *
 * The package is not a dependency of Inkling. Without it, this says so and exits with 0. The text is the shipped one; the
 * byte-level BPE also gets text that it has never seen. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/cli/command/command.ts';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { CharTokenizer, normalizeText, type Tokenizer } from '../../src/model/text/tokenizer.ts';

/** What is used of the package. */
interface Foreign {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: Readonly<Record<string, boolean>>): string;
}
type ForeignClass = new (file: object, config: object) => Foreign;

const name = '@huggingface/tokenizers';
const strange =
  "naïve café — “quoted” 日本語 🎉\n\t  two  spaces; I'll, we've 1234 <|endoftext|>\u0000\u200d";

const command = {
  name: 'interchange',
  summary: `Compares the tokenizers with ${name}, where that is installed.`,
  flags: {
    packages: { kind: 'text', value: 'DIR', help: `the folder in which ${name} was installed` },
  },
  start: 'node --import tsx bench/interchange/tokenizers.ts',
  examples: ['node --import tsx bench/interchange/tokenizers.ts --packages ../scratch'],
} as const;

await runCommand(command, ({ packages = '.' }) => {
  const Foreign = load(resolve(packages));
  if (Foreign === undefined) {
    console.log(`skipped: ${packages} has no ${name}; npm install --prefix DIR ${name}, then --packages DIR`);
    return;
  }
  const path = fileURLToPath(new URL('../../data/tales.txt', import.meta.url));
  const text = normalizeText(readFileSync(path, 'utf8'));
  compare('char', Foreign, CharTokenizer.train(text), [text]);
  compare('bpe', Foreign, trainBpe(text, 1024), [text, strange]);
});

function load(folder: string): ForeignClass | undefined {
  try {
    return (createRequire(join(folder, 'package.json'))(name) as { Tokenizer: ForeignClass }).Tokenizer;
  } catch (error) {
    if ((error as { code?: string }).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** The file goes through its text, as on a disk. Throws at the first difference. */
function compare(kind: string, Foreign: ForeignClass, tokenizer: Tokenizer, texts: readonly string[]): void {
  const foreign = new Foreign(JSON.parse(JSON.stringify(tokenizer.toJSON())) as object, {});
  let count = 0;
  for (const text of texts) {
    // Line by line: a character tokenizer has no pre-tokenizer, and the package is slow on one long piece.
    for (const part of kind === 'char' ? text.split(/(?<=\n)/) : [text]) {
      const ours = tokenizer.encode(part);
      const { ids } = foreign.encode(part, { add_special_tokens: false });
      const at = ours.findIndex((id, i) => id !== ids[i]);
      if (at >= 0 || ids.length !== ours.length) {
        throw new Error(
          `${kind}: token ${at} of ${JSON.stringify(part.slice(0, 60))}: ${ours[at]} here, ${ids[at]} there`,
        );
      }
      const back = foreign.decode(ids, { clean_up_tokenization_spaces: false, skip_special_tokens: false });
      if (back !== part) throw new Error(`${kind}: decoded there as ${JSON.stringify(back.slice(0, 60))}`);
      count += ids.length;
    }
  }
  console.log(`${kind}: ${count.toLocaleString('en-US')} tokens agree with ${name}, and so does their text`);
}
