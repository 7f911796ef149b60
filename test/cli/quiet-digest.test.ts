import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { digestOf } from '../../src/oci/digest.js';
import { amd64, arm64, attested } from '../support/images.js';
import { startCommandLine } from '../support/in-process.js';
import { startRegistry } from '../support/open-repository.js';

/** A registry with images, another one to publish to, and an index that is a draft. */
async function start() {
  const {
    registry: from,
    app: source,
    directory,
    run,
  } = await startCommandLine({
    images: { amd64, arm64, index: attested },
  });
  const to = await startRegistry();
  const list = `${to.host}/team/app:1.2`;
  const [outputs, summary] = [join(directory, 'outputs'), join(directory, 'summary')];
  await Promise.all([writeFile(outputs, ''), writeFile(summary, '')]);
  const env = { GITHUB_OUTPUT: outputs, GITHUB_STEP_SUMMARY: summary };
  const call = (...argv: readonly string[]) => run(argv, { env });
  await call('create', list, `${source}:amd64`, `${source}:arm64`);
  return { from, to, source, list, directory, call };
}

/** The calls whose standard output a script may keep, each with the content that it copies from the first registry. */
const COMMANDS: readonly (readonly [
  name: string,
  argv: (list: string, source: string) => readonly string[],
])[] = [
  ['push', (list) => ['push', list]],
  ['create --push', (list, source) => ['create', '-a', list, `${source}:arm64`, '--push']],
  ['copy', (list, source) => ['copy', `${source}:index`, list]],
];

const SITUATIONS: readonly (readonly [string, readonly string[]])[] = [
  ['copied images', []],
  ['several tags', ['--tag', '1', '-t', 'latest']],
  ['a tag elsewhere', ['--tag', 'ELSEWHERE']],
  ['referrers', ['--referrers']],
  ['a dry run', ['--dry-run']],
  ['a dry run with referrers', ['--dry-run', '--referrers']],
  ['report files', ['--digest-file', 'DIRECTORY/digest', '--metadata-file', 'DIRECTORY/metadata']],
  ['statistics and the request log', ['--stats', '--debug']],
  ['progress', ['--progress', 'plain']],
];
const ONLY_PUSH: readonly (readonly [string, readonly string[]])[] = [
  ['--purge', ['--purge']],
  ['GitHub Actions', ['--github']],
  ['everything', ['-p', '-t', 'latest', '--github', '--referrers', '--allow-nondistributable']],
];

describe.each(COMMANDS)('with --quiet, %s prints exactly the digest', (command, argv) => {
  it.each(command === 'copy' ? SITUATIONS : [...SITUATIONS, ...ONLY_PUSH])('%s', async (_, flags) => {
    const { from, to, list, source, directory, call } = await start();
    const given = flags.map((flag) =>
      flag.replace('ELSEWHERE', `${from.host}/mirror/app:1`).replace('DIRECTORY', directory),
    );
    const { code, stdout, stderr } = await call(...argv(list, source), '--quiet', ...given);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    if (given.includes('--dry-run')) return;
    const { digest, bytes } = to.manifest('team/app', '1.2') ?? { bytes: Buffer.alloc(0) };
    expect(stdout).toBe(`${digest}\n`);
    expect(digestOf(bytes)).toBe(digest);
    if (given.includes('--digest-file')) {
      expect(await readFile(join(directory, 'digest'), 'utf8')).toBe(digest);
    }
    // A rerun, which changes nothing.
    if (command === 'copy') expect((await call(...argv(list, source), '-q', ...given)).stdout).toBe(stdout);
  });

  it('nothing if it fails', async () => {
    const { list, source, call } = await start();
    const failed = await call(...argv(list, source), '-q', '--expect-current', amd64.manifest.digest);
    expect(failed).toMatchObject({ code: 7, stdout: '' });
  });
});

it("without --quiet, push prints docker's lines, the digest last", async () => {
  const { to, list, call } = await start();
  const { stdout } = await call('push', list);
  const lines = [amd64, arm64].map(
    ({ manifest: { digest } }) => `Pushed ref ${to.host}/team/app@${digest} with digest: ${digest}\n`,
  );
  expect(stdout).toBe(`${lines.join('')}${to.manifest('team/app', '1.2')?.digest}\n`);
});
