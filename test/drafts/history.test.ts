import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { createDraft } from '../../src/drafts/edits.js';
import { draftFileName, historyFileName, isDraftFileName } from '../../src/drafts/file-name.js';
import type { PushRecord } from '../../src/drafts/history-file.js';
import { MAX_PUSHES, PushHistory } from '../../src/drafts/history.js';
import { DraftStore } from '../../src/drafts/store.js';
import { withLock } from '../../src/files/lock.js';
import { digestOf } from '../../src/oci/digest.js';
import { ConflictError, InvalidError } from '../../src/oci/errors.js';
import { at } from '../support/drafts.js';
import { failureOf } from '../support/failure.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const app = at('app:1');
const name = 'docker.io/library/app:1';
const digest = (text: string | number): PushRecord['digest'] => digestOf(Buffer.from(String(text)));
const push = (text: string | number): PushRecord => ({
  digest: digest(text),
  tags: [{ reference: name, previous: digest(`before ${text}`) }, { reference: 'oci:/srv/app:latest' }],
});

let directory: string;
let path: string;
let history: PushHistory;

beforeEach(async () => {
  directory = join(await temporaryDirectory(), 'drafts');
  path = join(directory, historyFileName(name));
  history = new PushHistory(directory, { holderTimeout: 0 });
});

describe('the history of pushes', () => {
  it('is empty without pushes, and does not create the directory', async () => {
    expect(await history.load(app)).toEqual([]);
    await expect(readdir(directory)).rejects.toThrow('ENOENT');
  });

  it('returns the pushes of each target, the oldest first', async () => {
    await history.add(app, push(1));
    await history.add(app, push(2));
    await history.add(at('app:2'), push(3));
    expect(await history.load(app)).toEqual([push(1), push(2)]);
    expect(await new PushHistory(directory).load(at('app:2'))).toEqual([push(3)]);
  });

  it('keeps the last twenty', async () => {
    for (let count = 1; count <= MAX_PUSHES + 2; count += 1) await history.add(app, push(count));
    const kept = await history.load(app);
    expect(kept).toHaveLength(20);
    expect([kept[0], kept.at(-1)]).toEqual([push(3), push(22)]);
  });

  it('loses no push of several that are added at the same time', async () => {
    const patient = new PushHistory(directory);
    await Promise.all(Array.from({ length: 10 }, (_, count) => patient.add(app, push(count))));
    expect(new Set((await history.load(app)).map((each) => each.digest))).toEqual(
      new Set(Array.from({ length: 10 }, (_, count) => digest(count))),
    );
  });

  it('removes the last push, but not if another one came after it', async () => {
    await history.add(app, push(1));
    await history.add(app, push(2));
    await history.replaceLast(app, [push(1)]);
    expect(await history.load(app)).toEqual([push(1), push(2)]);
    await history.replaceLast(app, [push(2)]);
    expect(await history.load(app)).toEqual([push(1)]);
  });

  it('is indented JSON', async () => {
    await history.add(app, { digest: digest(1), tags: [{ reference: name }] });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      version: 1,
      target: name,
      pushes: [{ digest: digest(1), tags: [{ reference: name }] }],
    });
  });

  it('is not a draft, and is kept when the draft or all drafts are removed', async () => {
    const store = new DraftStore(directory);
    await store.update(app, () => createDraft(app));
    await history.add(app, push(1));
    expect(isDraftFileName(historyFileName(name))).toBe(false);
    expect((await store.list()).damaged).toEqual([]);
    await store.remove(app);
    await store.removeAll();
    expect(await readdir(directory)).toEqual([historyFileName(name)]);
    expect(await history.load(app)).toEqual([push(1)]);
  });

  it("waits for the draft's lock", async () => {
    await mkdir(directory, { recursive: true });
    await withLock(join(directory, `${draftFileName(name)}.lock`), async () => {
      await expect(history.add(app, push(1))).rejects.toThrow(ConflictError);
    });
    await history.add(app, push(1));
    expect(await history.load(app)).toEqual([push(1)]);
  });

  it('has a file for names of any length', async () => {
    const long = at(`registry.example.com/${'long/'.repeat(30)}app:${'x'.repeat(100)}`);
    await history.add(long, push(1));
    expect(await history.load(long)).toEqual([push(1)]);
  });
});

describe('a damaged history', () => {
  const whole = { version: 1, target: name, pushes: [push(1)] };
  const [first] = whole.pushes;
  it.each<[string, unknown, string]>([
    ['no object', [], '/version is undefined'],
    ['a newer version', { ...whole, version: 2 }, '/version is 2, but only 1 is supported'],
    [
      "another target's",
      { ...whole, target: 'docker.io/library/app:2' },
      '/target is "docker.io/library/app:2"',
    ],
    ['no list of pushes', { ...whole, pushes: {} }, '/pushes is not a list'],
    ['a push that is none', { ...whole, pushes: [null] }, '/pushes/0/tags is not a list of tags'],
    [
      'no digest',
      { ...whole, pushes: [{ ...first, digest: 'sha256:1' }] },
      '/pushes/0/digest is not a digest',
    ],
    ['no tags', { ...whole, pushes: [{ ...first, tags: [] }] }, '/pushes/0/tags is not a list of tags'],
    [
      'a previous digest that is none',
      { ...whole, pushes: [{ ...first, tags: [{ reference: name, previous: null }] }] },
      '/pushes/0/tags/0/previous is not a digest',
    ],
    ...['app:1', 'docker.io/library/app', `${name}@${digest(1)}`, 'docker.io/UPPER:1', 'oci:/srv/app', 7].map(
      (reference): [string, unknown, string] => [
        `the reference ${reference}`,
        { ...whole, pushes: [{ ...first, tags: [{ reference }] }] },
        '/pushes/0/tags/0/reference is not a fully qualified tag',
      ],
    ),
  ])('is refused, with its file: %s', async (_, value, problem) => {
    await mkdir(directory, { recursive: true });
    await writeFile(path, JSON.stringify(value));
    const error = await failureOf(history.load(app));
    expect(error).toBeInstanceOf(InvalidError);
    expect(error).toMatchObject({ hint: expect.stringContaining('Remove the file') });
    expect((error as Error).message).toContain(`the history in ${path} is not valid: ${problem}`);
  });

  it('is not overwritten', async () => {
    await mkdir(directory, { recursive: true });
    await writeFile(path, '{"version":');
    await expect(history.add(app, push(1))).rejects.toThrow(path);
    expect(await readFile(path, 'utf8')).toBe('{"version":');
    expect(await readdir(directory)).toEqual([historyFileName(name)]);
  });
});
