import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ResponseBody } from '../../src/http/response-body.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A body that is read all the time, and why it failed. */
function startBody() {
  const source = new PassThrough();
  const failures: string[] = [];
  const body = new ResponseBody(source, {
    expected: 1e6,
    idleMilliseconds: 60_000,
    broken: (why, received, timeLimit) => {
      failures.push(`${why} after ${received}${timeLimit ? ' (time limit)' : ''}`);
      return new Error(why);
    },
    onDone: () => {},
  });
  body.resume();
  const flush = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  };
  /** Sends so many bytes, then waits. */
  const send = async (bytes: number, milliseconds: number): Promise<void> => {
    source.write(Buffer.alloc(bytes));
    await flush();
    vi.advanceTimersByTime(milliseconds);
    await flush();
  };
  return { send, failures };
}

describe('the idle limit of a body', () => {
  it('ends a body at one byte a second', async () => {
    const { send, failures } = startBody();
    for (let second = 0; second < 70 && failures.length === 0; second += 1) await send(1, 1_000);
    expect(failures).toEqual(['only 60 bytes in 60 s after 60 (time limit)']);
  });

  it('ends a body that stops', async () => {
    const { send, failures } = startBody();
    await send(1_000, 59_000);
    expect(failures).toEqual([]);
    await send(0, 2_000);
    expect(failures).toEqual(['no data for 60 s after 1000 (time limit)']);
  });

  it('begins anew after 4 KiB, so a slow body may last for long', async () => {
    const { send, failures } = startBody();
    for (let minute = 0; minute < 30; minute += 1) await send(4_096, 55_000);
    expect(failures).toEqual([]);
  });
});
