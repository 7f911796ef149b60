import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../../src/cli/commands/command-table.js';
import { failure } from '../support/fake-server.js';
import { amd64, arm64, armv7, attested, pair } from '../support/images.js';
import { startCommandLine } from '../support/in-process.js';
import { tinyImage, tinyIndex } from '../support/tiny-image.mjs';

const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
for (const folder of ['../../schemas/', '../../schemas/output/']) {
  const url = new URL(folder, import.meta.url);
  for (const file of readdirSync(url).filter((name) => name.endsWith('.schema.json'))) {
    ajv.addSchema(JSON.parse(readFileSync(new URL(file, url), 'utf8')) as object);
  }
}

interface World {
  readonly app: string;
  readonly host: string;
  readonly directory: string;
}

/** One call. Those of a command run in order, with one registry and one store. */
interface Row {
  readonly argv: (world: World) => readonly string[];
  /** @default 0 */
  readonly code?: number;
  /** The members of the result that it is about. */
  readonly members?: object;
  readonly stdin?: string;
  /** Whether the call only prepares others, without JSON. */
  readonly silent?: boolean;
  /** Runs before the call. */
  readonly prepare?: (world: World) => Promise<unknown>;
}

const images = {
  amd64,
  arm64,
  armv7,
  pair,
  attested,
  nested: tinyIndex([amd64], { mediaTypes: 'docker' }),
  other: tinyImage({ architecture: 'amd64', text: 'other' }),
  odd: tinyImage({ architecture: 'amd64', omitPlatform: true }),
  windows: tinyImage({ architecture: 'amd64', os: 'windows', osVersion: '10.0.17763.4377' }),
};

const setUp = (...argv: readonly string[]): Row => ({
  silent: true,
  argv: ({ app }) => argv.map((arg) => arg.replace('APP', app)),
});
const call = (argv: string, more: Omit<Row, 'argv'> = {}): Row => ({
  ...more,
  argv: ({ app, host, directory }) =>
    argv.split(' ').map((arg) =>
      arg
        .replace(/APP(?!=)/, app)
        .replace('HOST', host)
        .replace('DIR', directory),
    ),
});

/** The document of an error that names a registry. */
const unknownManifest = {
  kind: 'not-found',
  code: 'MANIFEST_UNKNOWN',
  exitCode: 3,
  registry: { status: 404, errors: [{ code: 'MANIFEST_UNKNOWN' }] },
  request: { method: expect.stringMatching(/^(?:GET|HEAD)$/) as unknown },
};

const usage = { ok: false, error: { kind: 'argument', code: 'ARGUMENT', exitCode: 125 } };

