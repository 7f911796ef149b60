import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { amd64, arm64, pair as index } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { Repository } from '../support/repository.js';
import { multiarch, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { type Answer } from '../support/fake-server.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { snapshot } from '../support/snapshot.js';
import { writeLayout, type TinyBlob } from '../support/tiny-image.mjs';

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const manifest = Buffer.from(amd64.manifest.bytes);
const members = JSON.parse(manifest.toString()) as object;
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
});
afterEach(() => sandbox.remove());

const ours = (...words: string[]): Promise<RunResult> => multiarch(sandbox, [...words, '--retries', '0']);
const drafts = (): ReturnType<typeof snapshot> => snapshot(join(sandbox.directory, 'drafts'));

describe('what a server should not answer', () => {
  const json = (value: object, contentType = OCI_MANIFEST) => ({
    status: 200,
    headers: { 'content-type': contentType },
    body: JSON.stringify(value),
  });

  it.each<{ name: string; answer: Answer; code: number; message: RegExp }>([
    {
      name: 'a page in HTML',
      answer: { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' },
      code: 5,
      message: /HTML/,
    },
    {
      name: 'HTML that is called a manifest',
      answer: { status: 200, headers: { 'content-type': OCI_MANIFEST }, body: '<html>Sign in</html>' },
      code: 5,
      message: /JSON/,
    },
    {
      name: 'a body that is cut off',
      answer: { fault: 'cut-body', body: manifest, sent: 100 },
      code: 6,
      message: /the connection was lost after 100 of 402 bytes/,
    },
    {
      name: 'a body that ends early',
      answer: { fault: 'short-body', body: manifest, sent: 100 },
      code: 6,
      message: /the connection was lost after 100 of 402 bytes/,
    },
    {
      name: 'a whole document of which half is there',
      answer: { status: 200, headers: { 'content-type': OCI_MANIFEST }, body: manifest.subarray(0, 200) },
      code: 5,
      message: /JSON/,
    },
    {
      name: 'a manifest of 64 MiB',
      answer: { ...json({}), body: Buffer.alloc(64 << 20, ' ') },
      code: 5,
      message: /67108864 bytes long; the limit for manifests is 8388608/,
    },
    {
      name: 'a media type that nobody knows',
      answer: json(
        { ...members, mediaType: 'application/vnd.example.v9+json' },
        'application/vnd.example.v9+json',
      ),
      code: 5,
      message: /application\/vnd\.example\.v9\+json/,
    },
    {
      name: 'a manifest of schema 1',
      answer: json(
        { schemaVersion: 1, name: 'app', tag: '1', architecture: 'amd64', fsLayers: [], history: [] },
        'application/vnd.docker.distribution.manifest.v1+prettyjws',
      ),
      code: 5,
      message: /schema ?(version )?1/i,
    },
    {
      name: 'a manifest that is announced as an index',
      answer: json(members, OCI_INDEX),
      code: 5,
      message: /application\/vnd\.oci\.image\.index\.v1\+json/,
    },
    {
      name: 'a document that is manifest and index at once',
      answer: json({ ...members, manifests: [] }),
      code: 5,
      message: /manifests belongs to another kind of document/,
    },
    {
      name: 'a manifest without its config',
      answer: json({ ...members, config: undefined }),
      code: 5,
      message: /config/,
    },
    {
      name: 'a manifest with a digest that would be a path',
      answer: json({
        ...members,
        layers: [{ mediaType: 'a/b', size: 1, digest: 'sha256:../../../etc/passwd' }],
      }),
      code: 5,
      message: /digest/,
    },
    {
      name: 'other bytes than its own header says',
      answer: {
        ...json(members),
        headers: { 'content-type': OCI_MANIFEST, 'docker-content-digest': NO_DIGEST },
      },
      code: 5,
      message: /sha256:0000/,
    },
  ])('$name', async ({ answer, code, message }) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path: '/v2/app/manifests/1', times: 2, answer });
    const image = `${server.host}/app:1`;
    const layout = join(sandbox.directory, 'layout');
    await writeLayout(layout, arm64, 'arm64');
    await ours('create', 'example.com/app:1', `oci:${layout}:arm64`);
    const before = await drafts();
    expect(Object.keys(before)).toHaveLength(1);

    for (const words of [
      ['inspect', image],
      ['create', '--amend', 'example.com/app:1', image],
    ]) {
      const result = await ours(...words);

      expect(result).toMatchObject({ code, stdout: '' });
      expect(result.stderr).toContain(server.host);
      expect(result.stderr).toMatch(message);
      expect(result.stderr).not.toContain('bug in multiarch');
      expect(result.stderr.length).toBeLessThan(2_000);
    }
    expect(await drafts()).toEqual(before);
  });
});

