import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { multiarch, type RunResult } from '../support/run.js';
import { logIn, makeSandbox, type Sandbox } from '../support/sandbox.js';
import { tinyImage, tinyIndex, type TinyBlob, type TinyImage } from '../support/tiny-image.mjs';
import { describeVectors, vectorBytes } from '../support/vectors.js';

const FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
const PLATFORM = { osVersion: '10.0.17763.4377', osFeatures: ['win32k'] };
const linux = tinyImage({ architecture: 'amd64', mediaTypes: 'docker' });
const base = blobOf(FOREIGN, 'the base of Windows, which Microsoft alone distributes');

let sandbox: Sandbox;
/** Every request to the host in `urls`, where the layers would be. */
let elsewhere: { readonly host: string; readonly requests: string[] };
let windows: TinyImage;
let from: MemoryRegistry;
let to: MemoryRegistry;

beforeEach(async () => {
  [sandbox, from, to] = await Promise.all([makeSandbox(), startRegistry(), startRegistry()]);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end(base.bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  elsewhere = { host, requests };
  windows = windowsImage(`http://${host}/v2/base/blobs/${base.digest}`);
  // What is known of the host tempts no one.
  await logIn(sandbox, host, { username: 'someone', password: 'secret' });
});
afterEach(async () => {
  expect(elsewhere.requests).toEqual([]);
  await sandbox.remove();
});

/** An image on top of a base layer that its manifest gives a URL of, as docker on Windows pushes one. */
function windowsImage(url: string): TinyImage {
  const {
    config: own,
    layers,
    platform,
  } = tinyImage({
    architecture: 'amd64',
    os: 'windows',
    mediaTypes: 'docker',
    ...PLATFORM,
  });
  // The base is a layer of the config too.
  const config = blobOf(
    own.mediaType,
    Buffer.from(own.bytes).toString().replace('"diff_ids":[', `"diff_ids":["${base.digest}",`),
  );
  const described = ({ mediaType, digest, size }: TinyBlob) => ({ mediaType, size, digest });
  const mediaType = linux.manifest.mediaType;
  const manifest = blobOf(
    mediaType,
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: described(config),
      layers: [{ ...described(base), urls: [url] }, ...layers.map(described)],
    }),
  );
  return { manifest, config, layers, ...(platform && { platform }) };
}

function ours(...words: string[]): Promise<RunResult> {
  return multiarch(sandbox, words);
}

/** @returns the standard output */
async function succeed(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await ours(...words);
  if (code !== 0) throw new Error(`it ended with ${String(code)}: ${stderr}`);
  expect(stderr).not.toContain('warning');
  return stdout;
}

/** The image is there as it was, but for its base where that stayed behind. */
function expectImage(registry: MemoryRegistry, path: string, withBase: boolean): void {
  const found = registry.manifest(path, windows.manifest.digest);
  expect(found?.bytes.equals(windows.manifest.bytes)).toBe(true);
  for (const { digest } of [windows.config, ...windows.layers]) {
    expect(registry.hasBlob(path, digest)).toBe(true);
  }
  expect(registry.hasBlob(path, base.digest)).toBe(withBase);
}

