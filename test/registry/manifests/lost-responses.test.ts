import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import { UnavailableError } from '../../../src/oci/errors.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { parseTag } from '../../../src/oci/reference.js';
import { artifact, documentOf } from '../../support/artifact.js';
import type { Answer, LoggedRequest } from '../../support/fake-server.js';
import { amd64 as image, arm64 } from '../../support/images.js';
import { connect, startRegistry } from '../../support/open-repository.js';
import { tinyIndex } from '../../support/tiny-image.mjs';

const tag = parseTag('1.2');
const index = tinyIndex([image]);
const document = parseDocument(index.bytes);
const put = (status: number | string): string => `PUT /v2/app/manifests/1.2 ${status}`;
const head = (status: number): string => `HEAD /v2/app/manifests/1.2 ${status}`;

/** A registry that responds so to the first PUTs, which it carries out before or not. */
async function start(answers: readonly Answer[], isCarriedOut: boolean) {
  const left = [...answers];
  const registry = await startRegistry({
    fault: async (request: LoggedRequest, next) => {
      const answer = request.method === 'PUT' ? left.shift() : undefined;
      if (answer === undefined) return next();
      if (isCarriedOut) await next();
      return answer;
    },
  });
  registry.put('app', image);
  return registry;
}

const RESET: Answer = { fault: 'reset' };
/** On a kept connection, a reset counts as a stale connection. */
const NO_LENGTH: Answer = { fault: 'raw', body: 'HTTP/1.1 200 OK\r\ncontent-length: no\r\n\r\n' };

describe('a write whose outcome is unknown', () => {
  it.each<[string, Answer, line: number | string]>([
    ['the response is lost', RESET, 'unanswered'],
    ['a gateway gave up (504)', { status: 504 }, 504],
    ['a gateway lost it (502)', { status: 502 }, 502],
    ['the client is said to be gone (499)', { status: 499 }, 499],
    ['the registry fails afterwards (500)', { status: 500 }, 500],
  ])('is looked up before it is repeated, because %s', async (_what, answer, line) => {
    const done = await start([answer], true);
    const waits: number[] = [];
    await connect(done.host, { waits })('app').writeManifest(document, { tag });
    expect(done.lines()).toEqual([put(line), head(200)]);
    // What is stored needs no wait.
    expect(waits).toEqual([]);

    const lost = await start([answer], false);
    await connect(lost.host, { waits })('app').writeManifest(document, { tag });
    expect(lost.lines()).toEqual([put(line), head(404), put(201)]);
    expect(waits).toEqual([625]);
  });

  it.each([true, false])(
    'is looked up again after the wait if the registry could not be asked (stored: %s)',
    async (isCarriedOut) => {
      let heads = 0;
      const registry = await startRegistry({
        fault: async ({ method }, next) => {
          if (method === 'HEAD') return ++heads === 1 ? { status: 503 } : next();
          if (heads > 0) return next();
          if (isCarriedOut) await next();
          return { status: 502 };
        },
      });
      registry.put('app', image);
      registry.clearLog();
      const waits: number[] = [];
      await connect(registry.host, { waits })('app').writeManifest(document, { tag });
      const rest = isCarriedOut ? [head(200)] : [head(404), put(201)];
      expect(registry.lines()).toEqual([put(502), head(503), ...rest]);
      expect(waits).toEqual([625]);
    },
  );

  it.each([429, 503, 408])('is known after %i: no look-up', async (status) => {
    const registry = await start([{ status }], false);
    await connect(registry.host)('app').writeManifest(document, { tag });
    expect(registry.lines()).toEqual([put(status), put(201)]);
  });

  it('is looked up after the last try, too', async () => {
    const registry = await start([RESET], true);
    await connect(registry.host, { retries: 0 })('app').writeManifest(document, { tag });
    expect(registry.lines()).toEqual([put('unanswered'), head(200)]);
  });

  it('is an error with the number of tries, if the registry does not have it', async () => {
    const registry = await start([NO_LENGTH, NO_LENGTH, NO_LENGTH], false);
    const waits: number[] = [];
    const writing = connect(registry.host, { waits })('app').writeManifest(document, { tag });
    await expect(writing).rejects.toThrow(UnavailableError);
    await expect(writing).rejects.toThrow('is not valid HTTP (HPE_INVALID_CONTENT_LENGTH) (3 tries)');
    expect(waits).toEqual([625, 1875]);
  });

  it.each([true, false])(
    'because the response is late is not repeated (stored: %s)',
    async (isCarriedOut) => {
      const registry = await start([{ fault: 'stall' }], isCarriedOut);
      const events: WorkEvent[] = [];
      const repository = connect(registry.host, {
        limits: { write: 100 },
        onEvent: (event) => events.push(event),
      })('app');
      const writing = repository.writeManifest(document, { tag });
      if (isCarriedOut) expect((await writing).digest).toBe(index.digest);
      else await expect(writing).rejects.toThrow(/PUT .*: no response within 0\.1 s$/);
      expect(registry.lines()).toEqual([put('unanswered'), head(isCarriedOut ? 200 : 404)]);
      expect(events).toEqual([]);
    },
  );

  it.each([true, false])(
    'on a kept connection that closes is looked up at once (stored: %s)',
    async (isCarriedOut) => {
      const registry = await start([RESET], isCarriedOut);
      const waits: number[] = [];
      const repository = connect(registry.host, { waits })('app');
      await repository.find(tag);
      await repository.writeManifest(document, { tag });
      const again = isCarriedOut ? [head(200)] : [head(404), put(201)];
      expect(registry.lines()).toEqual([head(404), put('unanswered'), ...again]);
      expect(waits).toEqual([]);
    },
  );

  it('is never that of another digest under the tag', async () => {
    const other = tinyIndex([image, arm64]);
    const registry = await start([RESET], false);
    registry.put('app', other, '1.2');
    registry.clearLog();
    await connect(registry.host)('app').writeManifest(document, { tag });
    expect(registry.lines()).toEqual([put('unanswered'), head(200), put(201)]);
    expect(registry.manifest('app', '1.2')?.digest).toBe(index.digest);
  });

  it('of a referrer is repeated for the response, which says whether the registry lists it', async () => {
    const signature = artifact(image.manifest, { text: 'signature' });
    const registry = await start([RESET], true);
    const { config, layers } = signature;
    for (const blob of [config, ...layers]) registry.putBlob('app', blob.bytes);
    await connect(registry.host)('app').writeManifest(documentOf(signature));
    expect(registry.requests.map(({ method }) => method).slice(0, 2)).toEqual(['PUT', 'PUT']);
  });

  it('is reported with each wait', async () => {
    const registry = await start([{ status: 503 }, NO_LENGTH], false);
    const events: WorkEvent[] = [];
    await connect(registry.host, { onEvent: (event) => events.push(event) })('app').writeManifest(document, {
      tag,
    });
    const name = `${registry.host}/app:1.2`;
    const reason = expect.stringContaining('is not valid HTTP') as string;
    expect(events).toEqual([
      { kind: 'write-retried', name, reason: 'HTTP 503', waitMilliseconds: 625 },
      { kind: 'write-retried', name, reason, waitMilliseconds: 1875 },
    ]);
  });
});
