import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import type { LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';

import { describe, expect, it } from 'vitest';

import { addressLookup } from '../../src/http/address-lookup.js';
import { destinationProblem, nearestFor } from '../../src/http/destination-policy.js';
import { REACHES, type Reach } from '../../src/http/host-reach.js';
import { InvalidError } from '../../src/oci/errors.js';
import { failureOf } from '../support/failure.js';
import { FakeServer } from '../support/fake-server.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';

/** A resolver with one list of addresses for every name, which counts its calls. */
function resolver(...addresses: readonly string[]): { lookup: LookupFunction; names: string[] } {
  const names: string[] = [];
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return {
    names,
    lookup: (hostname, _options, callback) => {
      names.push(hostname);
      setImmediate(() => callback(null, found));
    },
  };
}

/** The addresses that a connection tries, or the message of the failure. */
function addressesOf(
  name: string,
  nearest: Reach | undefined,
  lookup?: LookupFunction,
  family?: number,
): Promise<string | readonly string[]> {
  return new Promise((resolve) => {
    addressLookup(nearest, lookup)(name, { all: true, family }, (error, found) => {
      if (error === null) resolve((found as LookupAddress[]).map(({ address }) => address));
      else resolve(error.message);
    });
  });
}

describe('localhost and the names below it', () => {
  it.each(['localhost', 'LOCALHOST', 'localhost.', 'reg.localhost', 'a.b.LocalHost', 'reg.localhost.'])(
    '%s is this machine, whatever the resolver says',
    async (name) => {
      const { lookup, names } = resolver('10.0.0.5');
      expect(await addressesOf(name, undefined, lookup)).toEqual(['127.0.0.1', '::1']);
      expect(await addressesOf(name, undefined, lookup, 4)).toEqual(['127.0.0.1']);
      expect(await addressesOf(name, undefined, lookup, 6)).toEqual(['::1']);
      expect(names).toEqual([]);
    },
  );

  it.each(['localhost.example.com', 'notlocalhost', 'localhost-1'])('%s is resolved', async (name) => {
    expect(await addressesOf(name, undefined, resolver('10.0.0.5').lookup)).toEqual(['10.0.0.5']);
  });

  it('get one address if the connection asks for one', async () => {
    const found = await new Promise((resolve) => {
      addressLookup(undefined)('reg.localhost', {}, (error, ...address) => resolve([error, ...address]));
    });
    expect(found).toEqual([null, '127.0.0.1', 4]);
  });

  it.each(['reg.localhost', 'REG.LOCALHOST'])('receive the request of %s', async (name) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path: '/v2/', answer: { status: 200 } });
    const { client } = makeTestClient({ lookup: resolver('192.0.2.1').lookup });
    const url = new URL(`https://${name}:${server.port}/v2/`);
    const response = await client.send({ method: 'GET', url, negotiateScheme: true });
    expect([response.status, response.remoteAddress]).toEqual([200, '127.0.0.1']);
  });

  const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );

  it.skipIf(!hasIPv6)('are reached over IPv6 if nothing listens on IPv4', async () => {
    const server = createServer((_, response) => response.end());
    await new Promise<void>((resolve) => {
      server.listen(0, '::1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { client } = makeTestClient();
    const response = await client.send({ method: 'GET', url: new URL(`http://reg.localhost:${port}/`) });
    expect(response.remoteAddress).toBe('::1');
    server.close();
  });
});

/** The message of a request that is rejected as invalid. */
async function messageOf(sending: Promise<unknown>): Promise<string> {
  return (await failureOf(sending, InvalidError)).message;
}

/** An address of each reach, the farthest first. */
const EXAMPLES: Readonly<Record<Reach, string>> = {
  public: '93.184.216.34',
  private: '10.0.0.5',
  'link-local': '169.254.1.1',
  loopback: '127.0.0.1',
};

describe('a name that a server sends this client to', () => {
  const pairs = REACHES.flatMap((server) => REACHES.map((name) => [server, name] as const));

  it.each(pairs)(
    'by a server at a %s address may resolve to a %s one, or is rejected',
    async (own, reach) => {
      const address = EXAMPLES[reach];
      const expected =
        REACHES.indexOf(reach) <= REACHES.indexOf(own)
          ? [address]
          : `evil.example resolves to ${address}, a ${reach} address, and the server that names it is at a ${own} one`;
      expect(await addressesOf('evil.example', own, resolver(address).lookup)).toEqual(expected);
    },
  );

  it.each([
    '169.254.169.254',
    'fd00:ec2::254',
    '100.100.100.200',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
  ])('never resolves to %s', async (address) => {
    for (const own of REACHES) {
      expect(await addressesOf('evil.example', own, resolver(address).lookup)).toBe(
        `evil.example resolves to ${address}, the metadata service of a cloud`,
      );
    }
  });

  it.each([
    ['0.0.0.0'],
    ['::'],
    ['198.18.0.1'],
    ['192.0.0.9'],
    ['240.0.0.1'],
    ['224.0.0.1'],
    ['::ffff:10.0.0.1'],
    ['2002:a00:1::1'],
    ['64:ff9b:1::a00:1'],
    ['fec0::1'],
    ['fe80::1%lo'],
  ])('does not resolve to %s for a public server', async (address) => {
    expect(await addressesOf('evil.example', 'public', resolver(address).lookup)).toMatch(
      /^evil\.example resolves to /,
    );
  });

  it('is contacted at its other addresses', async () => {
    const { lookup } = resolver('10.0.0.5', '93.184.216.34', '::1', '2606:2800:220:1::1');
    expect(await addressesOf('two.example', 'public', lookup)).toEqual([
      '93.184.216.34',
      '2606:2800:220:1::1',
    ]);
  });

  it('may resolve to anything if the user named it', async () => {
    expect(await addressesOf('registry.corp', undefined, resolver('10.0.0.5').lookup)).toEqual(['10.0.0.5']);
  });

  it('that is not found fails as it does without a limit', async () => {
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
    expect(await addressesOf('gone.example', 'public', lookup)).toBe('no such name');
  });
});

describe('the limit of a URL that a server named', () => {
  it.each<
    [
      url: string,
      server: string,
      address: string | undefined,
      own: Reach | undefined,
      limit: Reach | undefined,
    ]
  >([
    ['https://auth.example/token', 'https://r.example', '93.184.216.34', undefined, 'public'],
    ['https://auth.corp/token', 'https://r.corp', '10.0.0.5', undefined, 'private'],
    ['https://auth.corp/token', 'https://r.corp', '::1', undefined, 'loopback'],
    // The same origin keeps the limit under which it was contacted.
    ['https://r.example/token', 'https://r.example', '93.184.216.34', undefined, undefined],
    ['https://s.example/b', 'https://s.example', '10.0.0.5', 'private', 'private'],
    // Another port of the same host: a name that changes its address is rejected.
    ['https://r.example:8443/token', 'https://r.example', '93.184.216.34', undefined, 'public'],
    // Behind a proxy the address is unknown.
    ['https://auth.example/token', 'https://r.example', undefined, undefined, 'public'],
    ['https://r.example:8443/token', 'https://r.example', undefined, undefined, undefined],
    ['https://auth.corp/token', 'https://10.0.0.5', undefined, undefined, 'private'],
  ])('%s of %s at %s', (url, server, remoteAddress, nearest, limit) => {
    expect(nearestFor(new URL(url), { url: new URL(server), remoteAddress, nearest })).toBe(limit);
  });

  it('allows every URL that the rules for literal addresses allow', () => {
    const server = { url: new URL('http://127.0.0.1:5000'), remoteAddress: '127.0.0.1' };
    const url = new URL('http://127.0.0.1:5001/token');
    expect(destinationProblem(url, server)).toBeUndefined();
    expect(nearestFor(url, server)).toBe('loopback');
  });
});

describe('a request whose name resolves to a nearer address', () => {
  it.each(['http', 'https'])('is not sent over %s, and not tried again', async (scheme) => {
    const server = new FakeServer({});
    const port = await server.listen(() => Promise.resolve({ status: 200 }));
    const { client, waits } = makeTestClient({ lookup: resolver('127.0.0.1').lookup });
    const url = new URL(`${scheme}://evil.example:${port}/internal`);
    const error = await messageOf(client.send({ method: 'GET', url, nearest: 'public' }));
    expect(error).toBe(
      `GET ${url.href}: not sent: evil.example resolves to 127.0.0.1, a loopback address, and the server that names it is at a public one`,
    );
    expect([server.connections, waits]).toEqual([0, []]);
    await server.close();
  });

  it('does not use a connection that another request opened to the address', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path: '/own', answer: { status: 200 } });
    const { client } = makeTestClient({ lookup: resolver('127.0.0.1').lookup });
    const url = (path: string): URL => new URL(`http://evil.example:${server.port}${path}`);
    await client.send({ method: 'GET', url: url('/own') });
    await failureOf(client.send({ method: 'GET', url: url('/internal'), nearest: 'private' }));
    expect(server.lines()).toEqual(['GET /own']);
  });

  it('of a redirect is rejected like a literal address', async () => {
    const server = await startScriptedServer();
    const location = 'http://metadata.evil.example/latest/?sig=s3cret';
    server.expect({ method: 'GET', path: '/blob', answer: { status: 307, headers: { location } } });
    const { client } = makeTestClient({ lookup: resolver('169.254.169.254').lookup });
    const error = await messageOf(client.send({ method: 'GET', url: server.url('/blob') }));
    expect(error).toBe(
      `GET ${server.url('/blob').href}: rejected a redirect: metadata.evil.example resolves to 169.254.169.254, the metadata service of a cloud`,
    );
  });

  it('of a redirect within a host keeps the limit of that host', async () => {
    const storage = await startScriptedServer();
    const addresses = ['127.0.0.1', '169.254.169.254'];
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(null, [{ address: addresses.shift() ?? '', family: 4 }]);
    const { client } = makeTestClient({ lookup });
    storage.expect({
      method: 'GET',
      path: '/one',
      // Closes the connection, so that the name is resolved again.
      answer: { status: 307, headers: { location: '/two', connection: 'close' } },
    });
    const url = new URL(`http://rebinding.example:${storage.port}/one`);
    const error = await messageOf(client.send({ method: 'GET', url, nearest: 'loopback' }));
    expect(error).toContain('rebinding.example resolves to 169.254.169.254');
  });
});

describe('behind a proxy', () => {
  /** A proxy that forwards a request which is redirected to a storage. */
  async function start(noProxy: string) {
    const proxy = await startScriptedServer();
    const location = 'http://storage.example/blob';
    proxy.expect({ method: 'GET', path: '/v2/', answer: { status: 307, headers: { location } } });
    const { lookup, names } = resolver('10.0.0.5');
    const env = { HTTP_PROXY: proxy.url('').origin, NO_PROXY: noProxy };
    const { client } = makeTestClient({ lookup, env });
    const send = () => client.send({ method: 'GET', url: new URL('http://registry.example/v2/') });
    return { proxy, names, send };
  }

  it('names are resolved by the proxy, and not checked', async () => {
    const { proxy, names, send } = await start('');
    proxy.expect({ method: 'GET', path: '/blob', answer: { status: 200 } });
    expect((await send()).status).toBe(200);
    expect(names).toEqual([]);
  });

  it('a server counts as public, so a host that is contacted directly must not be nearer', async () => {
    const { names, send } = await start('storage.example');
    expect(await messageOf(send())).toContain(
      'rejected a redirect: storage.example resolves to 10.0.0.5, a private address',
    );
    expect(names).toEqual(['storage.example']);
  });
});
