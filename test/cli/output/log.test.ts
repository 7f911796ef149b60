import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { annotation } from '../../../src/cli/output/log.js';
import { amd64 } from '../../support/images.js';
import { makeCommandLine, startCommandLine } from '../../support/in-process.js';

interface Line {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly message: string;
}

const logSchema = JSON.parse(
  readFileSync(new URL('../../../schemas/output/log.schema.json', import.meta.url), 'utf8'),
) as object;

const jsonLines = (stderr: string): Line[] =>
  stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

/** A registry that responds to the second request with 503, after which it is sent again. */
async function startOf503() {
  let requests = 0;
  return startCommandLine({
    images: { amd64 },
    registry: {
      fault: (_request, next) => {
        requests += 1;
        return requests === 2 ? { status: 503, headers: { 'retry-after': '0' } } : next();
      },
    },
  });
}

describe('--log-level', () => {
  it.each([
    [['--log-level', 'error'], { steps: false, retries: false, requests: false }],
    [['--quiet'], { steps: false, retries: false, requests: false }],
    [['--quiet', '--log-level', 'error'], { steps: false, retries: false, requests: false }],
    [['--log-level', 'warn'], { steps: false, retries: true, requests: false }],
    [['--progress', 'none'], { steps: false, retries: true, requests: false }],
    [[], { steps: true, retries: true, requests: false }],
    [['--log-level', 'info'], { steps: true, retries: true, requests: false }],
    [['--log-level', 'debug'], { steps: true, retries: true, requests: true }],
    [['--debug'], { steps: true, retries: true, requests: true }],
    [['--debug', '--log-level', 'debug'], { steps: true, retries: true, requests: true }],
    [['--quiet', '--debug'], { steps: false, retries: true, requests: true }],
  ])('shows with %j: %j', async (flags, { steps, retries, requests }) => {
    const { run, app } = await startOf503();
    const { stderr, code } = await run(['create', `${app}:list`, `${app}:amd64`, ...flags]);
    expect(code).toBe(0);
    expect(stderr.includes('Read ')).toBe(steps);
    expect(stderr.includes('; retrying in ')).toBe(retries);
    expect(stderr.includes('> GET ')).toBe(requests);
  });

  it.each([
    [['--debug', '--log-level', 'info'], '--debug and --log-level info contradict each other'],
    [['--quiet', '--log-level', 'warn'], '--quiet and --log-level warn contradict each other'],
    [['--quiet', '--log-level', 'info'], '--quiet and --log-level info contradict each other'],
    [
      ['--progress', 'plain', '--log-level', 'error'],
      '--progress plain and --log-level error contradict each other',
    ],
  ])('rejects %j', async (flags, message) => {
    const { run } = await startOf503();
    const { code, stderr } = await run(['ls', ...flags]);
    expect(code).toBe(125);
    expect(stderr.split('\n')[0]).toBe(`error: ${message}`);
  });
});

describe('--log-format json', () => {
  it('prints one object for each line: steps, retries, requests and the error', async () => {
    const { run, app } = await startOf503();
    const done = await run([
      'create',
      `${app}:list`,
      `${app}:amd64`,
      '--log-format',
      'json',
      '--debug',
      '--stats',
    ]);
    expect(done).toMatchObject({ code: 0 });
    const lines = jsonLines(done.stderr);
    const isValid = new Ajv2020({ strict: false }).compile(logSchema);
    for (const line of lines) {
      expect(isValid(line) || isValid.errors).toBe(true);
      expect(Object.keys(line).slice(0, 4)).toEqual(['time', 'level', 'event', 'message']);
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    }
    const events = new Map(lines.map((line) => [line.event, line]));
    expect(events.get('resolved')).toMatchObject({
      level: 'info',
      message: `Read ${app}:amd64: linux/amd64`,
      platforms: [{ os: 'linux', architecture: 'amd64' }],
    });
    expect(events.get('retry')).toMatchObject({
      level: 'debug',
      method: 'GET',
      waitMilliseconds: expect.any(Number) as number,
    });
    expect(events.get('response')).toMatchObject({ level: 'debug', status: 200 });
    expect(events.get('stats')).toMatchObject({ level: 'info' });

    const failed = await run(['inspect', `${app}:missing`, '--log-format=json']);
    expect(failed).toMatchObject({ code: 3, stdout: '' });
    for (const line of jsonLines(failed.stderr)) expect(isValid(line) || isValid.errors).toBe(true);
    expect(jsonLines(failed.stderr)).toMatchObject([
      { level: 'error', event: 'error', error: { kind: 'not-found', code: 'MANIFEST_UNKNOWN', exitCode: 3 } },
    ]);
  });

  it('is used for usage errors and warnings, and escapes what a terminal would interpret', async () => {
    const { run } = await startOf503();
    const { stderr } = await run(['inspect', 'a\u001b[2J::b', '--log-format', 'json', '--json', '--wide']);
    expect(stderr).not.toContain('\u001b');
    expect(jsonLines(stderr)).toMatchObject([{ level: 'error', error: { kind: 'argument', exitCode: 125 } }]);
  });

  it.each<{
    readonly argv: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly file?: string;
    readonly isJson: boolean;
    readonly hasStack: boolean;
  }>([
    { argv: [], isJson: false, hasStack: false },
    { argv: ['--debug'], isJson: false, hasStack: true },
    { argv: [], env: { MULTIARCH_LOG_FORMAT: 'json' }, isJson: true, hasStack: false },
    { argv: [], env: { MULTIARCH_LOG_LEVEL: 'debug' }, isJson: false, hasStack: true },
    { argv: [], env: { MULTIARCH_DEBUG: '1', MULTIARCH_LOG_FORMAT: 'json' }, isJson: true, hasStack: true },
    { argv: ['--log-format=text'], env: { MULTIARCH_LOG_FORMAT: 'json' }, isJson: false, hasStack: false },
    { argv: ['--quiet'], env: { MULTIARCH_DEBUG: 'true' }, isJson: false, hasStack: false },
    { argv: ['--log-level', 'error'], env: { MULTIARCH_DEBUG: 'true' }, isJson: false, hasStack: false },
    { argv: [], file: 'log-format: json\nlog-level: debug', isJson: true, hasStack: true },
    { argv: ['--log-format', 'text'], file: 'log-format: json', isJson: false, hasStack: false },
    {
      argv: [],
      env: { MULTIARCH_LOG_FORMAT: 'text' },
      file: 'log-format: json',
      isJson: false,
      hasStack: false,
    },
    // Of the file nothing is known if the command line cannot be parsed, or the file is not valid.
    { argv: ['--unknown'], env: { MULTIARCH_LOG_FORMAT: 'json' }, isJson: true, hasStack: false },
    { argv: ['--unknown'], env: { MULTIARCH_DEBUG: '1' }, isJson: false, hasStack: true },
    {
      argv: ['--unknown', '--log-format=text'],
      env: { MULTIARCH_LOG_FORMAT: 'json' },
      isJson: false,
      hasStack: false,
    },
    { argv: [], env: { MULTIARCH_LOG_FORMAT: 'json' }, file: 'retries: x', isJson: true, hasStack: false },
    { argv: ['--', '--log-format=json', '--debug'], isJson: false, hasStack: false },
  ])('reaches the error at the end: $argv $env $file', async ({ argv, env, file, isJson, hasStack }) => {
    const { run, directory } = await makeCommandLine();
    const path = join(directory, 'config', 'multiarch', 'config.yaml');
    await mkdir(dirname(path), { recursive: true });
    if (file !== undefined) await writeFile(path, file);
    const { code, stderr } = await run(
      ['inspect', 'oci:missing:1', ...argv],
      env === undefined ? {} : { env },
    );
    expect(code).not.toBe(0);
    const lines = stderr.trimEnd().split('\n');
    const isRecord = lines.every((line) => line.startsWith('{'));
    expect({ isJson: isRecord, hasStack: /"stack"|^ {4}at /m.test(stderr) }).toEqual({ isJson, hasStack });
  });

  it('contains no secrets', async () => {
    const { run, app } = await startOf503();
    const { stderr } = await run([
      'inspect',
      `${app}:amd64`,
      '--log-format',
      'json',
      '--debug',
      '--creds',
      'ann:s3cr3t-value',
    ]);
    expect(stderr).not.toContain('s3cr3t-value');
    expect(stderr).not.toContain(Buffer.from('ann:s3cr3t-value').toString('base64'));
  });
});

