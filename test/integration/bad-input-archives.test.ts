import { createServer } from 'node:http';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { dockerSave, imageOf } from '../support/docker-save.js';
import { COMMAND } from '../support/executable.js';
import { amd64 as small } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { startRegistry as startMemoryRegistry } from '../support/open-repository.js';
import { Repository } from '../support/repository.js';
import { multiarch, run, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { dockerImage, layoutArchive } from '../support/saved-layout.js';
import { snapshot } from '../support/snapshot.js';
import { StallingProxy } from '../support/stalling-proxy.js';
import { writeLayout } from '../support/tiny-image.mjs';

const MEBIBYTE = 1 << 20;
/** A layer of so many bytes, which no compression makes much smaller than a thousandth. */
const imageOfSize = (size: number) => imageOf(['acme/app:1'], [Buffer.alloc(size, 'layer ')]);
const image = imageOfSize(MEBIBYTE);
const listedLarge = dockerImage(imageOfSize(32 * MEBIBYTE), 'docker.io/acme/app:1');
const large = layoutArchive([listedLarge]);

let sandbox: Sandbox;
let temporary: string;
let beside: string;
beforeEach(async () => {
  sandbox = await makeSandbox();
  temporary = join(sandbox.directory, 'tmp');
  beside = join(sandbox.directory, 'beside');
  for (const path of [temporary, beside]) await mkdir(path);
});
afterEach(() => sandbox.remove());

const at = (name: string): string => join(sandbox.directory, name);

/** No stack trace, and no name of ours that is only for as long as the command runs. */
async function expectClean(result: RunResult): Promise<void> {
  expect(result.stderr).not.toMatch(/^ +at /m);
  expect(result.stderr).not.toContain('bug in multiarch');
  expect(await readdir(temporary)).toEqual([]);
  const names = await readdir(beside, { recursive: true });
  expect(names.filter((name) => /multiarch-(tmp|lock)|\.tmp/.test(name))).toEqual([]);
}

describe.runIf(process.platform !== 'win32')('a full disk', () => {
  /** A limit on the size of a file, in blocks of 512 bytes, stands in for a disk that is full. */
  function limited(blocks: number, ...words: string[]): Promise<RunResult> {
    const script = ['-c', `ulimit -f ${blocks} && exec "$@"`, 'sh', ...COMMAND, ...words];
    return run('sh', script, { cwd: sandbox.directory, env: { ...sandbox.env, TMPDIR: temporary } });
  }

  const FULL = /the file size limit is reached\nhint: Free some disk space, or .+\.\n$/;

  it('for a blob of a target archive: the archive that was there stays', async () => {
    await writeFile(at('in.tar'), layoutArchive([dockerImage(image, 'docker.io/acme/app:1')]));
    await writeLayout(at('small'), small, '1');
    const target = `oci-archive:${beside}/out.tar`;
    expect(await multiarch(sandbox, ['copy', 'oci:small', `${target}:old`])).toMatchObject({ code: 0 });
    const before = await readFile(join(beside, 'out.tar'));

    const result = await limited(512, 'copy', '-q', 'oci-archive:in.tar', `${target}:new`);

    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(FULL) });
    expect(result.stderr).toContain(`${beside}/out.tar`);
    expect(await readdir(beside)).toEqual(['out.tar']);
    expect((await readFile(join(beside, 'out.tar'))).equals(before)).toBe(true);
    await expectClean(result);
  });

  it('for the archive as a whole: there is none', async () => {
    const layers = [1, 2, 3].map((count) => Buffer.alloc(MEBIBYTE / 4, `${count} `));
    await writeFile(
      at('in.tar'),
      layoutArchive([dockerImage(imageOf(['acme/app:1'], layers), 'acme/app:1')]),
    );
    const result = await limited(1024, 'copy', '-q', 'oci-archive:in.tar', `oci-archive:${beside}/out.tar:1`);
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(FULL) });
    expect(await readdir(beside)).toEqual([]);
    await expectClean(result);
  });

  it('for a target layout: it lists nothing', async () => {
    await writeFile(at('in.tar'), layoutArchive([dockerImage(image, 'docker.io/acme/app:1')]));
    const result = await limited(512, 'copy', '-q', 'oci-archive:in.tar', `oci:${beside}/out:1`);
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(FULL) });
    const index = await readFile(join(beside, 'out', 'index.json'), 'utf8').catch(() => '');
    expect(index).not.toContain('sha256:');
    await expectClean(result);
  });

  it('for the temporary file of a compressed archive: the hint is to move it', async () => {
    await writeFile(at('in.tar'), gzipSync(layoutArchive([dockerImage(image, 'docker.io/acme/app:1')])));
    const registry = await startMemoryRegistry();
    const result = await limited(512, 'copy', '-q', 'oci-archive:in.tar', `${registry.host}/app:1`);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toBe(
      `error: cannot write a temporary file in ${temporary}: the file size limit is reached\n` +
        'hint: Set TMPDIR to a directory with more space, or decompress the archive first.\n',
    );
    expect(registry.manifest('app', '1')).toBeUndefined();
    await expectClean(result);
  });
});

