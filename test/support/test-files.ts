import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TESTS = fileURLToPath(new URL('..', import.meta.url));

/** How a test file obtains certificates outside `describeIntegration`. */
const USES_OPENSSL = /support\/(?:certificates|tls-server-files)\.js'|mustRun\('openssl'/;

/**
 * How a test file replaces modules, which every later file in the same process would get too, or runs in virtual time, which
 * stands still while a file before it has left anything running.
 */
const NEEDS_OWN_PROCESS = /\bvi\.(?:mock|doMock)\(|matrix\/run-cell\.js'/;

/**
 * The test files to exclude on a machine without openssl, which creates the certificates of the TLS tests. Prints a
 * notice. Empty if openssl exists or MULTIARCH_INTEGRATION requires it. Integration tests skip themselves.
 */
export function filesWithoutTheirTools(): string[] {
  const isRequired = process.env['MULTIARCH_INTEGRATION'] === 'required';
  if (isRequired || spawnSync('openssl', ['version']).error === undefined) return [];
  const files = filesThat(USES_OPENSSL).filter((file) => !file.startsWith('test/integration/'));
  console.warn(`openssl is not on the PATH: skipping ${files.join(', ')}`);
  return files;
}

/** The test files that need a process of their own. */
export function filesToIsolate(): string[] {
  return ['test/integration/**/*.test.ts', ...filesThat(NEEDS_OWN_PROCESS)];
}

function filesThat(pattern: RegExp): string[] {
  return readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.test.ts') && pattern.test(readFileSync(TESTS + file, 'utf8')))
    .map((file) => `test/${file}`);
}
