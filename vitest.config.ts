import { defineConfig } from 'vitest/config';

/** Unit-like suites run in parallel; end-to-end suites own real processes and disks, so they run one file at a time. */
export default defineConfig({
  test: {
    reporters: ['default', './test/closing-line.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/end-to-end/**'],
          // All cores: what is left to Vitest is one fewer, which is one of two.
          maxWorkers: '100%',
          // A machine may stand still for ten seconds and more: what waits that long has not failed.
          testTimeout: 240_000,
          hookTimeout: 120_000,
          // Packages are imported as Node imports them, not as bundlers do.
          deps: { interopDefault: false },
        },
      },
      {
        test: {
          name: 'end-to-end',
          include: ['test/end-to-end/**/*.test.ts'],
          fileParallelism: false,
          deps: { interopDefault: false },
          testTimeout: 1_200_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
