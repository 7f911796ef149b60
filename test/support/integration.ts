import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { describe, it } from 'vitest';

const required = process.env['MULTIARCH_INTEGRATION'] === 'required';

/** Is this command on the PATH? */
function hasTool(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Tests that need commands of others. Where one of them is missing, they are one skipped test that says which; with
 * MULTIARCH_INTEGRATION=required, a failure.
 */
export function describeIntegration(name: string, tools: readonly string[], body: () => void): void {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const notice = `needs ${missing.join(', ')} on the PATH`;
  describe(name, () => {
    if (required) {
      it(notice, () => {
        throw new Error(`${notice}, and MULTIARCH_INTEGRATION=required`);
      });
    } else {
      it.skip(notice, () => {});
    }
  });
}

/** As {@link describeIntegration}, for commands that no Debian package brings: without them, the tests are skipped always. */
export function describeOptional(name: string, tools: readonly string[], body: () => void): void {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  describe(name, () => {
    it.skip(`needs ${missing.join(', ')} on the PATH`, () => {});
  });
}
