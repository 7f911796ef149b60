import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { describe, it } from 'vitest';

const required = process.env['MULTIARCH_INTEGRATION'] === 'required';

/** Reports whether a program is on the PATH. */
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
 * A `describe` block that needs other programs. If one is missing, the block is one skipped test that names it, or a
 * failed test with MULTIARCH_INTEGRATION=required.
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

/** Like {@link describeIntegration}, for programs without a Debian package: if one is missing, the tests are always skipped. */
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
