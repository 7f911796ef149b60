// The names and options of buildx, podman, skopeo and regctl.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64, attested } from '../../support/images.js';
import { makeCommandLine, startCommandLine } from '../../support/in-process.js';
import { startRegistry } from '../../support/open-repository.js';

const images = { amd64, arm64, attested };
const DESCRIPTOR = {
  mediaType: amd64.manifest.mediaType,
  size: amd64.manifest.size,
  digest: amd64.manifest.digest,
};

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

describe("buildx's create -t", () => {
  it('publishes the first tag as the list, and the others as further tags', async () => {
    const { app, host, registry, run } = await startCommandLine({ images });
    const argv = ['create', '-t', `${app}:1`, '--tag', `${host}/other:2`, `${app}:amd64`, `${app}:arm64`];
    expect((await run([...argv, '--dry-run'])).code).toBe(0);
    expect(registry.manifest('app', '1')).toBeUndefined();
    const { code, stdout } = await run([...argv, '-q']);
    expect([code, stdout]).toEqual([0, `${registry.manifest('app', '1')?.digest}\n`]);
    expect(registry.manifest('other', '2')?.digest).toBe(registry.manifest('app', '1')?.digest);
  });

  it.each<[string, (app: string) => readonly string[]]>([
    ['after the sources', (app) => ['create', `${app}:1`, `${app}:amd64`, '-t', `${app}:2`]],
    ['for a tag of the list', (app) => ['create', '-t', 'latest', `${app}:1`, `${app}:amd64`]],
    ['without a source', (app) => ['create', '-t', `${app}:2`]],
    ['with an assembly file only', (app) => ['create', '-t', `${app}:2`, '-f', 'assembly.yaml']],
  ])('needs --push %s', async (_where, argv) => {
    const { app, registry, run } = await startCommandLine({ images });
    const { code, stderr } = await run(argv(app));
    expect([code, stderr]).toEqual([125, expect.stringContaining('--tag needs --push')]);
    expect(registry.requests).toEqual([]);
  });

  it('is not meant with --push, where -t is a further tag', async () => {
    const { app, registry, run } = await startCommandLine({ images });
    expect((await run(['create', '-t', 'latest', '--push', `${app}:1`, `${app}:amd64`])).code).toBe(0);
    expect(registry.manifest('app', 'latest')?.digest).toBe(registry.manifest('app', '1')?.digest);
  });
});

describe('a descriptor in JSON as a source', () => {
  const create = async (descriptor: unknown): Promise<{ code: number; stderr: string; index?: Index }> => {
    const { app, registry, run } = await startCommandLine({ images });
    const text = typeof descriptor === 'string' ? descriptor : JSON.stringify(descriptor);
    const { code, stderr } = await run(['create', '-t', `${app}:1`, text, '-q']);
    const bytes = registry.manifest('app', '1')?.bytes.toString();
    return { code, stderr, ...(bytes !== undefined && { index: JSON.parse(bytes) as Index }) };
  };

  it.each<[what: string, descriptor: object, entry: object]>([
    ['with only a digest', { digest: DESCRIPTOR.digest }, { ...DESCRIPTOR, platform: amd64.platform }],
    [
      'with a platform and annotations, which replace those of the image',
      { ...DESCRIPTOR, platform: { os: 'linux', architecture: 's390x' }, annotations: { a: 'b' } },
      { ...DESCRIPTOR, platform: { architecture: 's390x', os: 'linux' }, annotations: { a: 'b' } },
    ],
    [
      'with a part of a platform, which is completed from the image',
      { digest: DESCRIPTOR.digest, platform: { 'os.version': '10.1' } },
      { ...DESCRIPTOR, platform: { ...amd64.platform, 'os.version': '10.1' } },
    ],
  ])('%s', async (_what, descriptor, entry) => {
    const { code, index } = await create(descriptor);
    expect([code, index?.manifests]).toEqual([0, [entry]]);
  });

  it.each<[descriptor: object | string, code: number, message: string]>([
    [{ schemaVersion: 2, manifests: [] }, 125, 'a source is JSON, but a manifest or an index'],
    [{ mediaType: DESCRIPTOR.mediaType }, 125, 'a source is JSON, but no descriptor'],
    ['{}', 125, 'no descriptor'],
    [{ digest: 'sha256:x' }, 5, 'is invalid'],
    [{ ...DESCRIPTOR, annotations: { a: 1 } }, 5, 'is invalid'],
    [{ ...DESCRIPTOR, size: DESCRIPTOR.size + 1 }, 5, 'has the size'],
    ['{"digest":', 5, 'not JSON'],
  ])('is refused: %j', async (descriptor, code, message) => {
    const result = await create(descriptor);
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(message)]);
    expect(result.index).toBeUndefined();
  });
});

