import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { OCI_INDEX } from '../../src/oci/media-type.js';
import { installHelper } from '../auth/helper-program.js';
import { dockerSave, keptImage } from '../support/docker-save.js';
import { failure, type Answer } from '../support/fake-server.js';
import { amd64, arm64 } from '../support/images.js';
import { startCommandLine, type InProcessResult } from '../support/in-process.js';
import { layoutArchive, listedImage } from '../support/saved-layout.js';
import { tarFile } from '../support/tar-file.js';
import { tinyImage, tinyIndex, writeLayout } from '../support/tiny-image.mjs';

/** Line ends of every kind, each before a command to a CI system; escape sequences; marks; half of a surrogate pair. */
const HOSTILE =
  'x\nforged line\n::set-output name=digest::forged\r##[add-path]/forged\u2028::error::forged\u2029y' +
  '\u0085::warning::forged\u001B[2J\u001B]0;title\u0007\u001B[31mred\u007F\u0000\u009B31m\u0008\u000B\u000C' +
  '\u202E\u2066\u200B\u200E\u061C\uFEFF\u00AD\uD800\u{E0041} ##vso[task.setvariable variable=x]z ##teamcity[x]';

/** As the value of a flag and the name of a file, which cannot contain a zero byte. */
const NAME = HOSTILE.replaceAll('\u0000', '').replaceAll('/', '');

const { mediaType, digest, size } = amd64.manifest;
const entry = { mediaType, digest, size };

const PLATFORM = {
  architecture: HOSTILE,
  os: HOSTILE,
  variant: HOSTILE,
  'os.version': HOSTILE,
  'os.features': [HOSTILE],
};
const ANNOTATIONS = { [HOSTILE]: HOSTILE, 'org.opencontainers.image.title': HOSTILE };

const indexJson = (members: object, ...manifests: readonly object[]): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...members });

/** Colours of our own tables, on a terminal. */
// oxlint-disable-next-line no-control-regex
const COLORS = /\u001B\[(?:1|2|22|31|32|33|36|39)m/g;
// oxlint-disable-next-line no-control-regex
const RAW = /(?![\n\t])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const FORGED = /^\s*(?:::|forged)|##[a-z]*\[/im;

function expectSafe({ stdout, stderr }: InProcessResult, argv: readonly string[]): void {
  for (const text of [stdout.replaceAll(COLORS, ''), stderr]) {
    expect(RAW.exec(text)?.[0], `${argv.join(' ')}: ${JSON.stringify(text)}`).toBeUndefined();
    expect(FORGED.exec(text)?.[0], `${argv.join(' ')}: ${JSON.stringify(text)}`).toBeUndefined();
  }
  expect(stderr, argv.join(' ')).not.toContain('bug in multiarch');
}

async function start(fault?: (path: string) => Answer | undefined) {
  const line = await startCommandLine({
    images: { amd64, arm64, hostile: tinyImage({ architecture: 'amd64' }) },
    registry: { fault: async ({ path }, next) => fault?.(path) ?? next() },
  });
  const { registry, directory } = line;
  /** Runs a command plainly, and again with --debug on a terminal. */
  const run = async (argv: readonly string[], env: Record<string, string> = {}): Promise<InProcessResult> => {
    const plain = await line.run(argv, { env });
    expectSafe(plain, argv);
    expectSafe(await line.run([...argv, '--debug'], { env, isTTY: true }), argv);
    return plain;
  };
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  };
  const put = (tag: string, json: string): string => {
    registry.putManifest('app', Buffer.from(json), OCI_INDEX, tag);
    return `${line.app}:${tag}`;
  };
  return { ...line, unchecked: line.run, run, write, put };
}

/** Every value is HOSTILE in which the specification allows any text. */
function hostileIndex(): string {
  return indexJson(
    { annotations: ANNOTATIONS, artifactType: 'application/x' },
    { ...entry, platform: PLATFORM, annotations: ANNOTATIONS },
    {
      ...entry,
      digest: arm64.manifest.digest,
      size: arm64.manifest.size,
      annotations: { 'vnd.docker.reference.type': HOSTILE, 'vnd.docker.reference.digest': HOSTILE },
    },
  );
}

