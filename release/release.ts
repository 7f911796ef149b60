/** Makes a release: `npm run release -- X.Y.Z [--dry-run | --tagged] [--output DIRECTORY]`. See docs/releasing.md. */
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { actionTag } from './action-commit.js';
import { ROOT } from './checkout.js';
import { checkOutput, makeRelease, type Release, type ReleaseOptions } from './make-release.js';
import { runMain } from './main.js';
import { formatSize } from './notes.js';
import { ReleaseError } from './release-error.js';
import { runVisibly } from './run.js';
import { parseVersion } from './version.js';

const USAGE = 'Usage: npm run release -- X.Y.Z [--dry-run | --tagged] [--output DIRECTORY]';

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
  const { version, mode, output } = parseArguments(args);
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
  console.log(report(release, version, mode));
});

function parseArguments(args: readonly string[]): Pick<ReleaseOptions, 'version' | 'mode' | 'output'> {
  // Without `--`, npm takes the flag itself, and the release would be a real one.
  if (process.env['npm_config_dry_run'] === 'true') {
    throw new ReleaseError('npm has taken --dry-run for itself', USAGE);
  }
  const { values, positionals } = parse(args);
  const [version, ...others] = positionals;
  if (version === undefined || others.length > 0 || (values['dry-run'] && values.tagged)) {
    throw new ReleaseError('one version is required, and at most one of --dry-run and --tagged', USAGE);
  }
  const plain = version.replace(/^v/u, '');
  parseVersion(plain);
  return {
    version: plain,
    mode: values['dry-run'] ? 'dry-run' : values.tagged ? 'tagged' : 'release',
    output: values.output === undefined ? undefined : resolve(values.output),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'dry-run': { type: 'boolean', default: false },
        tagged: { type: 'boolean', default: false },
        output: { type: 'string' },
      },
    });
  } catch (error) {
    throw new ReleaseError(error instanceof Error ? error.message : String(error), USAGE);
  }
}

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

/** Returns what was done, and the files. */
function report({ commit, changed, files }: Release, version: string, mode: ReleaseOptions['mode']): string {
  const dry = mode === 'dry-run';
  const lines = [`multiarch ${version}${dry ? ' (dry run: nothing was changed)' : ''}`];
  if (mode !== 'tagged') {
    const [would, branch] = dry ? ['would change', 'would tag'] : ['changed', 'tagged'];
    lines.push(`${would} ${changed.join(', ')}`, `${branch} commit ${commit} as v${version}`);
  }
  for (const { name, size, sha256 } of files)
    lines.push(`${sha256}  ${formatSize(size).padStart(8)}  ${name}`);
  if (mode === 'release')
    lines.push('', `To publish it: git push --atomic origin HEAD v${version} ${actionTag(version)}`);
  return lines.join('\n');
}
