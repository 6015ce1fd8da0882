import { defineConfig } from 'vitest/config';

export default defineConfig({
  // All cores: by default vitest leaves one to its own process, which on two cores is half of them.
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, maxWorkers: '100%' },
});
