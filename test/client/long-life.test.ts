import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it, onTestFinished, vi } from 'vitest';

import { amd64, arm64 } from '../support/images.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';

const ROUNDS = 30;

/** What a program that calls the library for days must not collect. */
interface Held {
  readonly listeners: number;
  readonly resources: readonly string[];
  readonly descriptors: number;
}

it('a client holds nothing more after many calls than after the first ones', async () => {
  const registry = await startRegistry({ referrers: {} });
  registry.put('app', amd64, 'amd64');
  registry.put('app', arm64, 'arm64');
  const [ofClient, ofCalls] = [new AbortController(), new AbortController()];
  const signals = [ofClient.signal, ofCalls.signal];
  const app = `${registry.host}/app`;
  const layout = join(await temporaryDirectory(), 'layout');
  const client = await openMultiarch({ signal: ofClient.signal, onEvent: () => {} });
  const options = { signal: ofCalls.signal, onEvent: () => {} };
  const name = `${app}:new`;

  const round = async (number: number): Promise<void> => {
    const annotations = { round: String(number) };
    await client.create(name, [`${app}:amd64`, `${app}:arm64`], { ...options, amend: true });
    await client.annotate(name, `${app}:amd64`, { variant: number % 2 === 0 ? 'v1' : 'v2' }, options);
    await client.annotateIndex(name, { annotations }, options);
    const { children } = await client.inspect(name, options);
    for (const child of children) await (await child.read()).config();
    await client.push(name, { ...options, purge: true });
    await client.copy(name, `oci:${layout}:1`, options);
    await (await client.inspect(`oci:${layout}:1`, options)).referrers();
  };
  const held = (): Held => ({
    listeners: signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0),
    resources: process.getActiveResourcesInfo().filter((each) => each !== 'Timeout' && each !== 'Immediate'),
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
  });

  // It leaves something behind in each of its signals.
  const joined = vi.spyOn(AbortSignal, 'any');
  onTestFinished(() => joined.mockRestore());
  for (let number = 0; number < 3; number += 1) await round(number);
  const before = held();
  for (let number = 3; number < ROUNDS; number += 1) await round(number);
  expect(held()).toEqual(before);
  expect(before.listeners).toBe(0);
  expect(joined.mock.calls.flat(2).filter((signal) => signals.includes(signal))).toEqual([]);
});
