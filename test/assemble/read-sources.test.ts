import { describe, expect, it } from 'vitest';

import { readSources, type SourceRequest } from '../../src/assemble/read-sources.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { Source } from '../../src/content/source.js';
import { CancelledError, NotFoundError, SourcesError, UnauthorizedError } from '../../src/oci/errors.js';
import { parseTag } from '../../src/oci/reference.js';
import { failureOf } from '../support/failure.js';
import { amd64, arm64 } from '../support/images.js';
import { storeContent } from '../support/stored.js';

const selector = parseTag('latest');

async function good(label: string, image = amd64): Promise<SourceRequest> {
  const source = new MemoryStore(label);
  await storeContent(source, image, 'latest');
  return { source, selector, label };
}

/** A source that cannot be read; `after` is waited for first. */
function bad(label: string, error: unknown, after: Promise<unknown> = Promise.resolve()): SourceRequest {
  const fail = async (): Promise<never> => {
    await after;
    throw error;
  };
  const source: Source = { label, resolve: fail, find: fail, readManifest: fail, openBlob: fail };
  return { source, selector, label };
}

describe('readSources', () => {
  it('returns images in the order given, independent of timing', async () => {
    const { source, ...slow } = await good('slow');
    let respond = (): void => {};
    const later = new Promise<void>((resolve) => (respond = resolve));
    const delayed: Source = {
      label: 'slow',
      resolve: (...args) => source.resolve(...args),
      find: (...args) => source.find(...args),
      readManifest: async (...args) => {
        await later;
        return source.readManifest(...args);
      },
      openBlob: (...args) => source.openBlob(...args),
    };
    const fast = await good('fast', arm64);

    const reading = readSources([{ ...slow, source: delayed }, fast], {
      onEvent: (event) => {
        // The second one is done when the first may begin.
        if (event.kind === 'resolved' && event.source === 'fast') respond();
      },
    });

    expect((await reading).map(({ label }) => label)).toEqual(['slow', 'fast']);
  });

  it('throws the error of a single failed source', async () => {
    const error = new NotFoundError('no such manifest: b');

    expect(await failureOf(readSources([await good('a'), bad('b', error)]))).toBe(error);
  });

  it('reads all, and reports all failures in one error, in the order given', async () => {
    let last = (): void => {};
    const lastFailed = new Promise<void>((resolve) => (last = resolve));
    const missing = new NotFoundError('no such manifest: a', { hint: 'Has it been pushed?' });
    const denied = new UnauthorizedError('c: access denied');
    const deniedFirst: SourceRequest = bad(
      'c',
      denied,
      Promise.resolve().then(() => last()),
    );

    const error = await failureOf(readSources([bad('a', missing, lastFailed), await good('b'), deniedFirst]));

    expect(error).toBeInstanceOf(SourcesError);
    expect(error).toMatchObject({ kind: 'not-found', errors: [missing, denied] });
    expect(String(error)).toBe(
      'SourcesError: 2 of 3 sources cannot be used:\n  no such manifest: a (Has it been pushed?)\n  c: access denied',
    );
  });

  it('is cancelled if one source is, regardless of other errors', async () => {
    const cancelled = new CancelledError('Cancelled: GET …');

    const error = await failureOf(
      readSources([bad('a', new NotFoundError('no such manifest: a')), bad('b', cancelled)]),
    );

    expect(error).toBe(cancelled);
  });

  it('reads nothing after the signal is aborted', async () => {
    const read = readSources([await good('a'), await good('b')], { signal: AbortSignal.abort() });

    await expect(read).rejects.toThrow(CancelledError);
  });

  it('does not report a bug as a failed source', async () => {
    const fault = new TypeError('x is not a function');

    expect(await failureOf(readSources([bad('a', new NotFoundError('a')), bad('b', fault)]))).toBe(fault);
  });

  it('reads nothing without sources', async () => {
    expect(await readSources([])).toEqual([]);
  });
});
