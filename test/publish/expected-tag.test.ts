import { describe, expect, it } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import type { Digest } from '../../src/oci/digest.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { ConflictError, UnauthorizedError } from '../../src/oci/errors.js';
import { OCI_INDEX } from '../../src/oci/media-type.js';
import { parseTag } from '../../src/oci/reference.js';
import { createIndexDocument } from '../../src/oci/serialise.js';
import { checkExpectedTag, type ExpectedTag } from '../../src/publish/expected-tag.js';
import { publish, type PublishRequest } from '../../src/publish/publish.js';
import { amd64, arm64, s390x } from '../support/images.js';
import { storeContent } from '../support/stored.js';

const V1 = parseTag('v1');
const [one, two, next] = [amd64, arm64, s390x].map(({ manifest }) => manifest.digest as Digest);
if (one === undefined || two === undefined || next === undefined)
  throw new Error('three images give three digests');

/** A store whose tag has the first digest, the third, or does not exist. */
async function holding(current: 'one' | 'next' | 'none'): Promise<MemoryStore> {
  const store = new MemoryStore('store');
  if (current !== 'none') await storeContent(store, current === 'one' ? amd64 : s390x, V1);
  return store;
}

describe('checkExpectedTag', () => {
  it.each<[string, ExpectedTag, 'one' | 'next' | 'none']>([
    ['the expected digest', one, 'one'],
    ['a missing tag that must not exist', 'none', 'none'],
    ['a tag that already has the new digest', two, 'next'],
    ['a tag that must not exist, but already has the new digest', 'none', 'next'],
  ])('accepts %s', async (_, expected, current) => {
    const target = await holding(current);
    await expect(checkExpectedTag({ target, tag: V1 }, expected, next)).resolves.toBeUndefined();
  });

  it.each<[string, ExpectedTag, 'one' | 'next' | 'none', string]>([
    ['another digest', two, 'one', `store:v1 was expected to hold ${two}, but holds ${one}`],
    ['a digest where nothing is', one, 'none', `store:v1 was expected to hold ${one}, but holds no image`],
    ['nothing where an image is', 'none', 'one', `store:v1 was expected to hold no image, but holds ${one}`],
  ])('refuses %s, with both', async (_, expected, current, message) => {
    const target = await holding(current);
    const checked = checkExpectedTag({ target, tag: V1 }, expected, next);
    await expect(checked).rejects.toThrow(ConflictError);
    await expect(checked).rejects.toMatchObject({
      message,
      hint: expect.stringContaining('--expect-current any'),
    });
  });

  it('does not treat a tag to which access is denied as missing', async () => {
    const target = await holding('none');
    target.find = () => Promise.reject(new UnauthorizedError('not yours'));
    await expect(checkExpectedTag({ target, tag: V1 }, 'none', next)).rejects.toThrow(UnauthorizedError);
  });
});

describe('publish with an expectation', () => {
  async function prepare(): Promise<{ readonly target: MemoryStore; readonly request: PublishRequest }> {
    const source = new MemoryStore('source');
    const descriptor = documentDescriptor(await storeContent(source, s390x));
    const index = createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor] });
    const target = await holding('one');
    const destinations = [
      { target, tag: V1 },
      { target, tag: parseTag('other') },
    ];
    return { target, request: { document: index, children: [{ descriptor, source }], destinations } };
  }

  it('moves all tags if the first is as expected; the others are not checked', async () => {
    const { target, request } = await prepare();
    await storeContent(target, arm64, 'other');
    const { tags } = await publish({ ...request, expectCurrent: one });
    expect(tags.map(({ outcome }) => outcome)).toEqual(['moved', 'moved']);
  });

  it('checks the first destination, even if its tag moves last', async () => {
    const { target, request } = await prepare();
    await storeContent(target, arm64, 'latest');
    const destinations = [{ target, tag: parseTag('latest') }, ...request.destinations];
    const published = publish({ ...request, destinations, expectCurrent: one });
    await expect(published).rejects.toThrow(`store:latest was expected to hold ${one}, but holds ${two}`);
  });

  it('writes nothing if the tag is not as expected', async () => {
    const { target, request } = await prepare();
    await expect(publish({ ...request, expectCurrent: two })).rejects.toThrow(ConflictError);
    expect(await target.find(next)).toBeUndefined();
    expect((await target.find(V1))?.digest).toBe(one);
  });

  it('checks again after content has been copied, and moves no tag if another process was faster', async () => {
    const { target, request } = await prepare();
    const write = target.writeManifest.bind(target);
    target.writeManifest = async (document, options) => {
      const written = await write(document, options);
      if (document.digest === next) await storeContent(target, arm64, V1);
      return written;
    };
    await expect(publish({ ...request, expectCurrent: one })).rejects.toThrow(
      `store:v1 was expected to hold ${one}, but holds ${two}`,
    );
    expect((await target.find(V1))?.digest).toBe(two);
    expect(await target.find(parseTag('other'))).toBeUndefined();
  });
});
