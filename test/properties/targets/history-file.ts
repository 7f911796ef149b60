import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { formatHistory, parseHistory, type PushRecord } from '../../../src/drafts/history-file.js';
import { digestOf } from '../../../src/oci/digest.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { changedJson } from '../changed-json.js';
import { orError, property, type Target } from '../property.js';

const TARGET = 'docker.io/library/app:1.2';
const digest = fc.nat().map((number) => digestOf(Buffer.from(`${number}`)));
const recordedTag = fc.record(
  { reference: fc.constantFrom(TARGET, 'registry.example:5000/team/app:1', 'oci:dir:1'), previous: digest },
  { requiredKeys: ['reference'], noNullPrototype: true },
);
const pushes: fc.Arbitrary<PushRecord[]> = fc.array(
  fc.record(
    { digest, tags: fc.array(recordedTag, { minLength: 1, maxLength: 3 }) },
    { noNullPrototype: true },
  ),
  { maxLength: 4 },
);
const file = pushes.map((list) => formatHistory(TARGET, list));

function parses(bytes: Uint8Array): 'read' | 'rejected' {
  const read = orError(InvalidError, () => parseHistory(bytes, 'drafts/app.history', TARGET));
  if (read instanceof InvalidError) {
    assert(read.message.includes('drafts/app.history') && read.hint?.includes('Remove the file'));
    return 'rejected';
  }
  assert.deepEqual(parseHistory(Buffer.from(formatHistory(TARGET, read)), 'copy', TARGET), read);
  return 'read';
}

export const historyFile: Target = {
  name: 'history-file',
  properties: [
    property('the pushes of a target round-trip', [pushes], (list) => {
      assert.deepEqual(parseHistory(Buffer.from(formatHistory(TARGET, list)), 'file', TARGET), list);
    }),
    property(
      'a file with changed values is read as pushes that are written the same, or rejected',
      [changedJson(file.map((text) => JSON.parse(text) as unknown))],
      (value) => parses(Buffer.from(JSON.stringify(value))),
      { batch: 200, reaches: ['read', 'rejected'] },
    ),
    property(
      'a file with changed bytes is read as pushes that are written the same, or rejected',
      [file, fc.nat(), fc.nat(255), fc.boolean()],
      (text, at, byte, isCut) => {
        const bytes = Buffer.from(text);
        const position = at % bytes.length;
        bytes[position] = byte;
        return parses(isCut ? bytes.subarray(0, position) : bytes);
      },
      { batch: 200, reaches: ['read', 'rejected'] },
    ),
    property('a file of another target is rejected', [pushes], (list) => {
      const bytes = Buffer.from(formatHistory('docker.io/library/other:1', list));
      assert.equal(parses(bytes), 'rejected');
    }),
  ],
};