describe('the values of a published index', () => {
  it.each([
    [['inspect']],
    [['inspect', '--json']],
    [['inspect', '--verbose']],
    [['inspect', '--format', 'table']],
    [['inspect', '--format', 'tree']],
    [['inspect', '--require', 'linux/s390x']],
    [['inspect', '--platform', 'linux/s390x']],
    [['inspect', '--config']],
    [['validate']],
    [['validate', '--json']],
  ])('are shown safely by %j', async ([command = '', ...flags]) => {
    const { run, put } = await start();
    await run([command, put('odd', hostileIndex()), ...flags]);
  });

  it.each([['table'], ['json']])('are shown safely by diff as %s', async (format) => {
    const { run, put, app } = await start();
    await run(['diff', put('odd', hostileIndex()), `${app}:amd64`, '--format', format]);
    const changed = hostileIndex().replaceAll('forged', 'changed');
    await run(['diff', put('odd', hostileIndex()), put('other', changed), '--format', format]);
  });

  it('are shown safely while a draft is assembled, listed, changed and published', async () => {
    const { run, put, app, write, directory } = await start();
    const odd = put('odd', hostileIndex());
    const reports = {
      GITHUB_OUTPUT: await write('output', ''),
      GITHUB_STEP_SUMMARY: await write('summary', ''),
    };
    const list = `${app}:list`;
    for (const argv of [
      ['create', list, odd, '--amend'],
      ['create', list, odd, '--amend', '--json'],
      ['create', list, odd, '--amend', '--annotation', `${HOSTILE}=${HOSTILE}`],
      ['ls'],
      ['ls', '--json'],
      ['inspect', list, '--format', 'tree'],
      ['inspect', list, 'linux/s390x'],
      ['annotate', list, 'linux/s390x', '--os', 'linux'],
      ['annotate', list, odd, '--os', 'linux'],
      ['annotate', list, digest, '--os-features', HOSTILE],
      ['remove', list, 'linux/s390x'],
      ['push', list, '--dry-run'],
      ['push', list],
      ['create', `${app}:pushed`, odd, '--push', '--github', '--allow-duplicate-platforms'],
      ['create', `${app}:json`, odd, '--push', '--json', '--metadata-file', join(directory, 'metadata')],
      ['copy', odd, `${app}:copied`],
      ['copy', odd, `${app}:copied`, '--platform', 'linux/s390x'],
      ['undo', `${app}:pushed`],
      ['rm', list],
    ]) {
      await run(argv, reports);
    }
    expect(await readFile(reports.GITHUB_STEP_SUMMARY, 'utf8')).not.toMatch(RAW);
  });

  it('keep their value in JSON', async () => {
    const { run, put } = await start();
    const odd = put('odd', hostileIndex());
    const { stdout } = await run(['inspect', odd]);
    const value = JSON.parse(stdout) as { annotations: Record<string, string> };
    expect(value.annotations[HOSTILE]).toBe(HOSTILE);
    expect(stdout).toContain(String.raw`\u009b31m`);
    expect(stdout).toContain(String.raw`\u202e`);
    expect(stdout).toContain(String.raw`\u0023#vso[`);
  });

  it('are printed as they are by --raw', async () => {
    const { unchecked, put } = await start();
    const { bytes } = await unchecked(['inspect', put('odd', hostileIndex()), '--raw']);
    expect(bytes.toString('utf8')).toBe(hostileIndex());
  });
});

describe('the problems of a document', () => {
  it.each([
    ['an annotation that is no text', indexJson({ annotations: { [HOSTILE]: 1 } }, entry)],
    ['a media type', indexJson({}, { ...entry, mediaType: HOSTILE })],
    ['a digest', indexJson({}, { ...entry, digest: HOSTILE })],
    ['a media type of the document', JSON.stringify({ schemaVersion: 2, mediaType: HOSTILE, manifests: [] })],
    ['an artifact type', indexJson({ artifactType: HOSTILE }, entry)],
    ['a duplicate member', `{"a":1,${JSON.stringify(HOSTILE)}:1,${JSON.stringify(HOSTILE)}:2}`],
    ['a token', `{"a":${HOSTILE}}`],
    ['a name in an assembly file', JSON.stringify({ target: HOSTILE, images: [{ ref: HOSTILE }] })],
    ['a member of an assembly file', JSON.stringify({ target: 'a/b:1', images: [], [HOSTILE]: 1 })],
    [
      'an assembly file in YAML',
      `target: ${JSON.stringify(HOSTILE)}\nimages: [{source: "a", ${JSON.stringify(HOSTILE)}: 1}]`,
    ],
    ['a draft', JSON.stringify({ version: 1, target: HOSTILE, format: 'auto', entries: [], [HOSTILE]: 1 })],
  ])('are shown safely: %s', async (_what, text) => {
    const { run, write, app, put } = await start();
    const file = await write(NAME.slice(0, 60), text);
    await run(['validate', file]);
    await run(['validate', file, '--json']);
    await run(['create', `${app}:1`, '--file', file]);
    await run(['diff', file, file]);
    await run(['inspect', put('odd', text)]);
    await run(['create', `${app}:2`, `${app}:odd`]);
  });

  it('are shown safely for a damaged draft', async () => {
    const { run, app, directory } = await start();
    await run(['create', `${app}:1`, `${app}:amd64`]);
    const files = await readdir(join(directory, 'drafts'), { recursive: true });
    const file = files.find((name) => name.endsWith('.json'));
    const path = join(directory, 'drafts', file ?? '');
    const draft = JSON.parse(await readFile(path, 'utf8')) as { entries: object[] };
    for (const change of [
      { [HOSTILE]: 1 },
      { target: HOSTILE },
      { entries: draft.entries.map((each) => ({ ...each, source: HOSTILE })) },
      { tags: [HOSTILE] },
    ]) {
      await writeFile(path, JSON.stringify({ ...draft, ...change }));
      for (const argv of [
        ['ls'],
        ['inspect', `${app}:1`],
        ['push', `${app}:1`],
        ['annotate', `${app}:1`, 'x'],
      ]) {
        await run(argv);
      }
    }
  });
});

