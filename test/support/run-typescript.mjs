/**
 * Runs a TypeScript program of `test/`, `man/` or `release/` outside the test runner: `node test/support/run-typescript.mjs FILE [ARG...]`.
 * Node.js 20 cannot run TypeScript, so the program is bundled first.
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

/** Keeps the URL of each module, which some find their files by. */
const keepModuleUrls = {
  name: 'keep-module-urls',
  /** @param {import('esbuild').PluginBuild} bundler */
  setup(bundler) {
    bundler.onLoad({ filter: /\/(?:release|src|test)\/.*\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};

const [file = '', ...args] = process.argv.slice(2);
// In the project, so that packages are found.
const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
await mkdir(dist, { recursive: true });
const directory = await mkdtemp(`${dist}.run-`);
const outfile = `${directory}/main.mjs`;
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
  plugins: [keepModuleUrls],
});
process.setSourceMapsEnabled(true);
process.argv.splice(1, Infinity, file, ...args);
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
await import(pathToFileURL(outfile).href);
