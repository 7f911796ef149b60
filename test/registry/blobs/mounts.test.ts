import { expect, it } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { parseDigest } from '../../../src/oci/digest.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { parseTag } from '../../../src/oci/reference.js';
import { amd64 as image } from '../../support/images.js';
import { connect, startRegistry } from '../../support/open-repository.js';

const tag = parseTag('1');
const document = parseDocument(image.manifest.bytes);
const blobs = [image.config, ...image.layers].map((blob) => ({ ...blob, digest: parseDigest(blob.digest) }));

/** A registry that responds to each mount with 201, and the copy of an image from `base` to `app`. */
async function start(missing: readonly string[]) {
  const registry = await startRegistry({
    mounts: 'always201',
    fault: ({ path }, next) =>
      missing.some((digest) => path.includes(`mount=${encodeURIComponent(digest)}`))
        ? { status: 201 }
        : next(),
  });
  registry.put('base', image);
  const warnings: string[] = [];
  const onEvent = (event: WorkEvent): void => {
    if (event.kind === 'warning') warnings.push(event.message);
  };
  const open = connect(registry.host, { onEvent });
  const [target, source] = [open('app'), open('base', 'pull')];
  for (const blob of blobs) expect(await target.copyBlob(blob, source)).toBe('mounted');
  return { registry, target, warnings };
}

it('uploads the blobs that the registry only says it has mounted', async () => {
  const [config, layer] = [image.config.digest, image.layers[0]?.digest ?? ''];
  const { registry, target, warnings } = await start([config, layer]);
  await target.writeManifest(document, { tag });
  expect(registry.manifest('app', '1')?.digest).toBe(image.manifest.digest);
  for (const { digest } of blobs) expect(registry.hasBlob('app', digest)).toBe(true);
  expect(warnings).toEqual(
    [config, layer].map(
      (digest) =>
        `${registry.host} said that it mounted ${digest} from ${registry.host}/base, but does not have it: it is uploaded`,
    ),
  );
});

it('uploads nothing if the manifest is rejected for another reason', async () => {
  const { registry, target, warnings } = await start([]);
  const other = parseDocument(
    Buffer.from(
      Buffer.from(image.manifest.bytes)
        .toString()
        .replace(image.config.digest, `sha256:${'0'.repeat(64)}`),
    ),
  );
  await expect(target.writeManifest(other, { tag })).rejects.toBeInstanceOf(InvalidError);
  expect(warnings).toEqual([]);
  expect(registry.lines().some((line) => line.startsWith('PUT /v2/app/blobs'))).toBe(false);
});

it('does not read the blobs back if the manifest is accepted', async () => {
  const { registry, target } = await start([]);
  registry.clearLog();
  await target.writeManifest(document, { tag });
  expect(registry.lines()).toEqual(['PUT /v2/app/manifests/1 201']);
});