describe('what a registry says', () => {
  it.each<[string, Answer]>([
    ['an error', failure(403, HOSTILE, HOSTILE, { [HOSTILE]: [HOSTILE] })],
    ['a text', { status: 500, headers: { 'retry-after': '0' }, body: HOSTILE }],
    ['HTML', { status: 502, headers: { 'content-type': 'text/html' }, body: `<html>${HOSTILE}<p>` }],
    ['a media type', { headers: { 'content-type': 'text/\u009B31m##vso[x]' }, body: '{}' }],
    ['a digest', { headers: { 'docker-content-digest': '\u009B31m##vso[x]::' }, body: '{}' }],
    ['a warning', { headers: { warning: '299 - "::error::\u009B31m ##vso[x]y"' }, body: hostileIndex() }],
    [
      'a challenge',
      {
        status: 401,
        headers: {
          'www-authenticate': 'Bearer realm="\u009B::##vso[x]",service="\u0085::error",scope="##[x]"',
        },
      },
    ],
    [
      'another realm',
      { status: 401, headers: { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/##vso[x]\u009B"' } },
    ],
    ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/\u009B31m##vso[x]' } }],
    [
      'a rate limit',
      {
        headers: { 'ratelimit-limit': '\u009B##vso[x]', 'ratelimit-remaining': '::\u0085' },
        body: hostileIndex(),
      },
    ],
  ])('is shown safely: %s', async (_what, answer) => {
    const { run, app } = await start((path) => (path.includes('/manifests/') ? answer : undefined));
    await run(['inspect', `${app}:1`, '--retries', '0', '--stats']);
    await run(['create', `${app}:2`, `${app}:1`, '--retries', '0', '--push']);
  });
});

describe('the names in a layout or an archive', () => {
  const names = { 'org.opencontainers.image.ref.name': HOSTILE, 'io.containerd.image.name': HOSTILE };

  it('are shown safely for a layout', async () => {
    const { run, directory, app } = await start();
    const layout = join(directory, `layout${NAME.slice(0, 40)}`);
    await mkdir(layout);
    await writeLayout(layout, tinyIndex([amd64, arm64]), HOSTILE);
    for (const tag of ['', ':missing']) await run(['inspect', `oci:${layout}${tag}`]);
    await writeLayout(layout, amd64, `${HOSTILE}2`);
    for (const tag of ['', ':missing']) await run(['create', `${app}:1`, `oci:${layout}${tag}`]);
  });

  it.each([
    ['oci-archive', layoutArchive([listedImage(amd64, names), listedImage(arm64, { ...names, a: 'b' })])],
    ['docker-archive', dockerSave(keptImage([HOSTILE, 'app:1']), keptImage([`${HOSTILE}2`], ['other']))],
    ['docker-archive', tarFile([{ name: NAME.slice(0, 60), content: 'x' }])],
    [
      'docker-archive',
      tarFile([
        {
          name: 'manifest.json',
          content: JSON.stringify([{ Config: HOSTILE, Layers: [HOSTILE], RepoTags: [HOSTILE] }]),
        },
      ]),
    ],
    [
      'oci-archive',
      tarFile([
        { name: 'oci-layout', content: '{}' },
        { name: NAME.slice(0, 60), type: '2', target: HOSTILE.slice(0, 60) },
      ]),
    ],
  ])('are shown safely for %s', async (transport, bytes) => {
    const { run, write, app } = await start();
    const file = await write(`archive${NAME.slice(0, 40)}`, bytes);
    for (const name of ['', ':missing']) {
      await run(['inspect', `${transport}:${file}${name}`]);
      await run(['create', `${app}:1`, `${transport}:${file}${name}`]);
    }
  });
});

describe('what a credential helper or a configuration says', () => {
  const script = `printf '{"ServerURL":"","Username":"%s","Secret":"s"}' '::error\\u009b\\n::x ##vso[x]'`;

  it.each([
    ['its error', `printf '%b' '::error::x\\n##vso[x]\\033[2J\\302\\233' >&2; exit 1`],
    ['its output', `printf '%b' '::error::x\\n##vso[x]\\033[2J\\302\\233'; exit 1`],
    ['its user name', script],
  ])('is shown safely: %s', async (_what, behaviour) => {
    const { run, app, host, directory } = await start();
    const { env } = await installHelper(directory, 'odd', behaviour);
    await mkdir(join(directory, 'docker'), { recursive: true });
    await writeFile(join(directory, 'docker', 'config.json'), JSON.stringify({ credsStore: 'odd' }));
    await run(['inspect', `${app}:amd64`], { PATH: env['PATH'] ?? '' });
    await run(['login', host, '--show'], { PATH: env['PATH'] ?? '' });
  });

  it('is shown safely: the name of a helper, of a registry, and of a file', async () => {
    const { run, app, directory } = await start();
    await mkdir(join(directory, 'docker'), { recursive: true });
    const file = join(directory, 'docker', 'config.json');
    for (const config of [
      { credsStore: NAME },
      { auths: { [HOSTILE]: { auth: HOSTILE } } },
      { [HOSTILE]: 1, auths: [HOSTILE] },
    ]) {
      await writeFile(file, JSON.stringify(config));
      await run(['inspect', `${app}:amd64`]);
    }
    await run(['inspect', `${app}:amd64`, '--authfile', join(directory, NAME.slice(0, 60))]);
    await run(['inspect', `${app}:amd64`], { DOCKER_CONFIG: join(directory, NAME.slice(0, 60)) });
  });
});

describe('the command line and the environment', () => {
  it.each([
    [[HOSTILE]],
    [[`--${HOSTILE}`]],
    [['inspect', HOSTILE]],
    [['inspect', `--${HOSTILE}`]],
    [['inspect', 'a', 'b', HOSTILE]],
    [['inspect', 'a', '--format', HOSTILE]],
    [['inspect', 'a', '--platform', HOSTILE]],
    [['inspect', 'a', '--timeout', HOSTILE]],
    [['inspect', 'a', '--concurrency', HOSTILE]],
    [['inspect', `docker://${HOSTILE}`]],
    [['inspect', `oci:${NAME}`]],
    [['inspect', `oci-archive:${NAME}`]],
    [['inspect', `docker-daemon:${NAME}`]],
    [['validate', NAME]],
    [['validate', `./${NAME}.json`]],
    [['create', HOSTILE, HOSTILE]],
    [['create', 'a', `b{${HOSTILE}}`]],
    [['create', 'a', 'b', '--annotation', HOSTILE]],
    [['create', 'a', 'b', '--annotation', `manifest[${HOSTILE}]:a=b`]],
    [['create', 'a', '--file', NAME]],
    [['create', 'a', 'b', '--wait', HOSTILE]],
    [['push', 'a', '--expect-current', HOSTILE]],
    [['push', 'a', '--digest-file', `${NAME}/x`]],
    [['push', 'a', '--tag', HOSTILE]],
    [['login', HOSTILE]],
    [['logout', HOSTILE]],
    [['rm', HOSTILE]],
    [['rm', 'a', 'b', NAME]],
  ])('are shown safely: %j', async (argv) => {
    const { run } = await start();
    await run(argv);
  });

  it.each([
    ['MULTIARCH_STORE', '/proc/nothing'],
    ['HTTPS_PROXY', ''],
    ['HTTP_PROXY', 'http://'],
    ['DOCKER_HOST', ''],
    ['SSL_CERT_FILE', '/'],
    ['REGISTRY_AUTH_FILE', '/'],
  ])('are shown safely: %s', async (variable, prefix) => {
    const { run, app } = await start();
    for (const name of [`${app}:amd64`, 'docker-daemon:a']) {
      await run(['inspect', name, '--retries', '0'], { [variable]: prefix + NAME });
    }
  });
});

it('a value that looks like an escape is shown as it is', async () => {
  const { run, put } = await start();
  const harmless = { a: 'a \\u202e # #vso[ :: ## [x] # x:: ü 中 🙂' };
  const odd = put('odd', indexJson({ annotations: harmless }, { ...entry, platform: amd64.platform }));
  expect((await run(['inspect', odd])).stdout).toBe(
    `${JSON.stringify(JSON.parse(indexJson({ annotations: harmless }, { ...entry, platform: amd64.platform })), undefined, 3)}\n`,
  );
});
