/** A vitest reporter that ends every run with one plain line: `N passed, N failed, N skipped`. */
import type { Reporter, TestModule } from 'vitest/node';

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules)
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    // A module that could not even be loaded has no tests, and is a failure all the same.
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const [failed, skipped] = [count.failed + broken, count.skipped + count.pending];
    console.log(`\n${count.passed} passed, ${failed} failed, ${skipped} skipped`);
  }
}
