import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import * as fc from 'fast-check';

import { annotateEntry } from '../../../src/drafts/annotate.js';
import type { Draft } from '../../../src/drafts/draft.js';
import { draftProblems } from '../../../src/drafts/draft-problems.js';
import { formatDraft, parseDraft } from '../../../src/drafts/draft-file.js';
import { draftIndex } from '../../../src/drafts/draft-index.js';
import { createDraft } from '../../../src/drafts/edits.js';
import { draftFileName, draftTarget, isDraftFileName } from '../../../src/drafts/file-name.js';
import { DraftStore } from '../../../src/drafts/store.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { formatImageLocation } from '../../../src/oci/image-location.js';
import { serialiseIndex } from '../../../src/oci/serialise.js';
import { at, attestation, draftOf, image } from '../../support/drafts.js';
import { sharedDirectory } from '../../support/sandbox.js';
import { changedJson } from '../changed-json.js';
import { orError, property, type Target } from '../property.js';

const draft = annotateEntry(
  draftOf(
    {
      'app:a': [
        image('a', 'linux/amd64', { annotations: { read: 'ä\u2028' }, urls: ['https://example.com/a'] }),
      ],
      'app:b': [image('b', 'windows(10.0.17763.1+win32k)/amd64'), attestation('b')],
      'app:c': [image('c')],
    },
    {
      format: 'oci',
      artifactType: 'application/x-a',
      annotations: { a: 'b' },
      subject: image('s').descriptor,
    },
  ),
  'app:a',
  { variant: 'v2', 'os.features': ['x'], annotations: { set: 'too' }, unsetAnnotations: ['read'] },
);
const bytes = Buffer.from(formatDraft(draft));
const target = at(draft.target);
const other = createDraft(at('example.com/other:1'));

let directory: string;
let store: DraftStore;
let path: string;
let otherPath: string;

async function open(): Promise<() => Promise<void>> {
  const shared = await sharedDirectory();
  directory = shared.directory;
  store = new DraftStore(directory);
  path = join(directory, draftFileName(draft.target));
  otherPath = join(directory, draftFileName(other.target));
  await store.update(at(other.target), () => other);
  return shared.remove;
}

/** Checks that the file is a usable draft, or is reported as damaged while all other files stay as they are. */
async function checkFile(content: Uint8Array): Promise<'read' | 'rejected'> {
  await writeFile(path, content);
  const otherBefore = await readFile(otherPath);
  const { drafts, damaged } = await store.list();
  assert(contains(drafts, other));

  let outcome: 'read' | 'rejected' = 'read';
  try {
    const loaded = await store.load(target);
    assert.equal(loaded.target, draft.target);
    assert(contains(drafts, loaded));
    draftProblems(loaded);
    serialiseIndex(draftIndex({ ...loaded, format: 'oci' }));
    await store.update(target, (current) => (current === undefined ? undefined : { ...current }));
    assert.deepEqual(await store.load(target), loaded);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    outcome = 'rejected';
    assert(error.message.includes(path));
    assert(error.hint?.includes('multiarch rm'));
    assert.deepEqual(
      damaged.map((each) => each.path),
      [path],
    );
    await assert.rejects(
      store.update(target, () => draft),
      InvalidError,
    );
    assert.deepEqual(await readFile(path), Buffer.from(content));
    await store.remove(target);
  }
  assert.deepEqual(await readFile(otherPath), otherBefore);
  assert.deepEqual(
    (await readdir(directory)).filter((name) => !name.endsWith('.json')),
    [],
  );
  return outcome;
}

function contains(drafts: readonly Draft[], wanted: Draft): boolean {
  return drafts.some((each) => isDeepStrictEqual(each, wanted));
}