/** An assembly file with two lists. */
const LISTS = `lists:
  - { target: '$APP:l1', images: [{ source: '$APP:amd64' }] }
  - { target: '$APP:l2', tags: [l3], images: [{ source: '$APP:pair' }] }
`;

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  create: [
    call('create APP:1 APP:attested APP:windows --annotation a=b', { members: { reference: /:1$/ } }),
    call('create APP:odd APP:odd', { members: { entries: [{}] } }),
    call('create APP:2 APP:pair --push', { members: { tags: [{ outcome: 'moved' }], pushed: [] } }),
    call('create APP:2 APP:attested --push --dry-run', { members: { dryRun: true } }),
    call('create APP:3 APP:amd64 APP:none APP:nowhere', {
      code: 3,
      members: { error: { kind: 'not-found', errors: [unknownManifest, unknownManifest] } },
    }),
    call('create APP:1 APP:amd64', { code: 7, members: { error: { kind: 'conflict' } } }),
    call('create APP:3 APP:amd64 APP:other --push', { code: 5, members: { error: { kind: 'invalid' } } }),
    call('create APP:4 -f DIR/file.json', {
      prepare: ({ directory }) => writeFile(join(directory, 'file.json'), '{"images": 1}'),
      code: 5,
      members: { error: { problems: [{}, {}] } },
    }),
    call('create -f - --set APP=APP', {
      stdin: LISTS,
      members: { lists: [{ reference: /:l1$/ }, { reference: /:l2$/ }] },
    }),
    call('rm APP:l1 APP:l2', { silent: true }),
    call('create -f - --set APP=APP --push --dry-run', {
      stdin: LISTS,
      members: { lists: [{ dryRun: true }, {}] },
    }),
    call('create -f - --set APP=APP --push', {
      stdin: LISTS,
      members: { lists: [{ state: 'published' }, {}] },
    }),
    call('create -f - --set APP=APP:x --push', {
      stdin: LISTS,
      code: 5,
      members: { error: { problems: [{}, {}, {}, {}] } },
    }),
    call('create', { code: 125, members: usage }),
  ],
  annotate: [
    setUp('create', 'APP:1', 'APP:amd64'),
    call('annotate APP:1 APP:amd64 --variant v2 --annotation a=b'),
    call('annotate APP:1 linux/s390x --variant v2', { code: 3 }),
    call('annotate APP:1 --os linux', { code: 125, members: usage }),
  ],
  remove: [
    setUp('create', 'APP:1', 'APP:pair'),
    call('remove APP:1 linux/amd64', { members: { entries: [{}] } }),
    call('remove APP:1 linux/amd64', { code: 3 }),
  ],
  inspect: [
    call('inspect APP:attested', {
      members: { state: 'published', descriptor: { mediaType: attested.mediaType } },
    }),
    call('inspect APP:pair -v', { members: { images: [{ descriptor: { platform: {} } }, {}] } }),
    call('inspect APP:odd --verbose'),
    call('inspect APP:nested --platform linux/amd64 --config', { members: { config: { os: 'linux' } } }),
    setUp('create', 'APP:1', 'APP:odd', 'APP:amd64'),
    call('inspect APP:1', { members: { state: 'draft', problems: [{ kind: 'platform-missing' }] } }),
    call('inspect APP:1 APP:amd64'),
    call('inspect APP:none', { code: 3, members: { error: unknownManifest } }),
    call('inspect APP:pair --require linux/s390x', { code: 5, members: { error: { kind: 'requirement' } } }),
    call('inspect APP:pair --raw', { code: 125, members: usage }),
  ],
  push: [
    setUp('create', 'APP:1', 'APP:attested'),
    setUp('create', 'APP:denied', 'APP:amd64'),
    call('push APP:1 --dry-run', { members: { dryRun: true, tags: [{ outcome: 'moved' }] } }),
    call('push APP:1 -t latest -t oci:DIR/layout:1', { members: { tags: [{}, {}, {}] } }),
    call('push APP:1 --referrers', { members: { tags: [{ outcome: 'unchanged' }], referrers: [] } }),
    setUp('create', 'APP:pair', 'APP:amd64'),
    call('push APP:pair --expect-current none', { code: 7, members: { error: { kind: 'conflict' } } }),
    call('push APP:1 -t denied', {
      code: 4,
      members: { error: { code: 'DENIED', registry: { status: 403 }, request: { method: 'PUT' } } },
    }),
    call('push APP:denied -t ok', { code: 4 }),
    call('push APP:none', { code: 3 }),
  ],
  copy: [
    call('copy APP:attested APP:copy', { members: { tags: [{ outcome: 'moved' }] } }),
    call('copy APP:pair APP:image --platform linux/arm64 --dry-run', { members: { dryRun: true } }),
    call('copy APP:none APP:copy', { code: 3, members: { error: unknownManifest } }),
    call('copy APP:pair APP:new -t denied', {
      code: 4,
      members: { tags: [{ reference: /:new$/, outcome: 'moved' }] },
    }),
  ],
  undo: [
    setUp('create', 'APP:amd64', 'APP:pair', '--push', '-t', 'new'),
    call('undo APP:amd64 --dry-run', { members: { dryRun: true } }),
    call('undo APP:amd64', { members: { tags: [{ outcome: 'kept' }, { outcome: 'moved' }] } }),
    call('undo APP:amd64', { code: 3 }),
  ],
  rm: [
    setUp('create', 'APP:1', 'APP:amd64'),
    setUp('create', 'APP:2', 'APP:amd64'),
    setUp('create', 'APP:3', 'APP:amd64'),
    call('rm APP:1', { members: { removed: [/:1$/] } }),
    call('rm APP:1', { code: 3 }),
    call('rm --all', { members: { removed: [/:2$/, /:3$/] } }),
    call('rm', { code: 125, members: usage }),
  ],
  ls: [
    call('ls', { members: { drafts: [], damaged: [] } }),
    setUp('create', 'APP:1', 'APP:attested'),
    setUp('create', 'APP:2'),
    call('ls -q', { members: { drafts: [{ reference: /:1$/ }, {}] } }),
    call('ls', {
      prepare: async ({ directory }) => {
        const [file = ''] = await readdir(join(directory, 'drafts'));
        await writeFile(join(directory, 'drafts', file), '{');
      },
      code: 5,
      members: { ok: false, error: { exitCode: 5 }, drafts: [{}], damaged: [{ path: /drafts/ }] },
    }),
    call('ls APP:1', { code: 125, members: usage }),
  ],
  diff: [
    call('diff APP:pair APP:pair', { members: { same: true } }),
    call('diff APP:pair APP:attested', { code: 1, members: { ok: true, same: false } }),
    call('diff APP:amd64 -', { code: 1, stdin: Buffer.from(pair.bytes).toString() }),
    setUp('create', 'APP:1', 'APP:pair', '--annotation', 'a=b'),
    call('diff APP:1', { code: 1, members: { after: { state: 'draft' } } }),
    call('diff APP:1 APP:arm64', { code: 1 }),
    call('diff APP:none APP:pair', { code: 3, members: { error: unknownManifest } }),
    call('diff APP:pair APP:pair --format table', { code: 125, members: usage }),
  ],
  validate: [
    call('validate APP:attested', { members: { valid: true, state: 'published' } }),
    call('validate -', { stdin: Buffer.from(pair.bytes).toString(), members: { kind: 'image-index' } }),
    call('validate -', {
      stdin: '{"schemaVersion":2,"manifests":[{}]}',
      code: 5,
      members: { valid: false, kind: 'image-index', error: { problems: [{}, {}, {}] } },
    }),
    call('validate -', { stdin: '{', code: 5, members: { error: { problems: [{ rule: 'json/syntax' }] } } }),
    call('validate -', { stdin: '{}', code: 5 }),
    call('validate APP:none', { code: 3, members: { error: unknownManifest } }),
  ],
  digest: [
    call('digest APP:pair', { members: { digest: pair.digest, state: 'published' } }),
    call('digest APP:none', { code: 3 }),
  ],
  tags: [
    call('tags APP --limit 2', { members: { tags: ['amd64', 'arm64'] } }),
    call('tags APP:1', { code: 125, members: usage }),
  ],
  delete: [
    call('copy APP:pair oci:DIR/layout:1', { silent: true }),
    call('delete oci:DIR/layout:1 --yes', { members: { kind: 'tag', descriptor: { digest: pair.digest } } }),
    call('delete APP:arm64', { code: 125, members: usage }),
  ],
  completion: [
    call('completion bash', { members: { shell: 'bash' } }),
    call('completion csh', { code: 125, members: usage }),
  ],
  config: [
    call('config', { members: { exists: false } }),
    call('config path', { members: { exists: false } }),
    call('config clear', { code: 125, members: usage }),
  ],
  plugin: [
    call('plugin remove', { members: { outcome: 'absent' } }),
    call('plugin install', { members: { outcome: 'installed', method: 'link', path: /docker-multiarch$/ } }),
    call('plugin install', { members: { outcome: 'unchanged' } }),
    call('plugin remove', { members: { outcome: 'removed' } }),
    call('plugin update', { code: 125, members: usage }),
  ],
  help: [
    call('help', { members: { help: /Usage/ } }),
    call('help options', { members: { topic: 'options' } }),
    call('help nothing', { code: 125, members: usage }),
  ],
  version: [
    call('version', { members: { node: process.versions.node } }),
    call('version 2', { code: 125, members: usage }),
  ],
  login: [
    call('login HOST -u jane --password-stdin', { stdin: 'secret', members: { plainText: true } }),
    call('login HOST', { members: { username: 'jane' } }),
    call('login HOST --show', { members: { login: { username: 'jane' } } }),
    call('login example.com/app --show', { members: { repository: 'app' } }),
    call('login 127.0.0.1:1 -u jane --password-stdin --retries 0', {
      stdin: 'secret',
      code: 6,
      members: { error: { kind: 'unavailable', code: 'UNAVAILABLE', request: { method: 'GET' } } },
    }),
    call('login HOST --password-stdin', { code: 125, members: usage }),
  ],
  logout: [
    call('logout HOST', { members: { removed: false } }),
    call('logout', { members: { registry: 'docker.io' } }),
    call('logout a b', { code: 125, members: usage }),
  ],
  cache: [
    setUp('inspect', 'APP:pair'),
    call('cache', {
      members: { parts: expect.arrayContaining([expect.objectContaining({ name: 'content' })]) },
    }),
    call('cache clear'),
    call('cache clean', { code: 125, members: usage }),
  ],
};

