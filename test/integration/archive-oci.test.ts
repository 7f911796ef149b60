import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { ImageLayout } from '../../src/layout/directory/image-layout.js';
import { OciArchive } from '../../src/layout/oci-archive/oci-archive.js';
import type { ManifestOrIndex } from '../../src/oci/document.js';
import { parseTag } from '../../src/oci/reference.js';
import {
  copyImage,
  digestOfStream,
  sampleImage,
  sampleIndex,
  type SampleImage,
} from '../contract/contract-content.js';
import { describeIntegration } from '../support/integration.js';
import { podman, skopeo } from '../support/peers.js';
import { mustRun, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';

const TAG = parseTag('1.0');

let sandbox: Sandbox;
let opened: OciArchive[];

beforeEach(async () => {
  sandbox = await makeSandbox();
  opened = [];
});

afterEach(async () => {
  for (const archive of opened) archive.close();
  await sandbox.remove();
});

function open(path: string): OciArchive {
  const archive = new OciArchive({ path });
  opened.push(archive);
  return archive;
}

function file(name: string): string {
  return join(sandbox.directory, name);
}

/** What a command that must succeed prints. */
async function output(running: Promise<RunResult>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`it ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Writes an archive of an index of two images. Of OCI types: skopeo passes over Docker manifest lists in a layout. */
async function writeIndex(path: string): Promise<{ index: ManifestOrIndex; images: SampleImage[] }> {
  const archive = open(path);
  const images = (['amd64', 'arm64'] as const).map((architecture) => sampleImage({ architecture }));
  for (const image of images) await copyImage(archive, image);
  const index = sampleIndex(images.map(({ document }) => document));
  await archive.writeManifest(index, { tag: TAG });
  await archive.commit();
  return { index, images };
}

/** Reads an image with all that belongs to it, and gives the digests of its layers. */
async function readImage(
  archive: OciArchive,
  selector: Parameters<OciArchive['readManifest']>[0],
): Promise<string[]> {
  const document = await archive.readManifest(selector);
  if (document.kind !== 'manifest') throw new Error(`${selector} is not an image`);
  const { config, layers } = document.value;
  for (const blob of [config, ...layers]) {
    expect((await digestOfStream(await archive.openBlob(blob))).digest).toBe(blob.digest);
  }
  return layers.map(({ digest }) => digest);
}

describeIntegration('oci-archives and skopeo', ['skopeo'], () => {
  it('skopeo reads what we write, byte for byte', async () => {
    const { index, images } = await writeIndex(file('ours.tar'));
    const source = `oci-archive:${file('ours.tar')}:1.0`;
    const raw = await output(skopeo(sandbox, ['inspect', '--raw', source]));
    expect(raw).toBe(Buffer.from(index.bytes).toString());

    await output(skopeo(sandbox, ['copy', '--all', source, `oci:${file('theirs')}:copied`]));
    const layout = new ImageLayout({ path: file('theirs') });
    expect((await layout.resolve(parseTag('copied'))).digest).toBe(index.digest);
    for (const { document } of images)
      expect((await layout.resolve(document.digest)).digest).toBe(document.digest);
  });

  it('we read what skopeo writes', async () => {
    const { index, images } = await writeIndex(file('ours.tar'));
    const from = `oci-archive:${file('ours.tar')}:1.0`;
    for (const [name, tag] of [
      ['copied', 'copied'],
      ['docker.io/library/app:2.0', '2.0'],
    ] as const) {
      // prettier-ignore
      const path = file(`${tag}.tar`);
      await output(skopeo(sandbox, ['copy', '--all', from, `oci-archive:${path}:${name}`]));
      const archive = open(path);
      expect(await archive.names()).toEqual([tag]);
      expect(await archive.defaultSelector()).toBe(index.digest);
      const read = await archive.readManifest(parseTag(tag));
      expect(Buffer.from(read.bytes)).toEqual(Buffer.from(index.bytes));
      for (const { document, blobs } of images) {
        expect(blobs.map(({ digest }) => digest)).toEqual(
          expect.arrayContaining(await readImage(archive, document.digest)),
        );
      }
    }
  });

  it('both may write to one archive, one after the other', async () => {
    const { index } = await writeIndex(file('ours.tar'));
    const path = file('shared.tar');
    await output(
      skopeo(sandbox, [
        'copy',
        '--all',
        `oci-archive:${file('ours.tar')}:1.0`,
        `oci-archive:${path}:by-skopeo`,
      ]),
    );
    const other = sampleImage({ architecture: 'riscv64' });
    const archive = open(path);
    await copyImage(archive, other);
    await archive.writeManifest(other.document, { tag: TAG });
    await archive.commit();
    expect(await archive.names()).toEqual(['by-skopeo', '1.0']);
    for (const [tag, document] of [
      ['by-skopeo', index],
      ['1.0', other.document],
    ] as const) {
      // prettier-ignore
      const raw = await output(skopeo(sandbox, ['inspect', '--raw', `oci-archive:${path}:${tag}`]));
      expect(raw).toBe(Buffer.from(document.bytes).toString());
    }
  });

  it.each([
    ['gzip', ['gzip', '-k'], '.gz'],
    [
      'tar from a directory, with ./ before the names',
      ['sh', '-c', 'mkdir d && tar -xf "$0" -C d && tar -cf "$0.new" -C d .'],
      '.new',
    ],
  ])('we read what was made again with %s', async (_what, [command = '', ...args], suffix) => {
    const path = file('ours.tar');
    const { index, images } = await writeIndex(path);
    await mustRun(command, [...args, path], { cwd: sandbox.directory });
    const archive = open(path + suffix);
    expect((await archive.resolve(TAG)).digest).toBe(index.digest);
    for (const { document } of images) await readImage(archive, document.digest);
  });
});

describeIntegration('oci-archives and podman', ['podman'], () => {
  it('podman loads what we write, and we read what podman saves', async () => {
    const path = file('ours.tar');
    const image = sampleImage();
    const archive = open(path);
    await copyImage(archive, image);
    await archive.writeManifest(image.document, { tag: TAG });
    await archive.commit();

    const policy = ['--signature-policy', await policyFile()];
    const pulled = await output(podman(sandbox, ['pull', '--quiet', ...policy, `oci-archive:${path}:1.0`]));
    const [config] = image.blobs;
    expect(`sha256:${pulled.trim()}`).toBe(config?.digest);
    await output(podman(sandbox, ['tag', pulled.trim(), 'example.com/app:2.0']));

    const saved = file('saved.tar');
    await output(
      podman(sandbox, [
        'save',
        '--quiet',
        '--format',
        'oci-archive',
        '--output',
        saved,
        'example.com/app:2.0',
      ]),
    );
    const theirs = open(saved);
    expect(await theirs.names()).toEqual(['2.0']);
    const layers = await readImage(theirs, parseTag('2.0'));
    expect(layers).toHaveLength(1);
    const document = await theirs.readManifest(await theirs.defaultSelector());
    expect(document.kind === 'manifest' ? document.value.config.digest : undefined).toBe(config?.digest);
  });
});

/** Podman trusts no image unless a file says so. */
async function policyFile(): Promise<string> {
  const path = file('policy.json');
  await writeFile(path, '{"default":[{"type":"insecureAcceptAnything"}]}');
  return path;
}
