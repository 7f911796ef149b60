import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import { KnownTokenServers } from '../../../src/auth/requests/known-token-servers.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { having } from '../../support/credentials.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { FakeHttp } from '../fake-http.js';
import { get, jane, pull, registry, TestRegistry } from '../test-registry.js';

const host = (name: string): RegistryHost => name as RegistryHost;
const ORIGIN = 'https://auth.example.com';

/** A cache directory, and what another process reads of it. */
async function makeCache(directory?: string) {
  const cache = directory ?? join(await temporaryDirectory(), 'cache', 'multiarch');
  const find = async (name = 'r'): Promise<string | undefined> =>
    (await new KnownTokenServers(cache).find(host(name)))?.origin;
  const keep = async (...changes: readonly (readonly [string, string | undefined])[]): Promise<void> => {
    const known = new KnownTokenServers(cache);
    for (const [name, origin] of changes) known.keep(host(name), origin);
    await known.flush();
  };
  return { cache, file: join(cache, 'token-servers.json'), find, keep };
}

describe('the token servers of registries', () => {
  it('are kept for later runs, in files of this user only', async () => {
    const { cache, file, find, keep } = await makeCache();
    expect(await find()).toBeUndefined();
    await keep(['r', ORIGIN], ['other', 'http://127.0.0.1:5001']);
    expect(await find()).toBe(ORIGIN);
    expect(await find('other')).toBe('http://127.0.0.1:5001');
    expect((await stat(cache)).mode & 0o777).toBe(0o700);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await keep(['r', undefined]);
    expect(await find()).toBeUndefined();
    expect(await find('other')).toBe('http://127.0.0.1:5001');
  });

  it('are not written again if nothing has changed', async () => {
    const { cache, find, keep } = await makeCache();
    await keep(['r', undefined]);
    await expect(stat(cache)).rejects.toThrow('ENOENT');
    await keep(['r', ORIGIN]);
    await chmod(cache, 0o500);
    await keep(['r', ORIGIN]);
    expect(await find()).toBe(ORIGIN);
  });

  it('of several processes count together', async () => {
    const { find, keep } = await makeCache();
    await keep(['a', ORIGIN]);
    await keep(['b', ORIGIN]);
    expect([await find('a'), await find('b')]).toEqual([ORIGIN, ORIGIN]);
  });

  it('are a hundred at most, those that were kept last', async () => {
    const { file, find, keep } = await makeCache();
    await keep(...Array.from({ length: 101 }, (_, index) => [`r${index}`, ORIGIN] as const));
    expect([await find('r0'), await find('r1'), await find('r100')]).toEqual([undefined, ORIGIN, ORIGIN]);
    expect((await readFile(file, 'utf8')).match(/"r\d+"/g)).toHaveLength(100);
  });

  it.each<[string, string]>([
    ['no JSON', 'not JSON'],
    ['another version', `{"version":2,"tokenServers":{"r":"${ORIGIN}"}}`],
    ['a list', '[]'],
    ['a number', '{"version":1,"tokenServers":{"r":1}}'],
    ['a path', `{"version":1,"tokenServers":{"r":"${ORIGIN}/token"}}`],
    ['user information', '{"version":1,"tokenServers":{"r":"https://a:b@auth.example.com"}}'],
    ['a file', '{"version":1,"tokenServers":{"r":"file:///etc/passwd"}}'],
    ['no URL', '{"version":1,"tokenServers":{"r":"auth.example.com"}}'],
    ['too much', `{"version":1,"tokenServers":{"r":"${ORIGIN}"}}${' '.repeat(64 * 1024)}`],
  ])('are unknown in a file with %s, which is replaced', async (_, text) => {
    const { file, find, keep } = await makeCache(await temporaryDirectory());
    await writeFile(file, text);
    expect(await find()).toBeUndefined();
    await keep(['r', ORIGIN]);
    expect(await find()).toBe(ORIGIN);
  });

  it('are not read from a symbolic link, nor from a directory that others can write to or choose', async () => {
    const real = await makeCache();
    await real.keep(['r', ORIGIN]);
    const linked = await makeCache(await temporaryDirectory());
    await symlink(real.file, linked.file);
    expect(await linked.find()).toBeUndefined();

    const elsewhere = join(await temporaryDirectory(), 'link');
    await symlink(real.cache, elsewhere);
    const { find, keep } = await makeCache(elsewhere);
    await keep(['r2', ORIGIN]);
    expect(await find()).toBeUndefined();
    expect(await real.find('r2')).toBeUndefined();

    await chmod(real.cache, 0o770);
    expect(await real.find()).toBeUndefined();
  });

  it('are silently not kept where nothing can be written', async () => {
    const { file, find, keep } = await makeCache(await temporaryDirectory());
    await mkdir(file);
    await keep(['r', ORIGIN]);
    expect(await find()).toBeUndefined();
    const nowhere = new KnownTokenServers(undefined);
    nowhere.keep(host('r'), ORIGIN);
    await nowhere.flush();
    expect(await nowhere.find(host('r'))).toBeUndefined();
  });
});

