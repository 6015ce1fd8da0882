/** The page without a browser: what its own thread loads, and the list of views. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { confident, longTailed } from '../../src/lab/examples.ts';
import { views } from '../../src/lab/views/list.ts';
import { drawInStages, softmax } from '../../src/library/stages.ts';
import { Sampler } from '../../src/sample/sampler.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { RandomStream } from '../../src/tensor/random.ts';

const source = (file: string) => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');

/** All that a file makes a browser load, itself included: types are not among it. */
function loads(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, names, path] of source(file).matchAll(
    /^(?:im|ex)port (?!type )([^;]*?)\s*from '(\.[^']+)';/gms,
  )) {
    const types =
      names!.startsWith('{') &&
      names!
        .replace(/[{}\s,]/g, ' ')
        .replace(/\btype \w+/g, '')
        .trim() === '';
    if (!types) loads(join(dirname(file), path!), found);
  }
  return found;
}

describe("the page's own thread", () => {
  it('loads nothing that computes a model: that is for workers', () => {
    const files = [...loads('lab/main.ts')];
    expect(files).toContain('lab/engine/client.ts');
    expect(files).toContain('sample/sampler.ts');
    expect(
      files.filter((file) => /simd|reference\/|gpt\.ts|trainer\.ts|generate\.ts|ngram/.test(file)),
    ).toEqual([]);
    expect([...loads('lab/engine/worker.ts')]).toContain('train/trainer.ts');
  });
});

describe('the views', () => {
  it('have an address, one sentence and a source each', () => {
    expect(new Set(views.map(({ id }) => id)).size).toBe(views.length);
    for (const { id, title, instruction, source } of views) {
      expect(id).toMatch(/^[a-z-]+$/);
      expect(title.length).toBeLessThan(20);
      expect(instruction).toMatch(/^[A-Z][^.!?]*\.$/);
      expect(existsSync(new URL(`../../${source}`, import.meta.url)), source).toBe(true);
    }
  });
});

describe('a draw in stages', () => {
  const settings = {
    temperature: 0.8,
    topK: 30,
    topP: 0.9,
    minP: 0.02,
    typicalP: 0.95,
    frequencyPenalty: 0.3,
  };

  it('is the draw of the sampler, with the mass that each stage cut', () => {
    for (const { logits, history } of [confident, longTailed]) {
      const V = logits.length;
      const sampler = new Sampler(V, samplingSettings(settings, V));
      const past = { ids: [...history], length: history.length, promptLength: 0 };
      for (let drawn = 0; drawn < 20; drawn++) {
        const uniform = new RandomStream(3, 'sample').uniform(drawn, 0);
        const { stages, token, ...rest } = drawInStages(logits, settings, history, { seed: 3, drawn });
        expect(rest.uniform).toBe(uniform);
        expect(token).toBe(sampler.next(sampler.start(), logits, past, uniform));
        expect(stages.map(({ name }) => name)).toEqual(['temperature', 'topK', 'topP', 'minP', 'typicalP']);
        const [first] = stages;
        for (const { probabilities, kept, mass } of stages) {
          expect(probabilities.filter((p) => p > 0)).toHaveLength(kept);
          expect(probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 12);
          const left = first!.probabilities.reduce((sum, p, id) => sum + (probabilities[id]! > 0 ? p : 0), 0);
          expect(mass).toBeCloseTo(left, 12);
        }
        expect(stages.at(-1)!.probabilities[token]).toBeGreaterThan(0);
      }
    }
  });

  it('shows two distributions: one nearly decided, one with most of its mass in the tail', () => {
    const most = (logits: Float32Array) => Math.max(...softmax(logits));
    expect(most(confident.logits)).toBeGreaterThan(0.8);
    expect(most(longTailed.logits)).toBeLessThan(0.3);
    for (const { tokens, logits } of [confident, longTailed]) expect(tokens).toHaveLength(logits.length);
  });
});