const part = fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+){0,3}$/);
const host = fc.oneof(
  fc.constantFrom('docker.io', 'localhost', 'con.io', 'AUX.example', '[::1]:5000', 'example.com:443'),
  fc.stringMatching(/^[a-zA-Z0-9]{1,20}\.[a-zA-Z]{2,5}(:[0-9]{1,5})?$/),
);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/);
const reference = fc.tuple(host, fc.array(part, { minLength: 1, maxLength: 12 }), tag).map(
  ([registry, parts, name]) =>
    `${registry}/${parts
      .join('/')
      .slice(0, 240)
      .replace(/[^a-z0-9]+$/, '')}:${name}`,
);
const layout = fc
  .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), tag)
  .filter(([folder]) => !/^\/*$|^\/\/|:|[/@]$/.test(folder))
  .map(([folder, version]) => `oci:${folder}:${version}`);
const anyTarget = fc.oneof(reference, layout).map((text) => formatImageLocation(at(text)));

const changes: fc.Arbitrary<[offset: number, byte: number][]> = fc.array(
  fc.tuple(
    fc.nat({ max: bytes.length - 1 }),
    fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('"{}[],:0-n\\'))),
  ),
  { minLength: 1, maxLength: 4 },
);
const version: fc.Arbitrary<unknown> = fc
  .oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null))
  .filter((number) => number !== 1);

function withBytes(list: readonly (readonly [number, number])[]): Buffer {
  const content = Buffer.from(bytes);
  for (const [offset, byte] of list) content[offset] = byte;
  return content;
}

/** Parses the file of a draft, and checks that a draft that is read is written the same. */
function parses(content: Uint8Array): 'read' | 'rejected' {
  const read = orError(InvalidError, () => parseDraft(content, 'drafts/app.json'));
  if (read instanceof InvalidError) {
    assert(read.message.includes('drafts/app.json'));
    return 'rejected';
  }
  assert.deepEqual(parseDraft(Buffer.from(formatDraft(read)), 'copy'), read);
  draftProblems(read);
  serialiseIndex(draftIndex({ ...read, format: 'oci' }));
  return 'read';
}

export const draftFile: Target = {
  name: 'draft-file',
  properties: [
    property(
      'a file with changed values is read as a draft that is written the same, or rejected',
      [changedJson(fc.constant(JSON.parse(bytes.toString())))],
      (value) => parses(Buffer.from(JSON.stringify(value))),
      { reaches: ['read', 'rejected'] },
    ),
    property(
      'a file with changed bytes is read as a draft that is written the same, or rejected',
      [changes],
      (list) => parses(withBytes(list)),
      { reaches: ['read', 'rejected'] },
    ),
    property(
      'the file name is valid on every file system, with the suffix of a lock',
      [anyTarget],
      (text) => {
        const file = draftFileName(text);
        assert.match(file, /^[a-z0-9_%-][a-z0-9._%~-]*\.json$/);
        assert.doesNotMatch(file, /^(con|prn|aux|nul|com[0-9]|lpt[0-9])\./);
        assert(`${file}.lock.0123456789abcdef.tmp`.length <= 255);
        assert(isDraftFileName(file));
      },
    ),
    property('the file name contains the target, unless it is too long', [anyTarget], (text) => {
      const file = draftFileName(text);
      assert.equal(draftTarget(file), file.includes('~') ? undefined : text);
    }),
    property(
      'the file name is unique for a target, also on case-insensitive file systems',
      [
        fc.oneof(
          fc
            .tuple(anyTarget, fc.nat(), fc.constantFrom('a', 'A', '/', ':', '.', '%', '_', 'ä', ''))
            .map(([text, offset, letter]) => {
              const cut = offset % (text.length + 1);
              return [text, text.slice(0, cut) + letter + text.slice(cut + 1)] as const;
            }),
          fc.tuple(anyTarget, anyTarget),
          anyTarget.map((text) => [text, text.toUpperCase()] as const),
        ),
      ],
      ([one, two]) => {
        assert.equal(draftFileName(one).toLowerCase() === draftFileName(two).toLowerCase(), one === two);
      },
    ),
  ],
};

export const draftStore: Target = {
  name: 'draft-store',
  open,
  properties: [
    property(
      'a file that is cut anywhere is rejected',
      // The last byte is the newline, without which it is whole.
      [fc.integer({ min: 0, max: bytes.length - 2 })],
      async (length) => {
        assert.equal(await checkFile(bytes.subarray(0, length)), 'rejected');
      },
      { batch: 40, examples: [[0], [1], [bytes.length - 2]] },
    ),
    property(
      'a file of garbage is rejected',
      [
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
      ],
      async (content) => {
        assert.equal(await checkFile(content), 'rejected');
      },
      { batch: 40 },
    ),
    property('a file with changed bytes causes no crash', [changes], (list) => checkFile(withBytes(list)), {
      batch: 60,
      reaches: ['read', 'rejected'],
      examples: [[[[bytes.length - 1, 0x20]]]],
    }),
    property(
      'a file with changed values causes no crash',
      [changedJson(fc.constant(JSON.parse(bytes.toString())))],
      (value) => checkFile(Buffer.from(JSON.stringify(value))),
      { batch: 60, reaches: ['rejected'] },
    ),
    property(
      'a file of another version is rejected',
      [version],
      async (another) => {
        const content = Buffer.from(JSON.stringify({ ...draft, version: another }));
        assert.equal(await checkFile(content), 'rejected');
      },
      { batch: 30, examples: [[0], [2], [Number.MAX_SAFE_INTEGER]] },
    ),
    property(
      'a draft round-trips through the store',
      [anyTarget],
      async (text) => {
        const made = createDraft(at(text));
        await store.update(at(text), () => made);
        assert.deepEqual(await store.load(at(text)), made);
        assert(contains((await store.list()).drafts, made));
        await store.remove(at(text));
        assert.equal(await store.find(at(text)), undefined);
      },
      { batch: 30 },
    ),
  ],
};