/** Starts a registry that denies access to the tag `denied`, and runs calls in order. */
async function start() {
  const world = await startCommandLine({
    images,
    registry: {
      fault: ({ path, method }, next) =>
        method === 'PUT' && path.endsWith('/denied') ? failure(403, 'DENIED', 'not for you') : next(),
    },
  });
  await mkdir(join(world.directory, 'docker'));
  return world;
}

/** Returns the one object on stdout. */
function parse(stdout: string): Record<string, unknown> {
  const value: unknown = JSON.parse(stdout);
  expect(stdout).toBe(`${stdout.trim()}\n`);
  expect(value).toMatchObject({ schemaVersion: 1 });
  expect(Object.keys(value as object).slice(0, 2)).toEqual(['schemaVersion', 'ok']);
  return value as Record<string, unknown>;
}

function expectValid(schema: string, value: unknown): void {
  const validate = ajv.getSchema(`urn:multiarch:schema:output:${schema}`);
  if (validate === undefined) throw new Error(`schemas/output/${schema}.schema.json does not exist`);
  const isValid = validate(value);
  const errors = validate.errors?.map(({ instancePath, message, params }) => [instancePath, message, params]);
  expect({ isValid, errors }).toEqual({ isValid: true, errors: undefined });
}

/** Replaces the patterns in what is expected by matchers. */
function matcher(expected: unknown): unknown {
  if (expected instanceof RegExp) return expect.stringMatching(expected);
  if (Array.isArray(expected)) return expected.map(matcher);
  if (typeof expected !== 'object' || expected === null || 'asymmetricMatch' in expected) return expected;
  return Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, matcher(value)]));
}

