/** What --help says about each measure: two sentences and the paper. docs/measures.md says more. */
import { measures } from './measures.ts';
import { wrapped } from './table.ts';

const others: Readonly<Record<string, string>> = {
  'bits per character':
    'The surprise in bits, over characters instead of tokens. Unlike perplexity it compares models with different tokenizers (Shannon 1951).',
  '--mode stride':
    'Windows overlap, and each scores only its last tokens, which have context then. Slower than disjoint blocks and usually lower, so a number needs its mode beside it (huggingface.co/docs/transformers/perplexity).',
  '--score':
    'Colours each character by how surprised the model is by it. Human text surprises now and then, text that a model drew cautiously hardly ever (Gehrmann et al. 2019).',
  BLEU: 'Share of n-grams, n = 1 to 4, that a reference has too, with a penalty for short texts, 0 to 100. It compares only under the same signature: tokens, smoothing, references (Papineni et al. 2002; Post 2018).',
  'ROUGE-N, -L':
    'Overlap with the reference as precision, recall and their mean F: of n-grams, or of the longest common subsequence. ROUGE-Lsum takes it line by line (Lin 2004).',
};

export function measureHelp(): string {
  const own = Object.values(measures).flatMap(({ label, about }) =>
    about === undefined ? [] : [[label, about] as const],
  );
  const entries = [...own, ...Object.entries(others)].map(
    ([label, about]) => `  ${label}\n${wrapped(about, '      ')}`,
  );
  return ['Measures (more in docs/measures.md):', ...entries].join('\n');
}
