import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';

import { describe, expect, it } from 'vitest';

import stringWidth from '../../../src/cli/output/columns.js';
import { screenOf, symbolsOf } from '../../../src/cli/output/terminal.js';
import { artifact } from '../../support/artifact.js';
import { amd64, arm64, armv7 } from '../../support/images.js';
import { startCommandLine, type CommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const DIGEST = /sha256:[0-9a-f]*/g;
/** Narrow and wide terminals. */
const WIDTHS = [32, 40, 60, 80, 100, 120, 200];

/** A registry with two releases and drafts, whose names and values are long. */
async function start(): Promise<{ app: string; run: CommandLine['run'] }> {
  const path = 'platform-team/container-images/app';
  const { registry, host, run } = await startCommandLine({
    registry: { referrers: {}, requireChildren: false },
  });
  const app = `${host}/${path}`;
  registry.put(path, tinyIndex([amd64, arm64], { attestations: true }), '1');
  const labels = {
    'org.opencontainers.image.revision': '3c1d0f0b8e6b4b7c9a55b1f9f1f3e3e7c2a4d6f8',
    'org.opencontainers.image.source': 'https://git.example.com/platform-team/container-images/app',
    'org.opencontainers.image.base.name': 'registry.example.com/library/alpine:3.20',
  };
  const fixed = tinyImage({ architecture: 'amd64', text: 'Fixed\n', labels });
  const annotations = {
    'org.opencontainers.image.description': `A description longer than most terminals are wide. ${'長い説明'.repeat(12)}`,
    'org.example.token': 'x'.repeat(150),
  };
  const index = tinyIndex([fixed, armv7], { attestations: true });
  registry.put(path, index);
  const value = JSON.parse(Buffer.from(index.bytes).toString()) as object;
  registry.putManifest(path, Buffer.from(JSON.stringify({ ...value, annotations })), index.mediaType, '2');
  registry.put(path, artifact(fixed.manifest, { type: 'application/vnd.cncf.notary.signature' }));
  await run(['create', `${app}:draft-of-a-long-name`, `${app}:1`]);
  await run(['create', `${app}:other`, `${app}@${amd64.manifest.digest}`]);
  return { app, run };
}

const COMMANDS: readonly (readonly [name: string, argv: (app: string) => readonly string[]])[] = [
  ['inspect --format table', (app) => ['inspect', '--format', 'table', `${app}:2`]],
  [
    'the table of an image',
    (app) => ['inspect', '--format', 'table', `${app}:2`, '--platform', 'linux/amd64'],
  ],
  ['inspect --format tree', (app) => ['inspect', '--format', 'tree', `${app}:2`]],
  ['diff', (app) => ['diff', `${app}:1`, `${app}:2`]],
  ['ls', () => ['ls']],
  ['push --dry-run', (app) => ['push', '--dry-run', `${app}:draft-of-a-long-name`]],
];

describe.each(COMMANDS)('%s', (name, argv) => {
  it('fits on terminals of all widths and kinds, and splits no digest', async () => {
    const { app, run } = await start();
    const output = async (options: Parameters<typeof run>[1], ...more: string[]): Promise<string> => {
      const { stdout, stderr } = await run([...argv(app), '--progress', 'none', ...more], options);
      expect(stderr).toBe('');
      return stdout;
    };
    const lines = (text: string): string[] => stripVTControlCharacters(text).trimEnd().split('\n');
    for (const columns of WIDTHS) {
      const shown = lines(await output({ isTTY: true, columns }));
      for (const line of name === 'push --dry-run' ? shown.slice(0, -1) : shown) {
        expect(stringWidth(line), line).toBeLessThanOrEqual(columns);
        expect(line).toBe(line.trimEnd());
        for (const [digest] of line.matchAll(DIGEST)) {
          expect(line.includes(`${digest}…`) ? digest.length >= 11 : digest.length === 71, line).toBe(true);
        }
      }
    }
    const piped = await output({ columns: 40, env: { COLUMNS: '40' } });
    expect(piped).not.toContain('…');
    expect(piped).not.toContain('\u001b');
    if (name === 'push --dry-run') return;
    const wide = await output({ isTTY: true, columns: 40 }, '--wide');
    expect(await output({ isTTY: true, columns: 0 })).toBe(wide);
    expect(wide).not.toContain('…');
    for (const env of [{ LANG: 'C' }, { LC_ALL: 'POSIX', LANG: 'en_US.UTF-8' }, { TERM: 'linux' }]) {
      const shown = await output({ isTTY: true, columns: 60, env: { NO_COLOR: '1', ...env } });
      expect(shown.replaceAll(/[長い説明]/g, '')).toMatch(/^[\n -~]*$/);
    }
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      expect(await output({ isTTY: true, columns: 80, env })).not.toContain('\u001b');
    }
  });
});

describe('a screen', () => {
  const screen = (columns: number | undefined, env: NodeJS.ProcessEnv = {}, isTTY = true) =>
    screenOf({ stdout: Object.assign(new PassThrough(), { isTTY, ...(columns && { columns }) }), env });

  it.each<[what: string, width: number, ...Parameters<typeof screen>]>([
    ['a terminal', 80, 80],
    ['COLUMNS', 40, 80, { COLUMNS: '40' }],
    ['COLUMNS for a terminal of 0 columns', 40, 0, { COLUMNS: '40' }],
    ['COLUMNS that is no number', 80, 80, { COLUMNS: 'wide' }],
    ['COLUMNS of 0', 80, 80, { COLUMNS: '0' }],
    ['a terminal of 0 columns', Infinity, 0],
    ['a pipe', Infinity, undefined, { COLUMNS: '40' }, false],
  ])('has the width of %s', (_what, width, ...args) => {
    expect(screen(...args).width).toBe(width);
  });

  it.each([
    [{}, true, '…'],
    [{ LANG: 'en_US.UTF-8' }, true, '…'],
    [{ LANG: 'C.utf8' }, true, '…'],
    [{ LANG: 'C' }, true, '...'],
    [{ LANG: 'C' }, false, '...'],
    [{ LC_CTYPE: 'de_DE.ISO-8859-1', LANG: 'de_DE.UTF-8' }, true, '...'],
    [{ LC_ALL: 'C.UTF-8', LC_CTYPE: 'C', LANG: 'C' }, true, '…'],
    [{ TERM: 'linux', LANG: 'en_US.UTF-8' }, true, '...'],
    [{ TERM: 'linux', LANG: 'en_US.UTF-8' }, false, '…'],
  ])('with %j (terminal: %s) shortens with %s', (env, isTerminal, ellipsis) => {
    expect(symbolsOf(env, isTerminal).ellipsis).toBe(ellipsis);
  });
});
