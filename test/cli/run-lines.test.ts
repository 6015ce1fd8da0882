import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellWord } from '../../src/cli/host/printable.ts';
import {
  baselineLine,
  closingLines,
  completeLines,
  headLines,
  indented,
  stoppedLines,
} from '../../src/cli/train/lines.ts';
import { oneText } from '../../src/train/documents.ts';
import type { EvaluationMetrics } from '../../src/train/metrics.ts';
import { tinyConfig } from '../support/models.ts';
import { runSettings } from '../support/runs.ts';

describe('a command that can be copied', () => {
  it.each(['runs/nano', 'a b  c', "it's", '$HOME/`x`', '', 'näh', '*;&|<>"\\', "'"])(
    'means %j to a shell',
    (path) => {
      const word = shellWord(path);
      expect(execFileSync('sh', ['-c', `printf %s ${word}`], { encoding: 'utf8' })).toBe(path);
    },
  );

  it('is quoted only where it must be', () => {
    expect(stoppedLines(18, 40, 'runs/nano-2')).toEqual([
      'stopped after step 18 of 40; to go on: npm run train -- --resume runs/nano-2',
      'what it has learned so far is in report.html there; to sample: npm run sample -- --run runs/nano-2',
    ]);
    expect(stoppedLines(18, 40, 'a b')[0]).toMatch(/ -- --resume 'a b'$/);
  });
});

describe('the head of a run', () => {
  it('counts one as one', () => {
    const split = { train: new Int32Array(1000), validation: new Int32Array(100) };
    const config = { ...tinyConfig, layers: 1, heads: 1, channels: 8, contextLength: 16, vocabSize: 30 };
    expect(headLines('a.txt', split, config, 1234, undefined)).toEqual([
      'a.txt; 1,000 tokens to learn from, 100 held out, vocabulary 30',
      'model: 1 layer, 1 head, 8 channels, context 16: 1,234 parameters',
    ]);
    expect(headLines('a.txt', split, config, 1, 'runs/x/best')[1]).toMatch(
      /: 1 parameter, starting from runs\/x\/best$/,
    );
  });

  it('says which n-gram is the best, which need not be the longest', () => {
    const baselines = [3.4, 2.9, 2.5, 2.7].map((nll, order) => ({ order, nll }));
    expect(baselineLine(baselines, true)).toBe(
      'to beat: uniform guess 3.400, unigram 2.900, 2-gram 2.500, 3-gram 2.700 nats per character; the best of them is the 2-gram',
    );
  });
});

describe('the end of a run', () => {
  const final: EvaluationMetrics = {
    kind: 'final',
    ...{ step: 200, tokensScored: 2000, nll: 1.7595, standardError: 0.0123 },
    ...{ perplexity: 5.8095, bitsPerChar: 2.5384, best: false },
  };
  const run = { path: 'runs/x', corpus: oneText('the cat sat'), seconds: 25, since: undefined, step: 500 };

  it('is about the best model, and says which that is', () => {
    expect(closingLines({ final, texts: ['the cat\nzat on th'] }, run)).toEqual([
      '',
      'trained in 25s',
      'best: the model of step 200 of 500; npm run sample and eval use that',
      'validation 1.7595 nats per token (standard error 0.0123)',
      'perplexity 5.809, 2.538 bits per character, over all 2,000 held-out tokens',
      '',
      'a sample, at temperature 0.8 and top-p 0.95:',
      '    the cat\n    zat on',
      '',
      'words: 50 % of 4 in the corpus',
      'saved in runs/x, with report.html to look at; to go on from a prompt: npm run sample -- --run runs/x',
    ]);
  });

  it('says so when it is the last, counts since a resume, and has both units of BPE in one line', () => {
    const lines = closingLines(
      { final: { ...final, step: 500, natsPerChar: 0.8231 }, texts: [''] },
      { ...run, since: 300 },
    );
    expect(lines.slice(1, 4)).toEqual([
      'trained in 25s, since the resume after step 300',
      'best: the model of step 500, the last; npm run sample and eval use that',
      'validation 1.7595 nats per token (standard error 0.0123) and 0.8231 nats per character',
    ]);
  });

  it('is known when the run is resumed once more', () => {
    const state = {
      ...{ version: 3, step: 12, best: null, evaluationsSinceBest: 0, settings: runSettings },
      ...{ preset: 'nano', data: 'x', corpusSha256: 'x', arithmetic: 'x' },
    };
    expect(completeLines(state, 'runs/x')[0]).toBe(
      'this run is complete: 12 of 12 steps; raise --steps to go on',
    );
    const patient = { ...state, step: 9, evaluationsSinceBest: 2, settings: { ...runSettings, patience: 2 } };
    expect(completeLines(patient, 'runs/x')[0]).toBe(
      'this run is complete: it stopped early after step 9 of 12; a new run can start from it: npm run train -- --init runs/x',
    );
  });
});

describe('a sample among other lines', () => {
  it.each([
    ['one two thr', '    one two'],
    ['\n\none\n\ntwo t', '    one\n\n    two'],
    ['one two\n', '    one two'],
    ['一只狐狸和一个渔', '    一只狐狸和一个渔'],
    ['漢字\ufffd\ufffd', '    漢字'],
    ['', ''],
  ])('%j is shown as %j', (text, shown) => {
    expect(indented(text)).toBe(shown);
  });
});
