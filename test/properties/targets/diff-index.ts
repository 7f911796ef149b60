import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import type { Descriptor } from '../../../src/oci/descriptor.js';
import { diffIndexes, type EntriesDiff } from '../../../src/oci/diff-index.js';
import { attestation, image } from '../../support/drafts.js';
import { indexOf } from '../../support/indexes.js';
import { anyIndex } from '../documents.js';
import { property, type Target } from '../property.js';

const word = fc.constantFrom('a', 'b', 'c', 'd');
const platform = fc.constantFrom('linux/amd64', 'linux/arm64', 'linux/arm64/v8', 'linux/arm/v7', undefined);
const annotations = fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('', '1'), { maxKeys: 2 });

/** Few strings and platforms, so that entries collide: the same digest for two platforms, two digests for one. */
const entry: fc.Arbitrary<Descriptor> = fc.oneof(
  fc
    .tuple(word, platform, fc.option(annotations, { nil: undefined }))
    .map(([name, where, extra]) => image(name, where, extra && { annotations: extra }).descriptor),
  word.map((name) => attestation(name).descriptor),
);
const index = fc
  .tuple(fc.array(entry, { maxLength: 6 }), annotations)
  .map(([manifests, extra]) => indexOf(manifests, { annotations: extra }));

const turned = ({ added, removed, changed }: EntriesDiff) => ({
  added: removed,
  removed: added,
  changed: changed.map(({ before, after }) => `${after.digest} ${before.digest}`).sort(),
});
const straight = (diff: EntriesDiff) => ({
  ...diff,
  changed: diff.changed.map(({ before, after }) => `${before.digest} ${after.digest}`).sort(),
});

export const diffIndex: Target = {
  name: 'diff-index',
  properties: [
    property(
      'an index does not differ from itself',
      [
        fc.oneof(
          index,
          anyIndex.map((value) => indexOf(value.manifests, value)),
        ),
      ],
      (one) => {
        const nothing = { added: [], removed: [], changed: [] };
        const head = { digest: one.digest, mediaType: one.mediaType };
        assert.deepEqual(diffIndexes(one, one), {
          same: true,
          before: head,
          after: head,
          index: {},
          platforms: nothing,
          attestations: nothing,
        });
      },
    ),
    property('swapped sides swap added and removed entries', [index, index], (one, other) => {
      const [there, back] = [diffIndexes(one, other), diffIndexes(other, one)];
      assert.deepEqual(straight(back.platforms), turned(there.platforms));
      assert.deepEqual(straight(back.attestations), turned(there.attestations));
      assert.deepEqual(back.order?.before, there.order?.after);
      assert.deepEqual(Object.keys(back.index), Object.keys(there.index));
    }),
    property('every change of the content is found', [index, index], (one, other) => {
      const { same, index: own, platforms, attestations, order } = diffIndexes(one, other);
      const found = [platforms, attestations].flatMap(({ added, removed, changed }) => [
        ...added,
        ...removed,
        ...changed,
      ]);
      const isFound = found.length > 0 || Object.keys(own).length > 0 || order !== undefined;
      assert.equal(isFound, !same);
    }),
    property('every entry is common, added or removed', [index, index], (one, other) => {
      const { platforms, attestations } = diffIndexes(one, other);
      const count = (name: 'added' | 'removed'): number => platforms[name].length + attestations[name].length;
      assert.equal(
        one.value.manifests.length - count('removed'),
        other.value.manifests.length - count('added'),
      );
    }),
  ],
};
