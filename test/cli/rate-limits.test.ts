import { expect, it } from 'vitest';

import { imagesOf } from '../support/architectures.js';
import { failure, mostAtOnce } from '../support/fake-server.js';
import { startCommandLine } from '../support/in-process.js';
import { inVirtualTime } from '../support/virtual-time.js';

const images = Object.fromEntries(imagesOf(7).map((image, number) => [`${number}`, image]));

it('sends fewer requests after a 429, and none before the end of Retry-After, and says so once', async () => {
  let rejections = 0;
  let rejectedAt = Infinity;
  const { registry, host, app, run } = await startCommandLine({
    images,
    registry: {
      // In milliseconds of virtual time, so that requests overlap.
      delay: 20,
      fault: ({ path }, next) => {
        // Three of the seven reads that are sent together.
        if (!/\/manifests\/[0-2]$/.test(path) || rejections === 0) return next();
        rejections -= 1;
        rejectedAt = performance.now();
        return { ...failure(429, 'TOOMANYREQUESTS', 'slow down'), headers: { 'retry-after': '20' } };
      },
    },
  });

  const sources = Object.keys(images).map((tag) => `${app}:${tag}`);
  const argv = ['create', '--push', `${app}:list`, ...sources, '--progress', 'none', '--no-cache'];
  // Loads all modules, which takes real time.
  await run([...argv, '--dry-run']);
  registry.clearLog();
  rejections = 3;
  const { result } = await inVirtualTime(() => run(argv));

  expect(result.code, result.stderr).toBe(0);
  const later = registry.requests.filter(({ startedAt }) => startedAt > rejectedAt);
  expect(rejections).toBe(0);
  // The rejected requests once more, seven configs and the index; none of them in the 20 s.
  expect(later).toHaveLength(11);
  for (const { startedAt } of later) expect(startedAt - rejectedAt).toBeGreaterThan(19_000);
  expect(mostAtOnce(later)).toBe(4);
  const lines = result.stderr.split('\n').filter((line) => line !== '');
  expect(lines.slice(0, -2).sort()).toEqual(
    [0, 1, 2].map((tag) => `warning: ${host}: GET /v2/app/manifests/${tag}: HTTP 429; retrying in 20 s`),
  );
  expect(lines.slice(-2)).toEqual([
    `warning: ${host}: HTTP 429; all requests wait for 20 s`,
    `warning: ${host}: HTTP 429; at most 4 requests at once from now on`,
  ]);
});
