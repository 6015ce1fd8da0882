import { defineConfig } from 'vitest/config';

export default defineConfig({
  // All cores: by default vitest leaves one to its own process, which on two cores is half of them. Files of a worker share
  // their modules and kernels, which saves a quarter of the time: no suite keeps state where another could find it.
  // Hooks start processes, as tests do.
  test: {
    isolate: false,
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/built.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: '100%',
  },
});