it('another manifest than the one of the digest that was asked for', async () => {
  const server = await startScriptedServer();
  const headers = { 'content-type': OCI_MANIFEST };
  const path = `/v2/app/manifests/${arm64.manifest.digest}`;
  server.expect({ method: 'GET', path, times: 2, answer: { status: 200, headers, body: manifest } });
  const image = `${server.host}/app@${arm64.manifest.digest}`;

  for (const words of [
    ['inspect', image],
    ['create', 'example.com/app:1', image],
  ]) {
    const result = await ours(...words);

    expect(result).toMatchObject({ code: 5, stdout: '' });
    expect(result.stderr).toContain(image);
    expect(result.stderr).toContain(amd64.manifest.digest);
  }
  expect(await drafts()).toEqual({});
});

describeIntegration('bad input', ['docker-registry'], () => {
  let registry: RunningRegistry;
  let app: Repository;
  beforeAll(async () => {
    registry = await startRegistry();
    app = new Repository(registry, 'app');
    await app.add(amd64, 'amd64');
    await app.add(arm64, 'arm64');
    await app.add(index, 'index');
    await app.putManifest(
      blobOf(OCI_INDEX, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] })),
      'empty',
    );
  });
  afterAll(() => registry.stop());

  /** In the arguments, the registry's repository is `APP`. */
  async function run(...words: string[]): Promise<RunResult> {
    return ours(...words.map((word) => word.replaceAll('APP', app.name)));
  }

  /** The command fails in this way, and nothing is other than before: no draft, nothing at the registry, no layout. */
  async function expectFailure(
    words: readonly string[],
    { code, message }: { readonly code: number; readonly message: RegExp | string },
  ): Promise<void> {
    const state = () =>
      Promise.all([drafts(), snapshot(registry.storage), snapshot(join(sandbox.directory, 'out'))]);
    const before = await state();
    const result = await run(...words);
    expect(result).toMatchObject({ code, stdout: '' });
    const text = typeof message === 'string' ? message.replaceAll('APP', app.name) : message;
    if (typeof text === 'string') expect(result.stderr).toContain(text);
    else expect(result.stderr).toMatch(text);
    expect(result.stderr).not.toContain('bug in multiarch');
    expect(await state()).toEqual(before);
  }

  describe('names', () => {
    it.each<[name: string, words: string[], code: number, message: RegExp | string]>([
      ['upper case in a path', ['inspect', 'APP/Upper:1'], 125, 'APP/Upper:1'],
      ['a space', ['create', 'APP:1', 'APP:a b'], 125, 'APP:a b'],
      ['an empty tag', ['inspect', 'APP:'], 125, 'APP:'],
      ['no name at all', ['inspect', ''], 125, 'invalid reference ""'],
      ['a digest that is too short', ['inspect', 'APP@sha256:12'], 125, 'APP@sha256:12'],
      [
        'a digest of no known algorithm',
        ['create', 'APP:1', 'APP@md5:d41d8cd98f00b204e9800998ecf8427e'],
        125,
        /md5/,
      ],
      ['a path out of the registry', ['inspect', 'APP/../../v2:1'], 125, /\.\./],
      ['a port that is none', ['inspect', '127.0.0.1:99999/app:1'], 125, '127.0.0.1:99999'],
      ['an IPv6 address that is none', ['inspect', '[1:2]/app:1'], 125, '[1:2]'],
      [
        'a digest that is not there',
        ['inspect', `APP@${NO_DIGEST}`],
        3,
        `no such manifest: APP@${NO_DIGEST}`,
      ],
      ['a tag with another digest', ['create', 'APP:1', `APP:amd64@${NO_DIGEST}`], 3, NO_DIGEST],
      ['a layout that is not there', ['create', 'APP:1', 'oci:nowhere:1'], 3, /nowhere/],
      ['an unknown flag', ['create', 'APP:1', 'APP:amd64', '--bogus'], 125, /bogus/],
    ])('%s', async (_name, words, code, message) => {
      await expectFailure(words, { code, message });
    });
  });

  describe('bytes that are not what their digest says', () => {
    it.each<[name: string, blob: TinyBlob, words: string[], code: number, message: string]>([
      ['config', amd64.config, ['create', 'APP:1', 'APP:amd64'], 5, `APP@${amd64.config.digest}`],
      ['config', amd64.config, ['inspect', '--config', 'APP:amd64'], 5, `APP@${amd64.config.digest}`],
      // distribution notices itself that a manifest is another one, but not that a blob is.
      ['manifest', amd64.manifest, ['inspect', 'APP:amd64'], 6, 'cannot read APP:amd64'],
      ['index', index, ['create', 'APP:1', 'APP:index'], 6, 'cannot read APP:index'],
    ])('%s', async (_name, blob, words, code, message) => {
      const restore = await tamper(blob);
      try {
        await expectFailure(words, { code, message });
      } finally {
        await restore();
      }
    });

    it('layer, on its way into an image layout', async () => {
      const layer = amd64.layers[0] ?? amd64.config;
      const restore = await tamper(layer);
      const result = await run('create', 'oci:out:1', 'APP:amd64', '--push');
      await restore();

      expect(result).toMatchObject({ code: 5, stdout: '' });
      expect(result.stderr).toContain(`${app.name}@${layer.digest}`);
      const files = Object.keys(await snapshot(join(sandbox.directory, 'out')));
      // Whole blobs that came before may be there; this one, the image and its tag are not.
      for (const { digest } of [layer, amd64.manifest]) {
        expect(files).not.toContain(join('blobs', ...digest.split(':')));
      }
      expect(files.filter((file) => file.includes('tmp'))).toEqual([]);
      const names = await readFile(join(sandbox.directory, 'out', 'index.json'), 'utf8').catch(() => '');
      expect(names).not.toContain('sha256:');
    });

    /** Changes one byte of a file of the registry; gives back how to undo it. */
    async function tamper({ digest }: TinyBlob): Promise<() => Promise<void>> {
      const hex = digest.slice('sha256:'.length);
      const file = join(registry.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
      const bytes = await readFile(file);
      const changed = Buffer.from(bytes);
      changed[changed.length - 2] = (changed.at(-2) ?? 0) ^ 1;
      await writeFile(file, changed);
      return () => writeFile(file, bytes);
    }
  });

  it('an index without images is refused when it is published', async () => {
    await run('create', 'APP:1', 'APP:empty');

    await expectFailure(['push', 'APP:1'], {
      code: 5,
      message: 'the index APP:1 is not valid: /manifests has no entries',
    });
  });

  describe('a draft whose file is cut in half', () => {
    it.each([
      ['inspect', ['inspect', 'APP:1']],
      ['annotate', ['annotate', 'APP:1', 'APP:amd64', '--variant', 'v2']],
      ['create --amend', ['create', '--amend', 'APP:1', 'APP:arm64']],
      ['create', ['create', 'APP:1', 'APP:arm64']],
      ['push', ['push', 'APP:1']],
    ])('%s', async (_name, words) => {
      await run('create', 'APP:1', 'APP:amd64');
      await run('create', 'APP:2', 'APP:arm64');
      const store = join(sandbox.directory, 'drafts');
      const file = (await readdir(store)).find((name) => name.endsWith('%3a1.json')) ?? '';
      const path = join(store, file);
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.slice(0, text.length / 2));

      await expectFailure(words, { code: 5, message: path });

      expect(await run('inspect', 'APP:2')).toMatchObject({ code: 0 });
      expect(await run('rm', 'APP:1')).toMatchObject({ code: 0 });
      expect(await run('create', 'APP:1', 'APP:amd64')).toMatchObject({ code: 0 });
    });
  });
});

function blobOf(mediaType: string, text: string): TinyBlob {
  const bytes = Buffer.from(text);
  return {
    bytes,
    mediaType,
    size: bytes.length,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  };
}
