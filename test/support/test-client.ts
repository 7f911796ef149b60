import { onTestFinished } from 'vitest';

import { GotClient, type GotClientOptions } from '../../src/http/got-client.js';
import type { HttpEvent } from '../../src/http/message.js';

export interface TestClient {
  readonly client: GotClient;
  /** The delays before retries, in milliseconds. They take no time. */
  readonly waits: number[];
  readonly events: HttpEvent[];
}

/** An HTTP client that closes after the test. Its random numbers are 0.5, and only delays advance its clock. */
export function makeTestClient(options: Partial<GotClientOptions> = {}): TestClient {
  const waits: number[] = [];
  const events: HttpEvent[] = [];
  let time = Date.parse('2026-11-20T12:00:00Z');
  const client = new GotClient({
    userAgent: 'multiarch/test',
    random: () => 0.5,
    now: () => time,
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
      time += milliseconds;
    },
    onEvent: (event) => events.push(event),
    ...options,
  });
  onTestFinished(() => client.close());
  return { client, waits, events };
}
