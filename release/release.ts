/** Makes a release: `npm run release -- X.Y.Z [--dry-run | --tagged] [--output DIRECTORY]`. See docs/releasing.md. */
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { parseArguments } from './arguments.js';
import { ROOT } from './checkout.js';
import { checkOutput, makeRelease, type ReleaseOptions } from './make-release.js';
import { runMain } from './main.js';
import { formatReport } from './report.js';
import { runVisibly } from './run.js';

const interrupted = new AbortController();
const { signal } = interrupted;

const STEPS: ReleaseOptions['steps'] = {
  async install(directory) {
    await runVisibly('npm', ['ci', '--no-audit', '--no-fund'], { directory, signal });
    await shareDownloads(directory);
  },
  check: (directory) => runVisibly('npm', ['run', 'check'], { directory, signal }),
  build: (directory, files) =>
    runVisibly('npm', ['run', 'release:files', '--', files], { directory, signal }),
};

await runMain(async (args) => {
  const { version, mode, output } = parseArguments(args, process.env);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => interrupted.abort());
  }
  if (output !== undefined) await checkOutput(output);
  const release = await makeRelease({
    root: ROOT,
    version,
    mode,
    output: output ?? (mode === 'dry-run' ? undefined : resolve(ROOT, 'dist/release')),
    steps: STEPS,
    nodeVersion: process.versions.node,
    now: new Date(),
    log: (line) => console.error(`==> ${line}`),
    signal,
  });
  console.log(formatReport(release, { version, mode }));
});

/** Lets the builders in a checkout use the pinned downloads of this one, whose digests they verify. */
async function shareDownloads(checkout: string): Promise<void> {
  for (const name of ['multiarch', 'multiarch-release']) {
    const [own, other] = [ROOT, checkout].map((folder) => join(folder, 'node_modules/.cache', name));
    if (own === undefined || other === undefined) continue;
    await mkdir(own, { recursive: true });
    await mkdir(dirname(other), { recursive: true });
    await symlink(own, other);
  }
}
