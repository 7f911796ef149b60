import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { cancelStream, JoinedSignal } from '../../src/content/cancellation.js';
import { verifiedStream } from '../../src/content/verified-stream.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { CancelledError } from '../../src/oci/errors.js';
import { amd64 } from '../support/images.js';

const { config } = amd64;
const descriptor = config as unknown as Descriptor;

describe('cancelStream', () => {
  it('reports an abort to a reader that attaches later', async () => {
    const input = Readable.from([Buffer.from(config.bytes)]);
    const abort = new AbortController();
    const stream = cancelStream(verifiedStream(input, descriptor), abort.signal, 'read it');
    await finished(input);
    // Nothing listens to the stream now: an unhandled error event would end the process.
    await turn();
    abort.abort();
    await turn();

    await expect(stream.toArray()).rejects.toThrow(new CancelledError('cancelled: read it'));
  });
});

it('shares one signal among many streams without a warning of Node.js', async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listen);
  onTestFinished(() => void process.off('warning', listen));
  const { signal } = new AbortController();

  const streams = Array.from({ length: 20 }, () => cancelStream(Readable.from(['text']), signal, 'read it'));
  await turn();

  expect(warnings).toEqual([]);
  await Promise.all(streams.map((stream) => stream.toArray()));
});

describe('a joined signal', () => {
  it('fires with the first of its signals, and with the reason of that', () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const joined = new JoinedSignal([first.signal, undefined, second.signal]);
    joined.hold();
    expect(joined.signal.aborted).toBe(false);
    second.abort('why');
    expect([joined.signal.aborted, joined.signal.reason]).toEqual([true, 'why']);
  });

  it('fires at once if one of its signals has fired before', () => {
    const joined = new JoinedSignal([new AbortController().signal, AbortSignal.abort()]);
    joined.hold();
    expect(joined.signal.aborted).toBe(true);
  });

  it('of one signal is that signal', () => {
    const { signal } = new AbortController();
    expect(new JoinedSignal([undefined, signal]).signal).toBe(signal);
    expect(new JoinedSignal([]).signal.aborted).toBe(false);
  });

  it('leaves no listener behind once all holders have released it', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const joined = new JoinedSignal([first.signal, second.signal]);
    const release = joined.hold();
    await joined.during(() => expect(getEventListeners(first.signal, 'abort')).toHaveLength(1));
    release();
    release();
    for (const { signal } of [first, second]) expect(getEventListeners(signal, 'abort')).toEqual([]);
    // It is followed again when it is held again.
    joined.hold();
    first.abort();
    expect(joined.signal.aborted).toBe(true);
  });
});
