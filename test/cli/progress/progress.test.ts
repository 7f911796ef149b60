import { PassThrough } from 'node:stream';

import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import type { GlobalOptions } from '../../../src/cli/global-options.js';
import { startProgress } from '../../../src/cli/progress/progress.js';
import type { WorkEvent } from '../../../src/content/events.js';
import { digestOf } from '../../../src/oci/digest.js';
import { OCI_MANIFEST } from '../../../src/oci/media-type.js';
import { parsePlatform } from '../../../src/oci/platform.js';
import { parseTag } from '../../../src/oci/reference.js';
import { Screen } from '../../support/screen.js';
import { type Progress } from '../../../src/cli/output/output.js';

const OPTIONS = { progress: 'auto', concurrency: 8, retries: 4 } as GlobalOptions;

const digest = digestOf(new TextEncoder().encode('blob'));
const short = `${digest.slice(0, 19)}…`;
const repository = 'example.com/app';
const entry = (platform?: string) => ({
  mediaType: OCI_MANIFEST,
  digest,
  size: 1,
  ...(platform !== undefined && { platform: parsePlatform(platform) }),
});
const blob = (seed: string): WorkEvent & { kind: 'blob-started' } => ({
  kind: 'blob-started',
  digest: digestOf(new TextEncoder().encode(seed)),
  size: 31_000_000,
});

/** Each event with its plain line, if it has one. */
const EVENTS: readonly (readonly [event: WorkEvent, line: string | undefined])[] = [
  [
    {
      kind: 'resolved',
      source: 'app:1',
      entries: [entry('linux/arm/v7'), entry('linux/amd64'), entry('unknown/unknown')],
    },
    'Read app:1: linux/arm/v7, linux/amd64',
  ],
  [{ kind: 'resolved', source: 'app:2', entries: [entry()] }, 'Read app:2: no platform'],
  [{ kind: 'blob-started', digest, size: 5 }, undefined],
  [{ kind: 'blob-progress', digest, bytes: 5 }, undefined],
  [{ kind: 'blob-done', digest, size: 31_000_000, outcome: 'copied' }, `Copied: ${short} (31 MB)`],
  [{ kind: 'blob-done', digest, size: 5, outcome: 'mounted' }, `Mounted: ${short} (5 B)`],
  [{ kind: 'blob-done', digest, size: 5, outcome: 'present' }, `Already present: ${short} (5 B)`],
  [{ kind: 'child-pushed', repository, digest }, `Pushed ${repository}@${digest}`],
  [{ kind: 'tagged', repository, tag: parseTag('v1'), digest, outcome: 'moved' }, `Tagged ${repository}:v1`],
  [
    { kind: 'tagged', repository, tag: parseTag('v1'), digest, outcome: 'unchanged' },
    `${repository}:v1 is already up to date`,
  ],
  // The command prints warnings itself, except with --quiet.
  [{ kind: 'warning', message: 'beware' }, undefined],
];

const warning = (text: string) => ({ level: 'warn', event: 'warning', message: text, text }) as const;

let started: Progress | undefined;

function start(
  options: Partial<GlobalOptions>,
  {
    stdout = new PassThrough(),
    stderr = new PassThrough(),
    env = {},
  }: {
    stdout?: PassThrough | Screen;
    stderr?: PassThrough | Screen;
    env?: NodeJS.ProcessEnv;
  },
): { progress: Progress; stderr: () => string } {
  const progress = startProgress(
    { ...OPTIONS, ...options },
    { stdout, stderr, stdin: new PassThrough(), env },
  );
  started = progress;
  const read = (): string =>
    stderr instanceof Screen ? stderr.text : String((stderr.read() as Buffer | null) ?? '');
  return { progress, stderr: read };
}

// Before the clock is replaced.
beforeAll(() => import('ora'));
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  started?.stop();
  vi.useRealTimers();
});

