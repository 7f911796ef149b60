import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const support = fileURLToPath(new URL('../support/', import.meta.url));

/**
 * What the tests have in TypeScript, which Node cannot run as it is.
 *
 * @typedef {object} Support
 * @property {typeof import('../support/memory-registry.js').MemoryRegistry} MemoryRegistry
 * @property {typeof import('../support/fake-server.js').FakeServer} FakeServer
 * @property {typeof import('../support/fake-server.js').sequentialDepth} sequentialDepth
 * @property {typeof import('../support/fake-server.js').mostAtOnce} mostAtOnce
 * @property {typeof import('../support/large-image.js').seedLargeImage} seedLargeImage
 * @property {typeof import('../support/docker-registry.js').startRegistry} startRegistry
 * @property {typeof import('../support/repository.js').Repository} Repository
 * @property {typeof import('../support/token-server.js').TokenServer} TokenServer
 */

const SUPPORT = [
  'memory-registry',
  'fake-server',
  'large-image',
  'docker-registry',
  'repository',
  'token-server',
];

/** @type {Promise<Support> | undefined} */
let loaded;

/** Bundles and loads it, once. */
export function loadSupport() {
  return (loaded ??= load());
}

/** @returns {Promise<Support>} */
async function load() {
  // In the project, so that nothing that is imported is looked for elsewhere.
  const directory = await mkdtemp(join(support, '.bundle-'));
  try {
    const outfile = join(directory, 'support.mjs');
    await build({
      stdin: {
        contents: SUPPORT.map((name) => `export * from './${name}.ts';`).join('\n'),
        resolveDir: support,
      },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The account of registries that ask for a token. */
export const ACCOUNT = { kind: /** @type {const} */ ('bearer'), username: 'ann', password: 'secret' };
