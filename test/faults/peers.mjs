// Runs multiarch, docker manifest, crane, oras and buildx, as far as they are on the PATH, against the same faults. Takes
// minutes. Needs a build: `npm run build && node test/faults/peers.mjs`
import { rm } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const outfile = fileURLToPath(new URL('../../dist/peers.mjs', import.meta.url));
await build({
  entryPoints: [fileURLToPath(new URL('matrix/run-peers.ts', import.meta.url))],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'warning',
});
const { runPeers } = await import(pathToFileURL(outfile).href);
await rm(outfile);
await runPeers();