describe.runIf(process.platform !== 'win32' && process.getuid?.() !== 0)(
  'a file that may not be read',
  () => {
    it.each(['oci', 'docker'])('%s', async (kind) => {
      await writeFile(at('in.tar'), dockerSave(image));
      await chmod(at('in.tar'), 0);
      const words = ['copy', `${kind}-archive:in.tar`, `oci-archive:${beside}/out.tar:1`];
      const result = await multiarch(sandbox, words);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain(`cannot read ${at('in.tar')}: permission denied\nhint: `);
      expect(await readdir(beside)).toEqual([]);
    });
  },
);

describe('Ctrl-C', () => {
  /** Interrupts the command as soon as `moment` has come. */
  async function interrupted(
    moment: Promise<unknown>,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<RunResult> {
    const result = await multiarch(sandbox, words, {
      env: { TMPDIR: temporary, ...env },
      onStart: (child) => {
        void moment.then(() => child.kill('SIGINT'));
      },
    });
    expect(result).toMatchObject({ code: 130, stdout: '' });
    expect(result.stderr).toMatch(/^cancelled\b/m);
    await expectClean(result);
    return result;
  }

  describeIntegration('on the way between an archive and a registry', ['docker-registry'], () => {
    let registry: RunningRegistry;
    beforeAll(async () => {
      registry = await startRegistry();
    });
    afterAll(() => registry.stop());

    it.each([
      ['plain', 'oci', large],
      ['gzip', 'oci', gzipSync(large, { level: 1 })],
      ['docker save', 'docker', dockerSave(imageOfSize(32 * MEBIBYTE))],
    ])('moves no tag, and leaves no temporary file: %s', async (_, kind, content) => {
      await writeFile(at('in.tar'), content);
      const proxy = await StallingProxy.start(registry, 'upload', MEBIBYTE);
      onTestFinished(() => proxy.stop());
      const name = `${kind}-${content.length}`;
      // Small content goes there first: it is the layer that is held up.
      const compression = ['--layer-compression', 'none'];
      const source = `${kind}-archive:in.tar`;
      await interrupted(proxy.stalled, ['copy', source, `${proxy.host}/${name}:1`, ...compression]);
      expect(await new Repository(registry, name).hasManifest('1')).toBe(false);
    });

    it.each(['oci-archive', 'oci'])('leaves the target as it was: %s', async (transport) => {
      const source = new Repository(registry, `from-${transport}`);
      const file = at('in.tar');
      await writeFile(file, large);
      const words = ['copy', '-q', 'oci-archive:in.tar', `${source.name}:1`];
      expect(await multiarch(sandbox, words)).toMatchObject({ code: 0 });
      await writeLayout(at('small'), small, '1');
      const target = `${transport}:${beside}/out`;
      expect(await multiarch(sandbox, ['copy', 'oci:small', `${target}:old`])).toMatchObject({ code: 0 });
      const before = await snapshot(beside);
      const proxy = await StallingProxy.start(registry, 'download', MEBIBYTE);
      onTestFinished(() => proxy.stop());

      const from = source.name.replace(registry.host, proxy.host);
      await interrupted(proxy.stalled, ['copy', `${from}:1`, `${target}:new`]);

      const after = await snapshot(beside);
      // What was written whole may stay in a layout, as in any content store.
      expect(after).toMatchObject(before);
      if (transport === 'oci-archive') expect(after).toEqual(before);
    });
  });

  it('while a daemon saves an image leaves no temporary file', async () => {
    let stall = (): void => {};
    const stalled = new Promise<void>((resolve) => (stall = resolve));
    const server = createServer((request, response) => {
      if (request.url?.includes('/get') !== true) {
        response.end('{}');
        return;
      }
      response.writeHead(200, { 'content-type': 'application/x-tar' });
      response.write(large.subarray(0, 4 * MEBIBYTE), stall);
    });
    const socket = join(sandbox.directory, 'daemon.sock');
    server.listen(socket);
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await interrupted(stalled, ['copy', 'docker-daemon:acme/app:1', `oci-archive:${beside}/out.tar:1`], {
      DOCKER_HOST: `unix://${socket}`,
    });
    expect(await readdir(beside)).toEqual([]);
  });
});
