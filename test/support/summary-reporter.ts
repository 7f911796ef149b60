import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/**
 * Prints the last line of a run for programs: `12 passed, 1 failed, 3 skipped`. It must be the last reporter. Failures
 * outside of tests (a file that cannot be loaded, a hook, an unhandled rejection) count as failed.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: (typeof states)[number]): number => states.filter((each) => each === state).length;
    const broken = modules.flatMap((module) => [
      ...module.errors(),
      ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
    ]);
    const failed = count('failed') + broken.length + unhandled.length;
    // A test that never got to run, for one because the run was interrupted, has not passed.
    const skipped = count('skipped') + count('pending');
    process.stdout.write(`${count('passed')} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
