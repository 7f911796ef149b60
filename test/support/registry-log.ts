import { randomUUID } from 'node:crypto';

import { expect } from 'vitest';

import type { RunningRegistry } from './docker-registry.js';

/**
 * The requests that a real registry answered while `work` ran, as `METHOD /path status` in the order of their answers,
 * upload sessions as `<id>` and their queries left out.
 */
export async function requestsDuring<T>(
  registry: Pick<RunningRegistry, 'url' | 'log'>,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly requests: readonly string[] }> {
  // The log comes through a pipe: what lies between two marks in it has all arrived when the second one has.
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
