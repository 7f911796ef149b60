import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import {
  choices,
  findDigest,
  findExactTag,
  imageNames,
  onlyImage,
  parseLayoutIndex,
  setTag,
  type LayoutIndex,
} from '../../../src/layout/core/layout-index.js';
import { digestOf } from '../../../src/oci/digest.js';
import { ArgumentError, InvalidError, isMultiarchError } from '../../../src/oci/errors.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.js';
import { parseRefName } from '../../../src/oci/ref-name.js';
import { changedJson } from '../changed-json.js';
import { orError, property, type Target } from '../property.js';

const name = fc.constantFrom('1', '1.2', 'latest', 'docker.io/library/app:1.2', 'app:1.2', 'a+b', 'v1__2');
const image = fc
  .tuple(fc.nat({ max: 5 }), fc.constantFrom(OCI_MANIFEST, OCI_INDEX))
  .map(([number, mediaType]) => ({ mediaType, digest: digestOf(Buffer.from(`${number}`)), size: number }));
const entry = fc
  .tuple(
    image,
    fc.record(
      {
        annotations: fc.record(
          { 'org.opencontainers.image.ref.name': name, 'io.containerd.image.name': name, other: fc.string() },
          { requiredKeys: [] },
        ),
        'x-unknown': fc.jsonValue({ maxDepth: 1 }),
      },
      { requiredKeys: [] },
    ),
  )
  // Null is absent, so it is not kept.
  .map(([descriptor, members]) => ({ ...descriptor, ...members }))
  .filter((value) => !JSON.stringify(value).includes('null'));
const anyIndex = fc.record(
  { schemaVersion: fc.constant(2), manifests: fc.array(entry, { maxLength: 6 }), extra: fc.string() },
  { requiredKeys: ['schemaVersion', 'manifests'] },
);

function parsed(index: unknown): LayoutIndex {
  return parseLayoutIndex(Buffer.from(JSON.stringify(index)), 'index.json');
}

export const layoutIndex: Target = {
  name: 'layout-index',
  properties: [
    property('unknown members of the index and its entries are kept', [anyIndex], (index) => {
      assert.deepEqual(JSON.parse(JSON.stringify(parsed(index))), JSON.parse(JSON.stringify(index)));
    }),
    property(
      'a tag that is set is found, once, and other tags stay as they are',
      [anyIndex, image, name, name],
      (index, chosen, text, otherText) => {
        const [tag, other] = [parseRefName(text), parseRefName(otherText)];
        const before = parsed(index);
        const after = setTag(before, chosen, tag);
        assert.equal(findExactTag(after, tag, 'layout')?.digest, chosen.digest);
        assert.equal(setTag(after, chosen, tag), after);
        assert.deepEqual(parsed(after), JSON.parse(JSON.stringify(after)));
        if (other === tag) return;
        const [was, is] = [before, after].map((each) =>
          orError(ArgumentError, () => findExactTag(each, other, 'layout')),
        );
        if (was instanceof ArgumentError) assert(is instanceof ArgumentError);
        else assert.deepEqual(is, was);
      },
      { batch: 300 },
    ),
    property(
      'a changed index is read, with a selector for each image, or rejected',
      [changedJson(anyIndex)],
      (value) => {
        const index = orError(InvalidError, () => parsed(value));
        if (index instanceof InvalidError) return 'rejected';
        const names = imageNames(index);
        assert.equal(choices(index).length >= names.length, true);
        try {
          const only = onlyImage(index, 'layout');
          assert.equal(findDigest(index, only.digest)?.digest, only.digest);
        } catch (error) {
          if (!isMultiarchError(error)) throw error;
          assert(error.kind === 'argument' || error.kind === 'not-found');
        }
        return 'read';
      },
      { batch: 200, reaches: ['read', 'rejected'] },
    ),
  ],
};
