import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { amd64, arm64 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { podman, podmanPull, skopeo } from '../support/peers.js';
import { Repository } from '../support/repository.js';
import { multiarch, mustRun, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';

const IMAGES = { amd64, arm64 };
type Name = keyof typeof IMAGES;
const NAMES = ['amd64', 'arm64'] as const;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Who made `oci-amd64.tar`, `docker-arm64.tar` and so on: each in a directory of its own. */
const MAKERS = ['podman save', 'skopeo copy', 'podman save, then gzip'] as const;

describeIntegration('images of archives', ['docker-registry', 'skopeo', 'podman'], () => {
  /** For what is made once: archives, and what podman keeps. */
  let shared: Sandbox;
  let staging: RunningRegistry;
  let production: RunningRegistry;
  let sandbox: Sandbox;
  /** Where releases go; another one for each test. */
  let app: Repository;
  let count = 0;

  beforeAll(async () => {
    [shared, staging, production] = await Promise.all([makeSandbox(), startRegistry(), startRegistry()]);
    const parts = new Repository(staging, 'parts');
    for (const maker of MAKERS) await mkdir(join(shared.directory, maker));
    for (const name of NAMES) {
      const source = await parts.add(IMAGES[name], name);
      expect((await podmanPull(shared, source, { architecture: name })).stdout.trim()).toBe(imageId(name));
      for (const kind of ['oci', 'docker']) {
        const file = `${kind}-${name}.tar`;
        const saved = join(shared.directory, 'podman save', file);
        succeeded(await podman(shared, ['save', '-q', '--format', `${kind}-archive`, '-o', saved, source]));
        const copied = `${kind}-archive:${join(shared.directory, 'skopeo copy', file)}:acme/app:${name}`;
        succeeded(await skopeo(shared, ['copy', '-q', `docker://${source}`, copied]));
        const gzipped = join(shared.directory, 'podman save, then gzip', file);
        await copyFile(saved, gzipped);
        await mustRun('gzip', [gzipped]);
        await copyFile(`${gzipped}.gz`, gzipped);
      }
    }
  }, 60_000);
  afterAll(() => Promise.all([shared.remove(), staging.stop(), production.stop()]));

  beforeEach(async () => {
    sandbox = await makeSandbox();
    count += 1;
    app = new Repository(production, `acme-${count}/app`);
  });
  afterEach(() => sandbox.remove());

  function imageId(name: Name): string {
    return IMAGES[name].config.digest.replace('sha256:', '');
  }

  function inSandbox(file: string): string {
    return join(sandbox.directory, file);
  }

  function ours(...words: string[]): Promise<RunResult> {
    return multiarch(sandbox, words);
  }

  /** @returns the standard output */
  async function succeed(...words: string[]): Promise<string> {
    return succeeded(await ours(...words));
  }

  /** The archives of one maker, copied to where the commands run. */
  async function takeArchives(maker: (typeof MAKERS)[number]): Promise<void> {
    const directory = join(shared.directory, maker);
    for (const file of await readdir(directory)) await copyFile(join(directory, file), inSandbox(file));
  }

  /** skopeo and podman find the image of each platform there, with the config that it was made with. */
  async function expectImages(tag = '1.2'): Promise<void> {
    for (const name of NAMES) {
      const words = ['inspect', '--raw', '--config', '--tls-verify=false', `docker://${app.name}:${tag}`];
      // A flag for all commands, which has to come first.
      const config = await mustRun('skopeo', ['--override-arch', name, ...words]);
      expect(config).toBe(Buffer.from(IMAGES[name].config.bytes).toString());
      const pulled = await podmanPull(sandbox, `${app.name}:${tag}`, { architecture: name });
      expect(pulled).toMatchObject({ code: 0, stdout: `${imageId(name)}\n` });
    }
  }

  /** Nothing of ours stays in the directory for temporary files. */
  async function leavesNothing(...words: string[]): Promise<RunResult> {
    const TMPDIR = inSandbox('tmp');
    await mkdir(TMPDIR, { recursive: true });
    const result = await multiarch(sandbox, words, { env: { TMPDIR } });
    expect(await readdir(TMPDIR)).toEqual([]);
    return result;
  }

  describe.each(MAKERS)('as %s makes them', (maker) => {
    beforeEach(() => takeArchives(maker));

    it('become one published index: create, and push in a later process', async () => {
      const list = `${app.name}:1.2`;
      const sources = ['oci-archive:oci-amd64.tar', 'docker-archive:docker-arm64.tar'];
      const created = succeeded(await leavesNothing('create', list, ...sources));
      expect(created).toBe(`Created manifest list ${list}\n`);
      const pushed = succeeded(await leavesNothing('push', list, '--purge'));

      const lines = pushed.trimEnd().split('\n');
      expect(lines).toHaveLength(3);
      expect(lines.at(-1)).toMatch(DIGEST);
      await expectImages();
      const table = await succeed('inspect', list, '--format', 'table');
      expect(table).toMatch(/^linux\/amd64 .*\nlinux\/arm64 /m);
      // In one run it is the same index, and nothing is left to do.
      const again = await succeed('create', list, ...sources, '--push', '-q');
      expect(again.trimEnd()).toBe(lines.at(-1));
    });

    it('the other way round: the arm64 image of a layout, the amd64 image of docker save', async () => {
      const list = `${app.name}:1.2`;
      const words = ['docker-archive:docker-amd64.tar', 'oci-archive:oci-arm64.tar'];
      succeeded(await leavesNothing('create', list, ...words, '--push', '--layer-compression', 'none'));
      await expectImages();
    });
  });

  it('are read by skopeo and podman from a layout, under any name that these write', async () => {
    await takeArchives('podman save');
    for (const target of [
      `oci:${inSandbox('out')}:1.2+b5`,
      `oci-archive:${inSandbox('out.tar')}:localhost/app:latest`,
    ]) {
      await succeed('copy', 'docker-archive:docker-amd64.tar', target, '-q');
      expect(await mustRun('skopeo', ['inspect', '--raw', target])).toContain('vnd.oci.image.manifest');
    }
    const archive = `oci-archive:${inSandbox('out.tar')}:localhost/app:latest`;
    const pulled = await podmanPull(sandbox, archive, { architecture: 'amd64' });
    expect(succeeded(pulled)).toBe(`${imageId('amd64')}\n`);
    const theirs = inSandbox('theirs');
    for (const name of NAMES) {
      const saved = `docker-archive:${inSandbox(`docker-${name}.tar`)}`;
      succeeded(await skopeo(sandbox, ['copy', '-q', saved, `oci:${theirs}:localhost/${name}:latest`]));
    }
    const list = `oci:${theirs}:latest`;
    const sources = NAMES.map((name) => `oci:${theirs}:localhost/${name}:latest`);
    await succeed('create', list, ...sources, '--push', '-q');
    expect(await mustRun('skopeo', ['inspect', '--raw', list])).toBe(await succeed('inspect', '--raw', list));
  }, 60_000);

  it('are copied, and inspected, validated and compared where they are', async () => {
    await takeArchives('podman save');
    for (const kind of ['oci', 'docker']) {
      const source = `${kind}-archive:${kind}-arm64.tar`;
      const digest = (await succeed('copy', source, `${app.name}:${kind}`)).trimEnd();
      expect(digest).toMatch(DIGEST);
      expect(await succeed('inspect', source, '--raw')).toBe((await app.readManifest(kind)).text);
      expect(await succeed('inspect', source, '--raw', '--config')).toBe(
        Buffer.from(arm64.config.bytes).toString(),
      );
      expect(await succeed('validate', source)).toContain(`valid image-manifest (${digest}, 1 layer)`);
      expect(await succeed('diff', source, `${app.name}:${kind}`)).toContain('The two are identical.');
      for (const format of ['tree', 'table']) {
        const shown = await succeed('inspect', source, '--format', format);
        expect(shown).toContain('linux/arm64');
        expect(shown).toContain(digest);
      }
      expect(await ours('diff', source, `${kind}-archive:${kind}-amd64.tar`)).toMatchObject({
        code: 1,
        stderr: '',
      });
      expect(await ours('inspect', source, '--platform', 'linux/amd64')).toMatchObject({
        code: 3,
        stdout: '',
        stderr: expect.stringContaining('hint: It has linux/arm64.'),
      });
    }
  });

  describe('that change between create and push', () => {
    const list = (): string => `${app.name}:1.2`;

    beforeEach(async () => {
      await takeArchives('skopeo copy');
      await app.add(amd64, '1.2');
      await succeed('create', list(), 'oci-archive:oci-arm64.tar', 'docker-archive:docker-amd64.tar');
    });

    it.each<
      [change: string, file: string, code: number, words: string, change: (file: string) => Promise<void>]
    >([
      ['is gone', 'oci-arm64.tar', 3, 'does not exist', (file) => rm(file)],
      ['is gone', 'docker-amd64.tar', 3, 'no such file:', (file) => rm(file)],
      [
        'holds another image',
        'oci-arm64.tar',
        3,
        'has changed since the draft was created',
        (file) => copyFile(inSandbox('oci-amd64.tar'), file),
      ],
      [
        'holds another image',
        'docker-amd64.tar',
        3,
        'changed since the draft was created',
        (file) => copyFile(inSandbox('docker-arm64.tar'), file),
      ],
      ['has a wrong byte in a layer', 'oci-arm64.tar', 5, 'digest', (file) => spoil(file, 'Hello from')],
      ['has a wrong byte in a layer', 'docker-amd64.tar', 5, 'diff_id', (file) => spoil(file, 'Hello from')],
      [
        'is cut off',
        'oci-arm64.tar',
        5,
        'is truncated',
        async (file) => writeFile(file, (await readFile(file)).subarray(0, 1500)),
      ],
    ])('%s: %s ends with %d', async (_, file, code, words, change) => {
      await change(inSandbox(file));
      const result = await leavesNothing('push', list());
      expect(result).toMatchObject({ code, stdout: '' });
      expect(result.stderr).toContain(inSandbox(file));
      expect(result.stderr).toContain(words);
      const { text } = await app.readManifest('1.2');
      expect(text).toBe(Buffer.from(amd64.manifest.bytes).toString());
      // The draft is still there.
      expect(await succeed('ls', '-q')).toBe(`${list()}\n`);
    });

    /** Changes one byte of a layer. skopeo keeps the tiny layers as they are: stored, not deflated. */
    async function spoil(file: string, text: string): Promise<void> {
      const bytes = await readFile(file);
      const position = bytes.indexOf(text);
      expect(position).toBeGreaterThan(0);
      bytes.writeUInt8(bytes.readUInt8(position) ^ 1, position);
      await writeFile(file, bytes);
    }
  });

  describe('an archive as a target', () => {
    beforeEach(() => takeArchives('podman save'));

    it('of push and of --tag, which skopeo and podman read', async () => {
      const list = `oci-archive:${inSandbox('out.tar')}:1.2`;
      await succeed('create', list, 'oci-archive:oci-amd64.tar', 'docker-archive:docker-arm64.tar');
      expect(await succeed('ls')).toBe(`${list}  linux/amd64, linux/arm64\n`);
      const other = `oci-archive:${inSandbox('other.tar')}:stable`;
      const pushed = await succeed('push', list, '-t', 'latest', '-t', other, '-t', `${app.name}:1.2`);
      const digest = pushed.trimEnd().split('\n').at(-1) ?? '';

      await expectImages();
      for (const place of [list, `oci-archive:${inSandbox('out.tar')}:latest`, other]) {
        expect(await succeed('validate', place)).toContain(`valid image-index (${digest}, 2 manifests)`);
        expect(await succeed('diff', place, `${app.name}:1.2`)).toContain('The two are identical.');
        const raw = succeeded(await skopeo(sandbox, ['inspect', '--raw', place]));
        expect(raw).toBe((await app.readManifest('1.2')).text);
      }
      // podmanPull has written it.
      const trust = ['--signature-policy', inSandbox('policy.json')];
      const pulled = await podman(sandbox, ['pull', '-q', ...trust, '--arch', 'arm64', other]);
      expect(succeeded(pulled).trim()).toBe(imageId('arm64'));

      // A second tag into a file keeps the first; the draft can go.
      await succeed('copy', other, `oci-archive:${inSandbox('out.tar')}:third`, '--platform', 'linux/arm64');
      expect(await ours('inspect', `oci-archive:${inSandbox('out.tar')}`)).toMatchObject({
        code: 125,
        stderr: expect.stringContaining('1.2, latest, third'),
      });
      await succeed('rm', list);
      expect(await succeed('ls')).toBe('');
      expect(existsSync(inSandbox('out.tar'))).toBe(true);
    });

    it('keeps its file where a push fails', async () => {
      const list = `oci-archive:${inSandbox('out.tar')}:1.2`;
      await succeed('create', list, 'oci-archive:oci-amd64.tar', '--push', '--purge');
      const before = await readFile(inSandbox('out.tar'));
      await succeed('create', list, 'docker-archive:docker-arm64.tar');
      await rm(inSandbox('docker-arm64.tar'));
      expect(await ours('push', list)).toMatchObject({ code: 3, stdout: '' });
      expect((await readFile(inSandbox('out.tar'))).equals(before)).toBe(true);
      expect((await readdir(sandbox.directory)).filter((name) => name.includes('out.tar'))).toEqual([
        'out.tar',
      ]);
    });
  });

  describe('an image that a daemon holds', () => {
    /** podman's own service, which answers as docker's does. */
    async function startService(): Promise<string> {
      const socket = join(shared.directory, 'service.sock');
      let service: ChildProcess | undefined;
      const ended = podman(shared, ['system', 'service', '--time', '0', `unix://${socket}`], {
        onStart: (child) => (service = child),
      });
      onTestFinished(async () => {
        service?.kill('SIGTERM');
        await ended;
        await rm(socket, { force: true });
      });
      await vi.waitUntil(() => existsSync(socket), { timeout: 20_000 });
      return `unix://${socket}`;
    }

    it('is created from, copied, inspected and validated, and leaves no file', async () => {
      const TMPDIR = inSandbox('tmp');
      await mkdir(TMPDIR);
      const env = { DOCKER_HOST: await startService(), TMPDIR };
      const source = `docker-daemon:${staging.host}/parts:arm64`;
      const run = (...words: string[]): Promise<RunResult> => multiarch(sandbox, words, { env });

      await takeArchives('podman save');
      const list = `${app.name}:1.2`;
      succeeded(await run('create', list, source, 'oci-archive:oci-amd64.tar'));
      succeeded(await run('push', list));
      await expectImages();

      const digest = succeeded(await run('copy', source, `${app.name}:copied`)).trimEnd();
      const { text } = await app.readManifest('copied');
      expect(succeeded(await run('inspect', source, '--raw'))).toBe(text);
      expect(succeeded(await run('inspect', source, '--raw', '--config'))).toBe(
        Buffer.from(arm64.config.bytes).toString(),
      );
      expect(succeeded(await run('validate', source))).toContain(`valid image-manifest (${digest}, 1 layer)`);
      expect(succeeded(await run('diff', source, `${app.name}:copied`))).toContain('The two are identical.');
      expect(await run('copy', `docker-daemon:${staging.host}/parts:gone`, `${app.name}:gone`)).toMatchObject(
        {
          code: 3,
          stdout: '',
          stderr: expect.stringContaining('gone'),
        },
      );
      expect(await app.hasManifest('gone')).toBe(false);
      expect(await readdir(TMPDIR)).toEqual([]);
    });
  });
});

/** @returns the standard output of a command that must succeed */
function succeeded({ code, stdout, stderr }: RunResult): string {
  if (code !== 0) throw new Error(`it ended with ${String(code)}: ${stderr}`);
  return stdout;
}
