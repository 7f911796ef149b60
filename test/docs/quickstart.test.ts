import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { MemoryRegistry } from '../support/memory-registry.js';
import { run } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { root } from './markdown.js';

/** The files that `npm run quickstart` needs. */
const NEEDED = [
  'bin',
  'src',
  'action',
  'schemas',
  'docs/quickstart.mjs',
  'test/support',
  'build.mjs',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
];

let sandbox: Sandbox;
let registry: MemoryRegistry;
beforeEach(async () => {
  sandbox = await makeSandbox();
  registry = await MemoryRegistry.start();
});
afterEach(async () => {
  await registry.close();
  await sandbox.remove();
});

// Runs in a copy, because it builds, and other tests use the build of this checkout.
it('npm run quickstart builds, joins two images and publishes them to the given registry', async () => {
  const checkout = join(sandbox.directory, 'checkout');
  await mkdir(join(checkout, 'docs'), { recursive: true });
  for (const name of NEEDED) await cp(join(root, name), join(checkout, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));

  const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'quickstart', '--', registry.host], {
    cwd: checkout,
    env: { ...sandbox.env, TMPDIR: sandbox.directory },
    timeout: 120_000,
  });

  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  const published = registry.manifest('quickstart', '1.2');
  expect(published?.mediaType).toBe('application/vnd.oci.image.index.v1+json');
  expect(stdout).toContain(`${published?.digest}\n`);
  expect(stdout).toContain('linux/arm64/v8');
}, 120_000);