it('annotates the entries of manifest-descriptor:, with attestations as in buildx', async () => {
  const { app, registry, run } = await startCommandLine({ images });
  const annotations = [
    ['--annotation', 'manifest-descriptor:all=1'],
    ['--annotation', 'index,manifest:images=1'],
    ['--annotation', 'manifest-descriptor[linux/amd64]:one=1'],
  ].flat();
  const { code } = await run(['create', `${app}:1`, `${app}:attested`, ...annotations, '--push']);
  const index = JSON.parse(registry.manifest('app', '1')?.bytes.toString() ?? '') as Index & {
    annotations: object;
  };
  expect([code, index.annotations]).toEqual([0, { images: '1' }]);
  const keys = index.manifests.map(({ platform, annotations: own = {} }) => [
    platform['architecture'],
    Object.keys(own)
      .filter((key) => !key.includes('.'))
      .join(),
  ]);
  expect(keys).toEqual([
    ['amd64', 'all,images,one'],
    ['arm64', 'all,images'],
    ['unknown', 'all'],
    ['unknown', 'all'],
  ]);
});

it.each(['oci-layout', 'ocidir'])('reads and writes %s:// as oci:, with the tag latest', async (scheme) => {
  const { app, directory, registry, run } = await startCommandLine({ images });
  const layout = join(directory, 'out');
  expect((await run(['copy', `${app}:amd64`, `${scheme}://${layout}`])).code).toBe(0);
  expect((await run(['copy', `${app}:arm64`, `${scheme}://${layout}:arm64`])).code).toBe(0);
  const sources = [`${scheme}://${layout}`, `oci:${layout}:arm64`];
  expect((await run(['create', '-t', `${app}:1`, ...sources])).code).toBe(0);
  const index = JSON.parse(registry.manifest('app', '1')?.bytes.toString() ?? '') as Index;
  expect(index.manifests.map(({ digest }) => digest)).toEqual([amd64.manifest.digest, arm64.manifest.digest]);
});

