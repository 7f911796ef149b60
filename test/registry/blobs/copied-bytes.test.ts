import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { expect, it, onTestFinished, vi } from 'vitest';

import type { HttpEvent } from '../../../src/http/message.js';
import type { Descriptor } from '../../../src/oci/descriptor.js';
import { digestOf } from '../../../src/oci/digest.js';
import { InvalidError } from '../../../src/oci/errors.js';
import type { Answer } from '../../support/fake-server.js';
import type { MemoryRegistry } from '../../support/memory-registry.js';
import { connect, startRegistry } from '../../support/open-repository.js';

const bytes = Buffer.alloc(1_000_000, 'some blob ');
const blob: Descriptor = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digestOf(bytes),
  size: bytes.length,
};

async function start(fault?: () => Answer): Promise<{
  readonly to: MemoryRegistry;
  readonly copy: (chunkSize?: number) => Promise<unknown>;
  /** The sizes of the bodies of PATCH and PUT requests, as sent. */
  readonly sent: () => number[];
}> {
  const [from, to] = [await startRegistry(fault && { fault }), await startRegistry()];
  from.putBlob('app', bytes);
  const events: HttpEvent[] = [];
  return {
    to,
    copy: (chunkSize) => {
      const open = connect(to.host, { chunkSize, onHttpEvent: (event) => events.push(event) });
      return open('app', 'push').copyBlob(blob, connect(from.host)('app'));
    },
    sent: () => events.flatMap((event) => (event.kind === 'bytes' && event.sent > 0 ? [event.sent] : [])),
  };
}

it.each([
  { how: 'in one request', chunkSize: undefined },
  { how: 'in chunks', chunkSize: 300_000 },
])('each byte of a blob that is copied $how is hashed once', async ({ chunkSize }) => {
  const { to, copy } = await start();
  const hash = Object.getPrototypeOf(createHash('sha256')) as ReturnType<typeof createHash>;
  const update = vi.spyOn(hash, 'update');
  onTestFinished(() => update.mockRestore());

  await copy(chunkSize);

  const hashed = update.mock.calls.reduce((sum, [data]) => sum + data.length, 0);
  expect(to.hasBlob('app', blob.digest)).toBe(true);
  // Once by the client, and once by the registry, which runs in this process.
  expect(hashed).toBe(2 * bytes.length);
});

it.each([
  { how: 'in one request', chunkSize: undefined },
  { how: 'in chunks', chunkSize: 300_000 },
])('a blob with another digest is not sent to its end $how', async ({ chunkSize }) => {
  const damaged = Buffer.from(bytes).fill('!', bytes.length - 1);
  const { to, copy, sent } = await start(() => ({ status: 200, body: damaged }));

  await expect(copy(chunkSize)).rejects.toThrow(InvalidError);

  const total = sent().reduce((sum, size) => sum + size, 0);
  expect(total).toBeLessThan(bytes.length);
  expect(to.hasBlob('app', blob.digest)).toBe(false);
  expect(to.openSessions).toBe(0);
});

it('a blob that turns out to be damaged before it is read fails its reader, not the process', async () => {
  const from = await startRegistry({ fault: () => ({ status: 200, body: Buffer.from('other') }) });
  const stream = await connect(from.host)('app').openBlob({ ...blob, size: 5 });
  if (!(stream instanceof Readable)) throw new Error('not a stream of node');

  await new Promise((resolve) => stream.once('close', resolve));

  await expect(buffer(stream)).rejects.toThrow(InvalidError);
});
