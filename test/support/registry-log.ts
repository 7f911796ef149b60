import { randomUUID } from 'node:crypto';

import { expect } from 'vitest';

import type { RunningRegistry } from './docker-registry.js';

/**
 * The requests to a real registry while `work` runs, as `METHOD /path status` in the order of the responses, with upload
 * sessions as `<id>` without a query.
 */
export async function requestsDuring<T>(
  registry: Pick<RunningRegistry, 'url' | 'log'>,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly requests: readonly string[] }> {
  // The log is read from a pipe: when the second mark has arrived, so has everything before it.
  const begin = await mark(registry);
  const result = await work();
  const end = await mark(registry);
  const log = registry.log();
  const part = log.slice(log.indexOf(begin), log.indexOf(end));
  const requests = [...part.matchAll(/"([A-Z]+) (\/v2\/\S*) HTTP\/1\.1" (\d{3}) /g)]
    .map(([, method, path = '', status]) => `${method} ${shorten(path)} ${status}`)
    .filter((line) => !line.includes(MARK));
  return { result, requests };
}

const MARK = '/v2/mark-';

async function mark({ url, log }: Pick<RunningRegistry, 'url' | 'log'>): Promise<string> {
  const path = `${MARK}${randomUUID()}/tags/list`;
  await fetch(url + path);
  await expect.poll(log, { timeout: 10_000 }).toContain(`"GET ${path} HTTP`);
  return path;
}

function shorten(path: string): string {
  return path.replace(/\/uploads\/[0-9a-f-]{36}.*$/, '/uploads/<id>');
}
