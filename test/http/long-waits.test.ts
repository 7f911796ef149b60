import { afterEach, describe, expect, it, vi } from 'vitest';

import { waitingLine } from '../../src/cli/progress/event-lines.js';
import type { HttpEvent } from '../../src/http/message.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';

const path = '/v2/app/manifests/1.0';

afterEach(() => {
  vi.useRealTimers();
});

const waits = (events: readonly HttpEvent[]): readonly number[] =>
  events.flatMap((event) => (event.kind === 'waiting' ? event.milliseconds : []));

describe('a response that is awaited for long', () => {
  it.each([
    ['the headers', { fault: 'stall' }],
    ['the rest of a body', { fault: 'stall-body', body: 'abcdef', sent: 2 }],
  ] as const)('is reported after 5 s, and each time the wait has doubled: %s', async (_what, answer) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer });
    const { client, events } = makeTestClient();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const sending = client.send({ method: 'GET', url: server.url(path) });
    const ended = expect(sending).rejects.toThrow('cancelled');
    await server.came(1);
    if (answer.fault === 'stall-body') {
      while (!events.some(({ kind }) => kind === 'response')) await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
    vi.advanceTimersByTime(4_999);
    expect(waits(events)).toEqual([]);
    vi.advanceTimersByTime(45_000);
    expect(waits(events)).toEqual([5_000, 10_000, 20_000, 40_000]);
    const event = events.find(({ kind }) => kind === 'waiting');
    expect(event?.kind === 'waiting' && waitingLine(event)).toBe(
      `waiting for a response from ${server.host}: GET ${path} (5 s)`,
    );
    client.close();
    await ended;
  });

  it('is not reported once it has arrived', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { body: 'abc' } });
    const { client, events } = makeTestClient();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await client.send({ method: 'GET', url: server.url(path) });
    vi.advanceTimersByTime(60_000);
    expect(waits(events)).toEqual([]);
  });
});
