/** What it costs to save everything that training can go on from, flushed to the disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFolder } from '../src/cli/host/files.ts';
import { CharTokenizer } from '../src/model/text/tokenizer.ts';
import { type PresetName, presets } from '../src/train/presets.ts';
import { encodeState } from '../src/train/state.ts';
import type { Trainer } from '../src/train/trainer.ts';
import { inTurns, median } from './measure.ts';

/** Milliseconds, the median. */
export function measureCheckpoint(trainer: Trainer, preset: PresetName, seconds: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'inkling-bench-'));
  const V = trainer.model.config.vocabSize;
  const tokenizer = CharTokenizer.train(String.fromCodePoint(...Array.from({ length: V }, (_, i) => 65 + i)));
  const identity = { preset: '', data: '', corpusSha256: '', arithmetic: '' };
  const settings = { ...presets[preset].train, patience: 0, seed: 1 };
  const save = () => {
    const files = encodeState(trainer, tokenizer, identity, settings, {
      best: null,
      evaluationsSinceBest: 0,
    });
    writeFolder(join(folder, 'step'), files);
  };
  try {
    save();
    const [times] = inTurns([save], { seconds, least: 1, most: 15 });
    return median(times!);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
