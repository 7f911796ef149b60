import { expect, it, onTestFinished, vi } from 'vitest';

import { DraftStore } from '../../src/drafts/store.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { startRegistry } from '../support/open-repository.js';
import { tinyImage } from '../support/tiny-image.mjs';

const image = (number: number) =>
  tinyImage({ architecture: 'amd64', os: 'windows', osVersion: `10.0.${number}`, text: `${number}\n` });

/** Publishes an index of this many images. Returns its requests. */
async function requestsOf(count: number): Promise<number> {
  const registry = await startRegistry();
  const app = `${registry.host}/app`;
  for (let number = 0; number < count; number += 1) registry.put('app', image(number), `v${number}`);
  const multiarch = await openMultiarch();
  const sources = Array.from({ length: count }, (_, number) => `${app}:v${number}`);
  await multiarch.createAndPush(`${app}:all`, sources);
  return registry.requests.length;
}

it('each further image of an index takes two requests: its manifest and its config', async () => {
  const [few, many] = [await requestsOf(10), await requestsOf(30)];
  expect(many - few).toBe(2 * 20);
});

it('each further annotation of a draft reads it once', async () => {
  const registry = await startRegistry();
  registry.put('app', image(0), 'v0');
  const multiarch = await openMultiarch();
  const name = `${registry.host}/app:all`;
  await multiarch.create(name, [`${registry.host}/app:v0`]);
  onTestFinished(() => void vi.restoreAllMocks());
  const [reads, updates] = [vi.spyOn(DraftStore.prototype, 'find'), vi.spyOn(DraftStore.prototype, 'update')];
  for (let number = 0; number < 10; number += 1) {
    await multiarch.annotateIndex(name, { annotations: { [`a${number}`]: 'b' } });
  }
  expect(reads).not.toHaveBeenCalled();
  expect(updates).toHaveBeenCalledTimes(10);
});
