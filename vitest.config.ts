import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By path, on every machine. What starts processes, and takes longest, is in bench and cli; vitest would begin with long files,
 * so a clone's first run would end with one worker alone at bench/cli.test.ts, ten seconds in fifty lines. */
class ByPath extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

export default defineConfig({
  // All cores: by default vitest leaves one to its own process, which on two cores is half of them. Files of a worker share
  // their modules and kernels, which saves a quarter of the time: no suite keeps state where another could find it.
  // Hooks start processes, as tests do.
  test: {
    isolate: false,
    include: ['test/**/*.test.ts'],
    sequence: { sequencer: ByPath },
    globalSetup: 'test/support/built.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: '100%',
  },
});
