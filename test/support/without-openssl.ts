import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TESTS = fileURLToPath(new URL('..', import.meta.url));

/** How a test file obtains certificates outside `describeIntegration`. */
const USES_OPENSSL = /support\/(?:certificates|tls-server-files)\.js'|mustRun\('openssl'/;

/**
 * The test files to exclude on a machine without openssl, which creates the certificates of the TLS tests. Prints a
 * notice. Empty if openssl exists or MULTIARCH_INTEGRATION requires it. Integration tests skip themselves.
 */
export function filesToExclude(): string[] {
  const isRequired = process.env['MULTIARCH_INTEGRATION'] === 'required';
  if (isRequired || spawnSync('openssl', ['version']).error === undefined) return [];
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.test.ts') && !file.startsWith('integration/'))
    .filter((file) => USES_OPENSSL.test(readFileSync(TESTS + file, 'utf8')))
    .map((file) => `test/${file}`);
  console.warn(`openssl is not on the PATH: skipping ${files.join(', ')}`);
  return files;
}
