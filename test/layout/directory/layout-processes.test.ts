import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { ImageLayout } from '../../../src/layout/directory/image-layout.js';
import { parseTag } from '../../../src/oci/reference.js';
import { copyImage, sampleImage } from '../../contract/contract-content.js';
import { temporaryLayout } from '../temporary-layout.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const EMPTY = { schemaVersion: 2, manifests: [] };
const SOURCE = fileURLToPath(new URL('../../../src', import.meta.url));

let bundle: Buffer;

/** What the other processes run: Node does not read TypeScript. */
beforeAll(async () => {
  const contents = `
    export { MemoryStore } from './content/memory-store.js';
    export { ImageLayout } from './layout/directory/image-layout.js';
    export { parseDocument } from './oci/parse.js';`;
  const built = await build({
    stdin: { contents, resolveDir: SOURCE, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    // As in build.mjs: the CommonJS form of jsonc-parser cannot be bundled.
    mainFields: ['module', 'main'],
    format: 'esm',
  });
  bundle = Buffer.from(built.outputFiles[0]?.contents ?? []);
});

/** Starts Node with a script that can import what it needs from `multiarch.mjs`. */
async function start(script: string, ...args: string[]): Promise<ChildProcess> {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'multiarch.mjs'), bundle);
  await writeFile(join(directory, 'script.mjs'), script);
  const child = spawn(process.execPath, [join(directory, 'script.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

describe('several processes on one layout', () => {
  it('lose no tag of each other', async () => {
    const path = join(await temporaryDirectory(), 'layout');
    const script = `
      import { ImageLayout, parseDocument } from './multiarch.mjs';
      const [path, name] = process.argv.slice(2);
      const layout = new ImageLayout({ path });
      for (let number = 0; number < 5; number++) {
        const value = { schemaVersion: 2, manifests: [], annotations: { name, number: String(number) } };
        const document = parseDocument(Buffer.from(JSON.stringify(value)));
        await layout.writeManifest(document, { tag: name + '-' + number });
      }`;
    const names = ['a', 'b', 'c', 'd'];
    const children = await Promise.all(names.map((name) => start(script, path, name)));
    const codes = await Promise.all(children.map((child) => once(child, 'exit')));
    expect(codes.map(([code]) => code)).toEqual([0, 0, 0, 0]);
    const expected = names.flatMap((name) => [0, 1, 2, 3, 4].map((number) => `${name}-${number}`));
    expect([...(await new ImageLayout({ path }).names())].toSorted()).toEqual(expected);
    expect((await readdir(path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('see neither a blob nor a tag of a process that was killed half-way', async () => {
    const path = await temporaryLayout(EMPTY);
    const script = `
      import { Readable } from 'node:stream';
      import { ImageLayout, MemoryStore } from './multiarch.mjs';
      const piece = Buffer.alloc(64 << 10, 'a piece');
      const bytes = Buffer.concat(Array.from({ length: 16 }, () => piece));
      const blob = new MemoryStore().addBlob(bytes, 'application/octet-stream');
      let reads = 0;
      const content = new Readable({
        read() {
          // More than the streams buffer, so that some of it has reached the disk.
          if (reads++ < 12) this.push(piece);
          else process.stdout.write('half');
        },
      });
      setInterval(() => {}, 1000);
      await new ImageLayout({ path: process.argv[2] }).copyBlob(blob, { openBlob: async () => content });`;
    const child = await start(script, path);
    if (child.stdout !== null) await once(child.stdout, 'data');
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;

    expect(await readdir(join(path, 'blobs', 'sha256'))).toEqual([]);
    expect(await readdir(path)).toContainEqual(expect.stringMatching(/^\.multiarch-tmp-/));
    const image = sampleImage();
    const layout = new ImageLayout({ path });
    await copyImage(layout, image);
    await layout.writeManifest(image.document, { tag: parseTag('1.0') });
    expect(await layout.names()).toEqual(['1.0']);
  });
});
