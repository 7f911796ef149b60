import { onTestFinished } from 'vitest';

import { sharedDirectory } from './sandbox.js';

/** Makes a temporary directory that is removed after the test. For tests and `beforeEach`. */
export async function temporaryDirectory(): Promise<string> {
  const { directory, remove } = await sharedDirectory();
  onTestFinished(remove);
  return directory;
}
