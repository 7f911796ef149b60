import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { annotateEntry } from '../../src/drafts/annotate.js';
import { draftProblems } from '../../src/drafts/draft-problems.js';
import { formatDraft } from '../../src/drafts/draft-file.js';
import { draftIndex } from '../../src/drafts/draft-index.js';
import { createDraft } from '../../src/drafts/edits.js';
import { draftFileName, draftTarget, isDraftFileName } from '../../src/drafts/file-name.js';
import { DraftStore } from '../../src/drafts/store.js';
import { InvalidError } from '../../src/oci/errors.js';
import { formatImageLocation } from '../../src/oci/image-location.js';
import { serialiseIndex } from '../../src/oci/serialise.js';
import { at, attestation, draftOf, image } from '../support/drafts.js';
import { sharedDirectory } from '../support/sandbox.js';

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

beforeAll(async () => {
  const shared = await sharedDirectory();
  directory = shared.directory;
  store = new DraftStore(directory);
  path = join(directory, draftFileName(draft.target));
  otherPath = join(directory, draftFileName(other.target));
  await store.update(at(other.target), () => other);
  return shared.remove;
});

/** Checks that the file is a usable draft, or is reported as damaged while all other files stay as they are. */
async function checkFile(content: Uint8Array): Promise<'read' | 'refused'> {
  await writeFile(path, content);
  const otherBefore = await readFile(otherPath);
  const { drafts, damaged } = await store.list();
  expect(drafts).toContainEqual(other);

  let outcome: 'read' | 'refused' = 'read';
  try {
    const loaded = await store.load(target);
    expect(loaded.target).toBe(draft.target);
    expect(drafts).toContainEqual(loaded);
    draftProblems(loaded);
    serialiseIndex(draftIndex({ ...loaded, format: 'oci' }));
    await store.update(target, (current) => (current === undefined ? undefined : { ...current }));
    expect(await store.load(target)).toEqual(loaded);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    outcome = 'refused';
    expect(error.message).toContain(path);
    expect(error.hint).toContain('multiarch rm');
    expect(damaged.map((each) => each.path)).toEqual([path]);
    await expect(store.update(target, () => draft)).rejects.toThrow(InvalidError);
    expect(await readFile(path)).toEqual(Buffer.from(content));
    await store.remove(target);
  }
  expect(await readFile(otherPath)).toEqual(otherBefore);
  expect((await readdir(directory)).filter((name) => !name.endsWith('.json'))).toEqual([]);
  return outcome;
}

describe('the file of a draft', () => {
  it('is read if it is intact', async () => {
    expect(await checkFile(bytes)).toBe('read');
  });

  it('is rejected if it is cut anywhere', async () => {
    // The last byte is the newline, without which it is whole.
    const lengths = fc.integer({ min: 0, max: bytes.length - 2 });
    await fc.assert(
      fc.asyncProperty(lengths, async (length) => {
        expect(await checkFile(bytes.subarray(0, length))).toBe('refused');
      }),
      { examples: [[0], [1], [bytes.length - 2]] },
    );
  });

  it('is rejected if it is garbage', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        async (content) => {
          expect(await checkFile(content)).toBe('refused');
        },
      ),
    );
  });

  it('causes no crash if some bytes change', async () => {
    const changes = fc.array(
      fc.tuple(
        fc.nat({ max: bytes.length - 1 }),
        fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('"{}[],:0-n\\'))),
      ),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const content = Buffer.from(bytes);
        for (const [offset, byte] of list) content[offset] = byte;
        await checkFile(content);
      }),
    );
  });

  it('causes no crash if one value changes', async () => {
    const value = JSON.parse(bytes.toString()) as unknown;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...pathsOf(value)), fc.jsonValue(), async (pointer, changed) => {
        const content = JSON.parse(bytes.toString(), function revive(this: unknown, key, inner: unknown) {
          return key === pointer ? changed : inner;
        }) as unknown;
        await checkFile(Buffer.from(JSON.stringify(content)));
      }),
    );
  });

  it('is rejected if it has another version', async () => {
    const version = fc
      .oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null))
      .filter((number) => number !== 1);
    await fc.assert(
      fc.asyncProperty(version, async (another) => {
        expect(await checkFile(Buffer.from(JSON.stringify({ ...draft, version: another })))).toBe('refused');
      }),
      { examples: [[0], [2], [Number.MAX_SAFE_INTEGER]] },
    );
  });
});

/** The names of all members of a value and of the values in it. */
function pathsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return [...new Set(Object.entries(value).flatMap(([name, inner]) => [name, ...pathsOf(inner)]))];
}

describe('the name of a draft file', () => {
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
    .filter(([folder]) => !/^\/*$|^\/\/|[:/@]$/.test(folder))
    .map(([folder, version]) => `oci:${folder}:${version}`);
  const name = fc.oneof(reference, layout).map((text) => formatImageLocation(at(text)));

  it('is valid on every file system, with the suffix of a lock', () => {
    fc.assert(
      fc.property(name, (text) => {
        const file = draftFileName(text);
        expect(file).toMatch(/^[a-z0-9_%-][a-z0-9._%~-]*\.json$/);
        expect(file).not.toMatch(/^(con|prn|aux|nul|com[0-9]|lpt[0-9])\./);
        expect(`${file}.lock.0123456789abcdef.tmp`.length).toBeLessThanOrEqual(255);
        expect(isDraftFileName(file)).toBe(true);
      }),
    );
  });

  it('contains the target, unless it is too long', () => {
    fc.assert(
      fc.property(name, (text) => {
        const file = draftFileName(text);
        expect(draftTarget(file)).toBe(file.includes('~') ? undefined : text);
      }),
    );
  });

  it('is unique for a target, also on case-insensitive file systems', () => {
    const near = fc
      .tuple(name, fc.nat(), fc.constantFrom('a', 'A', '/', ':', '.', '%', '_', 'ä', ''))
      .map(([text, offset, letter]) => {
        const cut = offset % (text.length + 1);
        return [text, text.slice(0, cut) + letter + text.slice(cut + 1)] as const;
      });
    const pair = fc.oneof(
      near,
      fc.tuple(name, name),
      name.map((text) => [text, text.toUpperCase()] as const),
    );
    fc.assert(
      fc.property(pair, ([one, two]) => {
        expect(draftFileName(one).toLowerCase() === draftFileName(two).toLowerCase()).toBe(one === two);
      }),
    );
  });

  it('round-trips a draft through the store', async () => {
    await fc.assert(
      fc.asyncProperty(name, async (text) => {
        const made = createDraft(at(text));
        await store.update(at(text), () => made);
        expect(await store.load(at(text))).toEqual(made);
        expect((await store.list()).drafts).toContainEqual(made);
        await store.remove(at(text));
        expect(await store.find(at(text))).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });
});