describe('plain progress', () => {
  it.each(EVENTS)('%j', (event, line) => {
    const { progress, stderr } = start({}, {});
    progress.show(event);
    expect(stderr()).toBe(line === undefined ? '' : `${line}\n`);
  });

  it('prints a heartbeat every ten seconds during a transfer', async () => {
    const { progress, stderr } = start({}, {});
    progress.show({ kind: 'blob-started', digest, size: 31_000_000 });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(stderr()).toBe('');
    progress.show({ kind: 'blob-progress', digest, bytes: 12_000_000 });
    await vi.advanceTimersByTimeAsync(1);
    expect(stderr()).toBe(`… ${short} 12 MB of 31 MB\n`);
    progress.show({ kind: 'blob-progress', digest, bytes: -12_000_000 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(stderr()).toBe(`… ${short} 0 B of 31 MB\n`);
    progress.show({ kind: 'blob-done', digest, size: 31_000_000, outcome: 'copied' });
    expect(stderr()).toBe(`Copied: ${short} (31 MB)\n`);
  });

  it('prints a heartbeat during other long steps, such as compressing layers', async () => {
    const { stderr } = start({}, {});
    await vi.advanceTimersByTimeAsync(9_999);
    expect(stderr()).toBe('');
    await vi.advanceTimersByTimeAsync(10_001);
    expect(stderr()).toBe('… still working\n'.repeat(2));
  });

  it('prints speed and time left with the heartbeat, for each blob and in total', async () => {
    const { progress, stderr } = start({}, {});
    const other = blob('other');
    progress.show({ kind: 'blob-started', digest, size: 31_000_000 });
    progress.show(other);
    for (let second = 0; second < 10; second += 1) {
      progress.show({ kind: 'blob-progress', digest, bytes: 1_000_000 });
      progress.show({ kind: 'blob-progress', digest: other.digest, bytes: 2_000_000 });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(stderr()).toBe(
      `… ${short} 10 MB of 31 MB, 1.0 MB/s, 21 s left\n` +
        `… ${other.digest.slice(0, 19)}… 20 MB of 31 MB, 2.0 MB/s, 6 s left\n` +
        '… 30 MB of 62 MB, 3.0 MB/s, 11 s left\n',
    );
  });

  it('prints no heartbeat after it is stopped', async () => {
    const { progress, stderr } = start({}, {});
    progress.show(blob('a'));
    progress.stop();
    progress.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stderr()).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe.each([{ quiet: true }, { progress: 'none' }] as const)('no progress, by %j', (options) => {
  it.each([
    ['a terminal', new Screen()],
    ['a file', new PassThrough()],
  ])('shows only printed lines on %s', async (_what, stream) => {
    const { progress, stderr } = start(options, { stderr: stream });
    for (const [event] of EVENTS) progress.show(event);
    await vi.advanceTimersByTimeAsync(60_000);
    progress.log(warning('an error'));
    progress.stop();
    expect(stderr().trimEnd()).toBe('an error');
  });
});

describe('drawn progress', () => {
  it('shows no spinner for short work', async () => {
    const screen = new Screen();
    const { progress } = start({}, { stderr: screen });
    const [event] = EVENTS[0] ?? [blob('a')];
    progress.show(event);
    await vi.advanceTimersByTimeAsync(199);
    progress.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(screen.written).toBe('Read app:1: linux/arm/v7, linux/amd64\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not start if stopped while ora is loading', async () => {
    const screen = new Screen();
    const { progress } = start({}, { stderr: screen });
    vi.advanceTimersByTime(200);
    progress.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    await vi.dynamicImportSettled();
    expect(screen.written).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('draws running transfers below finished steps, and erases them', async () => {
    const screen = new Screen();
    const { progress } = start({}, { stderr: screen });
    await vi.advanceTimersByTimeAsync(300);
    expect(screen.text).toMatch(/^\S Working$/);
    progress.show({ kind: 'blob-started', digest, size: 31_000_000 });
    progress.show({ kind: 'blob-progress', digest, bytes: 12_000_000 });
    progress.log(warning('a warning'));
    await vi.advanceTimersByTimeAsync(300);
    expect(screen.text).toMatch(new RegExp(`^a warning\n\\S Working\n  ${short} 12 MB of 31 MB$`));
    progress.show({ kind: 'blob-done', digest, size: 31_000_000, outcome: 'copied' });
    progress.show({ kind: 'child-pushed', repository, digest });
    await vi.advanceTimersByTimeAsync(300);
    expect(screen.text).toMatch(
      new RegExp(`^a warning\nPushed ${repository}@${digest}\n\\S Working: 1 blob done$`),
    );
    progress.stop();
    progress.stop();
    expect(screen.text).toBe(`a warning\nPushed ${repository}@${digest}`);
    expect(vi.getTimerCount()).toBe(0);
    progress.log(warning('after'));
    expect(screen.text.endsWith('\nafter')).toBe(true);
  });

  it('shows speed and time left, for each blob and in total', async () => {
    const screen = new Screen();
    const { progress } = start({}, { stderr: screen });
    const other = blob('other');
    progress.show({ kind: 'blob-started', digest, size: 31_000_000 });
    progress.show(other);
    for (let second = 0; second < 10; second += 1) {
      progress.show({ kind: 'blob-progress', digest, bytes: 1_000_000 });
      progress.show({ kind: 'blob-progress', digest: other.digest, bytes: 2_000_000 });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(screen.text.split('\n').map((line) => line.slice(2))).toEqual([
      'Working: 30 MB of 62 MB, 3.0 MB/s, 11 s left',
      `${short} 10 MB of 31 MB, 1.0 MB/s, 21 s left`,
      `${other.digest.slice(0, 19)}… 20 MB of 31 MB, 2.0 MB/s, 6 s left`,
    ]);
  });

  it('counts the blobs that exceed the maximum of lines', async () => {
    const screen = new Screen();
    const { progress } = start({}, { stderr: screen });
    for (let count = 0; count < 10; count += 1) progress.show(blob(String(count)));
    await vi.advanceTimersByTimeAsync(400);
    const lines = screen.text.split('\n');
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toBe('  and 2 more');
    progress.stop();
    expect(screen.text).toBe('');
  });

  it('does not change lines wider than the terminal', async () => {
    const screen = new Screen({ columns: 200 });
    const { progress } = start({}, { stderr: screen });
    await vi.advanceTimersByTimeAsync(300);
    progress.log(warning('x'.repeat(150)));
    progress.stop();
    expect(screen.text).toBe('x'.repeat(150));
  });

  it.each([
    ['with colours', {}, true],
    ['without, by NO_COLOR', { NO_COLOR: '1' }, false],
  ])('%s', async (_what, env, colored) => {
    const screen = new Screen();
    start({}, { stderr: screen, env });
    await vi.advanceTimersByTimeAsync(300);
    expect(screen.text).toMatch(/Working$/);
    // Whether there are colours at all is up to the terminal that the tests run in.
    if (!colored) expect(screen.written).not.toMatch(/\[\d*m/);
  });

  it.each([
    ['a terminal of no columns', new Screen({ columns: 0 }), {}],
    ['a CI system', new Screen(), { CI: 'true' }],
    ['a CI system', new Screen(), { CI: '1' }],
    ['a dumb terminal', new Screen(), { TERM: 'dumb' }],
  ])('is plain on %s', async (_what, screen, env) => {
    const { progress } = start({}, { stderr: screen, env });
    progress.show({ kind: 'blob-done', digest, size: 5, outcome: 'copied' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(screen.written).toBe(`Copied: ${short} (5 B)\n`);
  });

  it('is plain if requested', async () => {
    const screen = new Screen();
    start({ progress: 'plain' }, { stderr: screen });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(screen.written).toBe('');
  });

  it('is drawn with CI=false', async () => {
    // As in the process's own environment, where ora looks.
    vi.stubEnv('CI', 'false');
    onTestFinished(() => void vi.unstubAllEnvs());
    const screen = new Screen();
    start({}, { stderr: screen, env: { CI: 'false' } });
    await vi.advanceTimersByTimeAsync(300);
    expect(screen.written).toContain('[?2026h');
    expect(screen.text).toMatch(/^\S Working$/);
  });
});

describe('pushed children', () => {
  it.each([
    ['are left to the result, where that is on a terminal', {}, new Screen(), false],
    ['are named where the result is JSON', { json: true }, new Screen(), true],
    ['are named where the result is elsewhere', {}, new PassThrough(), true],
  ])('%s', (_what, options, stdout, named) => {
    const screen = new Screen();
    const { progress } = start(options, { stdout, stderr: screen });
    progress.show({ kind: 'child-pushed', repository, digest });
    progress.show({ kind: 'tagged', repository, tag: parseTag('v1'), digest, outcome: 'moved' });
    expect(screen.text.includes('Pushed')).toBe(named);
    expect(screen.text).toContain('Tagged');
  });
});

it('names missing sources once, and again when one of them has appeared', async () => {
  const { progress, stderr } = start({ progress: 'plain' }, {});
  for (const sources of [['a', 'b'], ['a', 'b'], ['b'], ['b']]) progress.show({ kind: 'waiting', sources });
  await vi.advanceTimersByTimeAsync(10_000);
  progress.stop();
  expect(stderr()).toBe('Waiting for a, b\nWaiting for b\n… waiting for b\n');
});