describe('a connection to the token server of an earlier run', () => {
  /** The origins that one request opens connections to, if the file has this origin. */
  async function origins(known: string, remoteAddress: string | undefined): Promise<readonly string[]> {
    const { cache, keep } = await makeCache();
    await keep([registry, known]);
    const bench = new TestRegistry();
    bench.http.remoteAddress = remoteAddress;
    const tokenServers = new KnownTokenServers(cache);
    const client = new AuthClient({ http: bench.http, credentials: having(jane), tokenServers });
    await client.send(registry, get('a'), [pull('a')]);
    // The file may be read later than the responses arrive.
    await tokenServers.find(registry);
    await new Promise(setImmediate);
    await tokenServers.flush();
    expect(bench.http.log.filter((line) => !line.includes('auth.example.com/token'))).toHaveLength(2);
    return bench.http.preconnected.map(({ origin }) => origin).filter((origin) => !origin.includes(registry));
  }

  it.each<[string, string | undefined, boolean]>([
    [ORIGIN, '192.0.2.1', true],
    ['https://former.example.com', '192.0.2.1', true],
    ['https://10.0.0.7', '10.0.0.8', true],
    ['https://10.0.0.7', '192.0.2.1', false],
    ['https://127.0.0.1:8443', '192.0.2.1', false],
    ['https://localhost', '192.0.2.1', false],
    ['https://169.254.169.254', '10.0.0.8', false],
    ['https://metadata.google.internal', '192.0.2.1', false],
    ['http://auth.example.com', '192.0.2.1', false],
    ['https://registry.example.com', '192.0.2.1', false],
    // Behind a proxy.
    [ORIGIN, undefined, false],
  ])('%s, for a registry at %s: %s', async (known, address, isOpened) => {
    expect(await origins(known, address)).toEqual(isOpened ? [known] : []);
  });

  it('is not opened for a registry that no longer needs a token', async () => {
    const { cache, keep, find } = await makeCache();
    await keep([registry, ORIGIN]);
    const tokenServers = new KnownTokenServers(cache);
    const http = new FakeHttp(() => ({ status: 404 }));
    await new AuthClient({ http, credentials: having(jane), tokenServers }).send(registry, get('a'), []);
    await tokenServers.flush();
    expect(await find(registry)).toBeUndefined();
  });

  it('is kept for a token server that has issued a token, and not for one that has not', async () => {
    for (const status of [200, 401]) {
      const { cache, find } = await makeCache();
      const bench = new TestRegistry(status === 200 ? {} : { tokenAnswer: () => ({ status }) });
      const tokenServers = new KnownTokenServers(cache);
      const client = new AuthClient({ http: bench.http, credentials: having(jane), tokenServers });
      await client.send(registry, get('a'), [pull('a')]).catch(() => {});
      await tokenServers.flush();
      expect(await find(registry)).toBe(status === 200 ? ORIGIN : undefined);
    }
  });
});
