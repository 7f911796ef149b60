import { join } from 'node:path';

import { beforeEach, expect, it } from 'vitest';

import { ImageLayout } from '../../src/layout/directory/image-layout.js';
import { parseTag } from '../../src/oci/reference.js';
import { copyImage, digestOfStream, sampleImage, sampleIndex } from '../contract/contract-content.js';
import { describeIntegration } from '../support/integration.js';
import { mustRun } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const TAG = parseTag('1.0');

describeIntegration('image layouts and skopeo', ['skopeo'], () => {
  let directory: string;
  let ours: string;
  let theirs: string;

  beforeEach(async () => {
    directory = await temporaryDirectory();
    ours = join(directory, 'ours');
    theirs = join(directory, 'theirs');
  });

  function skopeo(...args: string[]): Promise<string> {
    return mustRun('skopeo', ['--insecure-policy', '--tmpdir', directory, ...args]);
  }

  /** Of OCI types: skopeo passes over Docker manifest lists in a layout. */
  async function writeIndex(): Promise<ReturnType<typeof sampleIndex>> {
    const layout = new ImageLayout({ path: ours });
    const images = (['amd64', 'arm64'] as const).map((architecture) => sampleImage({ architecture }));
    for (const image of images) await copyImage(layout, image);
    const index = sampleIndex(images.map(({ document }) => document));
    await layout.writeManifest(index, { tag: TAG });
    return index;
  }

  it('skopeo reads what we write, byte for byte', async () => {
    const index = await writeIndex();
    expect(await skopeo('inspect', '--raw', `oci:${ours}:1.0`)).toBe(Buffer.from(index.bytes).toString());
  });

  it('skopeo copies what we write, and we read what skopeo writes', async () => {
    const index = await writeIndex();
    await skopeo('copy', '--all', `oci:${ours}:1.0`, `oci:${theirs}:copied`);

    const layout = new ImageLayout({ path: theirs });
    expect(await layout.names()).toEqual(['copied']);
    expect(await layout.defaultSelector()).toBe(index.digest);
    const read = await layout.readManifest(parseTag('copied'));
    expect(Buffer.from(read.bytes)).toEqual(Buffer.from(index.bytes));
    for (const { digest } of index.kind === 'index' ? index.value.manifests : []) {
      const image = await layout.readManifest(digest);
      const blobs = image.kind === 'manifest' ? [image.value.config, ...image.value.layers] : [];
      expect(blobs).toHaveLength(2);
      for (const blob of blobs) {
        expect((await digestOfStream(await layout.openBlob(blob))).digest).toBe(blob.digest);
      }
    }
  });

  it('a name in full, as skopeo and podman write it, is found by its tag', async () => {
    const index = await writeIndex();
    await skopeo('copy', '--all', `oci:${ours}:1.0`, `oci:${theirs}:docker.io/library/app:2.0`);
    const layout = new ImageLayout({ path: theirs });
    expect(await layout.names()).toEqual(['2.0']);
    expect((await layout.resolve(parseTag('2.0'))).digest).toBe(index.digest);
  });

  it('both may write to one layout', async () => {
    const index = await writeIndex();
    await skopeo('copy', '--all', `oci:${ours}:1.0`, `oci:${ours}:by-skopeo`);
    const layout = new ImageLayout({ path: ours });
    const other = sampleImage({ architecture: 'riscv64' });
    await copyImage(layout, other);
    await layout.writeManifest(other.document, { tag: TAG });
    expect(await layout.names()).toEqual(['1.0', 'by-skopeo']);
    expect(await skopeo('inspect', '--raw', `oci:${ours}:by-skopeo`)).toBe(
      Buffer.from(index.bytes).toString(),
    );
    expect(await skopeo('inspect', '--raw', `oci:${ours}:1.0`)).toBe(
      Buffer.from(other.document.bytes).toString(),
    );
  });
});
