import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { CountedBody } from '../../src/registry/counted-body.js';
import { generatedBlob, generatedSource } from '../support/generated-source.js';

const blob = generatedBlob(200_000);

function endless(): Readable {
  return new Readable({
    read() {
      this.push(Buffer.alloc(100));
    },
  });
}

it('counts what goes out, and takes it back when it is opened again', async () => {
  let counted = 0;
  const body = new CountedBody(blob, generatedSource(), { onBytes: (bytes) => (counted += bytes) });
  for await (const chunk of await body.open()) expect((chunk as Buffer).length).toBeGreaterThan(0);
  expect(counted).toBe(blob.size);
  await body.open();
  expect(counted).toBe(0);
});

it('does not blame the source for a request that broke, and closes it', async () => {
  const source = endless();
  const body = new CountedBody(
    blob,
    generatedSource(() => source),
    {},
  );
  const opened = await body.open();
  opened.on('error', () => {});
  opened.destroy();
  await turn();
  expect(source.destroyed).toBe(true);
  expect(body.sourceFailed).toBe(false);
});

it('blames the source for what it failed with', async () => {
  const source = endless();
  const body = new CountedBody(
    blob,
    generatedSource(() => source),
    {},
  );
  const opened = await body.open();
  opened.on('error', () => {});
  source.destroy(new Error('disk gone'));
  await turn();
  expect(opened.destroyed).toBe(true);
  expect(body.sourceFailed).toBe(true);
});

it.each([
  ['more', 100],
  ['less', 300_000],
])('refuses a source that gives %s than it should', async (what, size) => {
  const source = generatedSource(() => Readable.from([Buffer.alloc(200)]));
  const body = new CountedBody({ ...blob, size }, source, {});
  await expect((await body.open()).toArray()).rejects.toThrow(
    `generated gives ${what} than the ${size} bytes`,
  );
  expect(body.sourceFailed).toBe(true);
});