describe('the result with --json', () => {
  it.each(COMMANDS.map(({ name }) => name))('of %s validates against its schema', async (name) => {
    const rows = ROWS[name] ?? [];
    const codes = rows.filter(({ silent }) => silent !== true).map(({ code = 0 }) => code);
    expect(codes, 'a success and a failure').toEqual(
      expect.arrayContaining([0, expect.toSatisfy(isFailure)]),
    );
    const world = await start();
    for (const { argv, code = 0, members = {}, stdin = '', silent = false, prepare } of rows) {
      await prepare?.(world);
      const line = argv(world);
      const result = await world.run(silent ? line : [...line, '--json'], { stdin });
      expect({ line, code: result.code, stderr: result.stderr }).toMatchObject({ line, code });
      if (silent) continue;
      const value = parse(result.stdout);
      const isOk = code === 0 || (name === 'diff' && code === 1);
      expect(value, line.join(' ')).toMatchObject(matcher({ ok: isOk, ...members }) as object);
      if (!isOk) expect(value).toMatchObject({ error: { exitCode: code } });
      expectValid(name, value);
    }
  });

  it.each([
    [['--version'], 'version'],
    [['--help'], 'help'],
    [['frobnicate'], 'failure'],
    [['ls', '--no-such-flag'], 'failure'],
    [['ls', '--store'], 'failure'],
    [[], 'failure'],
  ])('of %j validates', async (argv, schema) => {
    const { run } = await start();
    const value = parse((await run(['--json', ...argv])).stdout);
    expect(value['ok']).toBe(schema !== 'failure');
    expectValid(schema, value);
  });

  it('is a failure for a push that is done but not reported, and has its result', async () => {
    const { run, app, directory } = await start();
    const output = join(directory, 'output');
    await writeFile(output, '');
    const env = { GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: '/dev/full' };
    const argv = ['create', `${app}:1`, `${app}:amd64`, '--push', '--github', '--json'];
    const { code, stdout } = await run(argv, { env });
    const value = parse(stdout);
    expect({ code, value }).toMatchObject({
      code: 1,
      value: { ok: false, error: { kind: 'failed' }, tags: [{ outcome: 'moved' }], descriptor: {} },
    });
    expectValid('create', value);
  });

  it('is a failure for an interrupted command', async () => {
    const before = new Set(process.listeners('SIGINT'));
    const { run, app } = await startCommandLine({
      images,
      registry: {
        fault: () => {
          const interrupt = process.listeners('SIGINT').find((listener) => !before.has(listener));
          interrupt?.('SIGINT');
          return { fault: 'stall' };
        },
      },
    });
    const { code, stdout } = await run(['inspect', `${app}:pair`, '--json']);
    const value = parse(stdout);
    expect({ code, value }).toMatchObject({
      code: 130,
      value: { ok: false, error: { kind: 'cancelled', code: 'CANCELLED', exitCode: 130 } },
    });
    expectValid('inspect', value);
  });

  it('has no member that its schema does not know', () => {
    for (const { name } of COMMANDS) {
      const validate = ajv.getSchema(`urn:multiarch:schema:output:${name}`);
      const error = { kind: 'failed', code: 'FAILED', exitCode: 1, message: 'x', help: 'https://e.example' };
      const value = { schemaVersion: 1, ok: false, error };
      expect([name, validate?.(value), validate?.({ ...value, unknown: 1 })]).toEqual([name, true, false]);
    }
  });
});

function isFailure(code: unknown): boolean {
  return code !== 0 && code !== 1;
}