describe('a Windows image whose base is not for distribution', () => {
  describe.each([
    { held: 'with its base', holds: true },
    { held: 'without its base', holds: false },
  ])('in a registry $held', ({ holds }) => {
    beforeEach(() => {
      from.put('win', windows, '1');
      from.put('linux', linux, '1');
      if (holds) from.putBlob('win', base.bytes);
    });

    it('becomes part of an index, with os.version and os.features; its base stays', async () => {
      const list = `${to.host}/app:1`;
      await succeed('create', list, `${from.host}/win:1`, `${from.host}/linux:1`);
      await succeed('push', list, '--purge');
      expectImage(to, 'app', false);
      const index = JSON.parse(await succeed('inspect', '--raw', list)) as {
        manifests: { platform: object }[];
      };
      expect(index.manifests.map(({ platform }) => platform)).toEqual([
        {
          architecture: 'amd64',
          os: 'windows',
          'os.version': PLATFORM.osVersion,
          'os.features': PLATFORM.osFeatures,
        },
        { architecture: 'amd64', os: 'linux' },
      ]);
      const tree = await succeed('inspect', '--format', 'tree', list);
      expect(tree).toMatch(new RegExp(`${base.digest} .*\\(non-distributable\\)`));
      expect(await succeed('validate', list)).toContain('valid docker-manifest-list');
    });

    it('takes its base along where that is asked for, and the source holds it', async () => {
      const flag = '--allow-nondistributable';
      const target = `${to.host}/app:1`;
      const moves = [
        ['create', target, `${from.host}/win:1`, '--push', '--purge', flag],
        ['copy', `${from.host}/win:1`, `${to.host}/copied:1`, flag],
      ];
      for (const words of moves) {
        const { code, stderr } = await ours(...words);
        expect(code).toBe(0);
        if (holds) expect(stderr).not.toContain('warning');
        else expect(stderr).toContain(`skipping non-distributable layer ${base.digest}: not available from`);
      }
      for (const path of ['app', 'copied']) expectImage(to, path, holds);
    });

    it.each(['oci', 'oci-archive'])('goes through %s, and is the same', async (transport) => {
      const index = tinyIndex([windows, linux], { mediaTypes: 'oci' });
      from.put('all', index, '1');
      if (holds) from.putBlob('all', base.bytes);
      const place = `${transport}:${join(sandbox.directory, 'place')}:1`;

      expect(await succeed('copy', `${from.host}/all:1`, place)).toBe(`${index.digest}\n`);
      expect(await succeed('validate', place)).toContain('2 manifests');
      expect(await succeed('inspect', '--format', 'tree', place)).toContain('(non-distributable)');
      expect(await succeed('copy', place, `${to.host}/app:1`)).toBe(`${index.digest}\n`);
      expectImage(to, 'app', false);

      await ours('copy', `${from.host}/all:1`, place, '--allow-nondistributable');
      await ours('copy', place, `${to.host}/app:1`, '--allow-nondistributable');
      expectImage(to, 'app', holds);
    });
  });
});

describeVectors('a manifest of Windows that was published', () => {
  it.each([
    { version: '10.0.17763.4377', marked: 2 },
    { version: '10.0.17763.4499', marked: 0 },
  ])('$version is shown and copied as it is, $marked of its layers marked', async ({ version, marked }) => {
    const bytes = vectorBytes(`published/windows-servercore-${version}-manifest.json`);
    const config = windows.config;
    // The published config is not among the vectors, nor are layers of gigabytes; where the layers are, is ours.
    const text = bytes
      .toString()
      .replace(
        /("config":\{[^}]*"size":)\d+,"digest":"[^"]*"/,
        `$1${config.size},"digest":"${config.digest}"`,
      )
      .replaceAll('https://mcr.microsoft.com', `http://${elsewhere.host}`);
    const layers = JSON.parse(text) as { layers: { digest: string; size: number; urls?: string[] }[] };
    const image = `${from.host}/servercore:1`;
    from.putBlob('servercore', config.bytes);
    from.putManifest('servercore', Buffer.from(text), linux.manifest.mediaType, '1');

    expect(await succeed('inspect', '--raw', image)).toBe(text);
    const tree = await succeed('inspect', '--format', 'tree', image);
    expect(tree.match(/\(non-distributable\)/g) ?? []).toHaveLength(marked);
    expect(tree).toContain(`windows(${PLATFORM.osVersion}`);

    const copy = await ours('copy', image, `oci-archive:${join(sandbox.directory, 'out.tar')}:1`);
    // The later one's layer is for distribution, and would have to be there.
    if (marked === 0) {
      expect(copy).toMatchObject({ code: 3, stdout: '' });
      expect(copy.stderr).toContain(layers.layers[0]?.digest);
      return;
    }
    expect(copy.code).toBe(0);
    const listed = `oci-archive:${join(sandbox.directory, 'out.tar')}`;
    expect(await succeed('inspect', '--raw', listed)).toBe(text);
  });
});

function blobOf(mediaType: string, text: string): TinyBlob {
  const bytes = Buffer.from(text);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, digest, mediaType, size: bytes.length };
}
