import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { CountedBody } from '../../../src/registry/blobs/counted-body.js';
import { generatedBlob, generatedSource } from '../../support/generated-source.js';

const blob = generatedBlob(200_000);

function endless(): Readable {
  return new Readable({
    read() {
      this.push(Buffer.alloc(100));
    },
  });
}

async function readAll(body: CountedBody): Promise<Buffer> {
  return Buffer.concat((await (await body.open()).toArray()) as Buffer[]);
}

it('counts the bytes sent, and subtracts them when it is opened again', async () => {
  let counted = 0;
  const body = new CountedBody(blob, generatedSource(), { onBytes: (bytes) => (counted += bytes) });
  await body.open();
  expect(counted).toBe(0);
  body.onSent(150_000);
  expect([counted, body.allSent]).toEqual([150_000, false]);
  body.onSent(50_000);
  expect([counted, body.allSent]).toEqual([200_000, true]);
  await body.open();
  expect([counted, body.allSent]).toEqual([0, false]);
});

it.each([1, 100, 65_535, 65_536, 65_537, 131_072, 199_999, 200_000])(
  'gives what follows byte %i',
  async (start) => {
    let counted = 0;
    const whole = await readAll(new CountedBody(blob, generatedSource(), {}));
    const body = new CountedBody(blob, generatedSource(), { onBytes: (bytes) => (counted += bytes) });
    body.onSent(150_000);
    body.startAt(start);
    expect(counted).toBe(start);
    expect([body.start, body.size]).toEqual([start, blob.size - start]);
    expect((await readAll(body)).equals(whole.subarray(start))).toBe(true);
    expect(counted).toBe(start);
  },
);

it('opens a prepared source once', async () => {
  const source = generatedSource();
  const body = new CountedBody(blob, source, {});
  body.prepare();
  body.prepare();
  expect(source.opened).toBe(1);
  expect(await readAll(body)).toHaveLength(blob.size);
  expect(source.opened).toBe(1);
  await body.open();
  expect(source.opened).toBe(2);
});

it('closes a source that was prepared and is not sent', async () => {
  const source = endless();
  const body = new CountedBody(
    blob,
    generatedSource(() => source),
    {},
  );
  body.prepare();
  body.close();
  await turn();
  expect(source.destroyed).toBe(true);
  expect(body.sourceFailed).toBe(false);
});

it('keeps the failure of a source that was prepared until it is opened', async () => {
  const source = { ...generatedSource(), openBlob: () => Promise.reject(new Error('not there')) };
  const body = new CountedBody(blob, source, {});
  body.prepare();
  await turn();
  expect(body.sourceFailed).toBe(false);
  await expect(body.open()).rejects.toThrow('not there');
  expect(body.sourceFailed).toBe(true);
});

it('does not blame the source for a request that broke', async () => {
  const source = endless();
  const body = new CountedBody(
    blob,
    generatedSource(() => source),
    {},
  );
  (await body.open()).destroy();
  await turn();
  expect(body.sourceFailed).toBe(false);
});

it.each([0, 100])('blames the source for what it failed with, from byte %i on', async (start) => {
  const source = endless();
  const body = new CountedBody(
    blob,
    generatedSource(() => source),
    {},
  );
  body.startAt(start);
  const opened = await body.open();
  source.destroy(new Error('disk gone'));
  await expect(opened.toArray()).rejects.toThrow('disk gone');
  expect(body.sourceFailed).toBe(true);
});

it('blames the source for what it failed with before the rest began', async () => {
  const source = new Readable({ read() {} });
  source.push(Buffer.alloc(100));
  const body = new CountedBody(
    blob,
    generatedSource(() => source),
    {},
  );
  body.startAt(101);
  const opened = body.open();
  opened.catch(() => {});
  await turn();
  source.destroy(new Error('disk gone'));
  await expect(opened).rejects.toThrow('disk gone');
  expect(body.sourceFailed).toBe(true);
});