describe('--github', () => {
  const GITHUB = { GITHUB_ACTIONS: 'true', GITHUB_OUTPUT: '/dev/null', GITHUB_STEP_SUMMARY: '/dev/null' };
  const push = (app: string): string[] => ['create', `${app}:list`, `${app}:amd64`, '--push', '--github'];

  it('makes warnings and errors annotations, each on one line, and leaves retries as text', async () => {
    const { run, app } = await startOf503();
    const argv = [...push(app), '--require', 'linux/s390x', '--creds', 'ann:secret'];
    const { code, stderr } = await run(argv, { env: GITHUB });
    expect(code).toBe(5);
    expect(stderr).toContain(
      '::warning title=multiarch::--creds is visible to other users of this machine\n',
    );
    expect(stderr).toMatch(/^warning: .*; retrying in /m);
    const error = /^::error title=multiarch::(.*)\n$/m.exec(stderr)?.[1] ?? '';
    expect(error).toMatch(/linux\/s390x.*%0Ahint: /);
    expect(stderr).not.toMatch(/^(?:error|hint): /m);
    expect(stderr).not.toContain('secret');
  });

  it.each([
    ['outside of GitHub Actions', { ...GITHUB, GITHUB_ACTIONS: '' }, []],
    ['without --github', GITHUB, ['--github=false']],
  ])('prints text %s', async (_, env, flags) => {
    const { run, app } = await startCommandLine();
    const argv = flags.length > 0 ? [...push(app).slice(0, -1), ...flags] : push(app);
    const { stderr } = await run(argv, { env });
    expect(stderr).toMatch(/^no such manifest: .*\nhint: /m);
    expect(stderr).not.toContain('::error');
  });

  it('prints JSON with --log-format json', async () => {
    const { run, app } = await startCommandLine();
    const { stderr } = await run([...push(app), '--log-format', 'json'], { env: GITHUB });
    expect(jsonLines(stderr).at(-1)).toMatchObject({ level: 'error' });
  });

  it('reports a command line that cannot be parsed', async () => {
    const { run } = await startCommandLine();
    const { stderr } = await run(['push', '--github', '--unknown%0A::add-path::/evil'], { env: GITHUB });
    expect(stderr).toMatch(
      /^::error title=multiarch::unknown flag: --unknown%250A::add-path::\/evil%0Ahint: .*\n$/,
    );
  });
});

describe('annotation', () => {
  it.each([
    ['100% done', '100%25 done'],
    ['first\nsecond', 'first%0Asecond'],
    ['a\r\u2028\u0085b', 'a   b'],
    ['first\n::add-path::/evil', 'first%0A: :add-path::/evil'],
    ['a ##[add-path]/evil', 'a # #[add-path]/evil'],
    ['%0A::set-env name=A::b', '%250A::set-env name=A::b'],
  ])('lets %j not end the command', (text, shown) => {
    expect(annotation('warning', text)).toBe(`::warning title=multiarch::${shown}`);
  });
});