describe("podman's options", () => {
  const account = { kind: 'basic', username: 'jane', password: 'top:secret' } as const;

  it('--all is what is done anyway, and --rm deletes the draft', async () => {
    const { app, run } = await startCommandLine({ images });
    expect((await run(['create', '--all', `${app}:1`, `${app}:amd64`])).code).toBe(0);
    expect((await run(['push', '--all', '--rm', `${app}:1`])).code).toBe(0);
    expect((await run(['ls'])).stdout).toBe('');
    expect((await run(['copy', '--all', `${app}:1`, `${app}:2`])).code).toBe(0);
    for (const argv of [
      ['create', `${app}:3`],
      ['push', `${app}:1`],
      ['copy', `${app}:1`, `${app}:2`],
    ]) {
      const { code, stderr } = await run([...argv, '--all=false']);
      expect([code, stderr]).toEqual([125, expect.stringContaining('--all=false is not supported')]);
    }
  });

  it('--creds is a login for one call, with a warning', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run } = await makeCommandLine();
    const result = await run(['inspect', `${host}/app:1`, '--creds', 'jane:top:secret']);
    expect([result.code, result.stderr]).toEqual([
      3,
      expect.stringContaining('warning: --creds is visible to other'),
    ]);
    expect(result.stderr).not.toContain('secret');
  });

  it.each([
    [['inspect', 'r.example/app', '--creds', 'hunter2'], '--creds takes USER:PASSWORD'],
    [['inspect', 'r.example/app', '--creds', ':hunter2'], '--creds takes USER:PASSWORD'],
    [['inspect', 'r.example/app', '--creds', ''], '--creds is empty'],
    [['inspect', 'r.example/app', '--creds', '-x:hunter2'], 'a flag follows'],
    [['inspect', 'r.example/app', '--creds', 'j:hunter2', '--registry-token', 'x'], '--creds excludes'],
    [['inspect', 'r.example/app', 's.example/app', '--creds', 'j:hunter2'], 'are named'],
    [['login', 'r.example', '--creds', 'j:hunter2'], 'login takes --username and --password-stdin'],
    [['inspect', 'r.example/app', '--tls-verify', '--insecure'], '--insecure and --tls-verify contradict'],
    [['inspect', 'r.example/app', '--tls-verify=false', '--insecure=false'], 'contradict each other'],
    [
      ['inspect', 'r.example/app', '--authfile', '/nonexistent.json'],
      '--authfile /nonexistent.json: no such file',
    ],
    [['inspect', 'r.example/app', '--authfile', '/'], '--authfile /: it is a directory'],
    [['login', 'r.example', '--authfile', '/'], '--authfile /: it is a directory'],
  ])('are refused: %j', async (argv, message) => {
    const { run } = await makeCommandLine();
    const { code, stderr } = await run(argv);
    expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
    expect(stderr).not.toContain('hunter2');
  });

  it('--authfile replaces all other files, and login writes it', async () => {
    const { host } = await startRegistry({ auth: account });
    const { run, directory } = await makeCommandLine();
    const file = join(directory, 'auth.json');
    const login = ['login', host, '-u', 'jane', '--password-stdin', '--authfile', file];
    expect((await run(login, { stdin: 'top:secret' })).code).toBe(0);
    expect(await readFile(file, 'utf8')).toContain(host);
    const other = join(directory, 'other.json');
    await writeFile(other, '{}');
    const env = { REGISTRY_AUTH_FILE: other };
    expect((await run(['inspect', `${host}/app:1`], { env })).code).toBe(4);
    expect((await run(['inspect', `${host}/app:1`, '--authfile', file], { env })).code).toBe(3);
  });

  it('--tls-verify is HTTPS for localhost too, and --tls-verify=false is --insecure', async () => {
    const { app, registry, run } = await startCommandLine({ images });
    expect((await run(['inspect', `${app}:amd64`, '--tls-verify=false'])).code).toBe(0);
    const before = registry.requests.length;
    expect((await run(['inspect', `${app}:amd64`, '--tls-verify', '--retries', '0'])).code).toBe(6);
    expect(registry.requests).toHaveLength(before);
  });
});

it('--metadata-file has the keys of buildx', async () => {
  const { app, directory, host, registry, run } = await startCommandLine({ images });
  const file = join(directory, 'metadata.json');
  const layout = join(directory, 'out');
  const tags = ['-t', `${host}/zoo:1`, '-t', `${app}:latest`, '-t', `oci:${layout}:1`];
  const argv = ['create', `${app}:1`, `${app}:amd64`, ...tags, '--push', '--metadata-file', file];
  expect((await run(argv)).code).toBe(0);
  const { mediaType, digest, bytes } = registry.manifest('app', '1') ?? {};
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
    digest,
    'containerimage.descriptor': { mediaType, digest, size: bytes?.length },
    'image.name': [layout, app, `${host}/zoo`].toSorted().join(','),
  });
});
