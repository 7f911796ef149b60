import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { nextHop, type Hop } from '../../src/http/redirect.js';
import { InvalidError } from '../../src/oci/errors.js';

const body = { size: 3, open: () => Readable.from([Buffer.from('abc')]) };
const headers = {
  accept: 'application/json',
  authorization: 'Bearer s3cret',
  'content-type': 'text/plain',
  cookie: 's3cret',
  'proxy-authorization': 's3cret',
  range: 'bytes=3-',
  'user-agent': 'test',
  'x-meta': 's3cret',
};

function hop(url: string, changes: Partial<Hop> = {}): Hop {
  return { method: 'GET', url: new URL(url), headers, body: undefined, ...changes };
}

describe('the method and body of a redirect', () => {
  it.each([
    [301, 'GET', 'GET', false],
    [302, 'GET', 'GET', false],
    [303, 'GET', 'GET', false],
    [307, 'GET', 'GET', false],
    [308, 'GET', 'GET', false],
    [301, 'HEAD', 'HEAD', false],
    [303, 'HEAD', 'HEAD', false],
    [301, 'POST', 'GET', false],
    [302, 'POST', 'GET', false],
    [303, 'POST', 'GET', false],
    [307, 'POST', 'POST', true],
    [308, 'POST', 'POST', true],
    [301, 'PUT', 'PUT', true],
    [302, 'PATCH', 'PATCH', true],
    [303, 'PUT', 'GET', false],
    [307, 'PUT', 'PUT', true],
    [302, 'DELETE', 'DELETE', true],
  ] as const)('%i of %s: %s, body %s', (status, method, nextMethod, withBody) => {
    const sent = method === 'GET' || method === 'HEAD' ? undefined : body;
    const next = nextHop(hop('https://r.example/a', { method, body: sent }), status, '/b');
    expect(next.method).toBe(nextMethod);
    expect(next.body).toBe(withBody ? body : undefined);
    expect('content-type' in next.headers).toBe(withBody);
  });
});

describe('the headers of a redirect', () => {
  it('stay within the origin', () => {
    const next = nextHop(hop('https://r.example/a', { method: 'PUT', body }), 307, 'https://r.example:443/b');
    expect(next.headers).toEqual(headers);
  });

  it.each([
    ['https://other.example/b', 'another host'],
    ['https://r.example:8443/b', 'another port'],
    ['https://sub.r.example/b', 'a host below it'],
    ['//other.example/b', 'another host, same scheme'],
  ])('do not go to %s (%s)', (location) => {
    const next = nextHop(hop('https://r.example/a', { method: 'PUT', body }), 307, location);
    expect(next.headers).toEqual({
      accept: 'application/json',
      'content-type': 'text/plain',
      range: 'bytes=3-',
      'user-agent': 'test',
    });
  });

  it('do not go from http to https of the same host, which is another origin', () => {
    expect(nextHop(hop('http://r.example/a'), 301, 'https://r.example/a').headers).not.toHaveProperty(
      'authorization',
    );
  });
});

describe('the target of a redirect', () => {
  it.each([
    ['/b?x=1', 'https://r.example/b?x=1'],
    ['c', 'https://r.example/a/c'],
    ['?x', 'https://r.example/a/b?x'],
    ['/b#part', 'https://r.example/b'],
    [Buffer.from('/ü').toString('latin1'), 'https://r.example/%C3%BC'],
    // What a presigned URL was signed with must not be written in another way.
    ['https://s3.example/x?sig=a%2fb%2Bc+d~', 'https://s3.example/x?sig=a%2fb%2Bc+d~'],
  ])('%j is %s', (location, url) => {
    expect(nextHop(hop('https://r.example/a/b'), 302, location).url.href).toBe(url);
  });

  it.each([
    ['http://', 'no URL'],
    ['https://r.example:99999/', 'no URL'],
    ['http://other.example/', 'less secure'],
    ['https://user:pw@r.example/', 'with user information'],
    ['unix:/var/run/docker.sock', 'of a protocol that got would understand'],
    ['https://10.0.0.1/', 'nearer than the server'],
  ])('is not %s (%s)', (location) => {
    expect(() => nextHop(hop('https://r.example/'), 307, location)).toThrow(InvalidError);
  });

  it.each([
    ['http://r.example/', 'http://storage.example/', undefined],
    ['http://r.example/', 'https://r.example/', undefined],
    ['https://10.0.0.1/', 'https://10.0.0.2:9000/', undefined],
    ['https://r.corp/', 'https://10.0.0.2:9000/', '10.0.0.1'],
  ])('from %s may be %s', (from, location, remoteAddress) => {
    expect(nextHop({ ...hop(from), remoteAddress }, 307, location).url.href).toBe(location);
  });

  it('is not quoted with its secrets when it is rejected', () => {
    expect(() =>
      nextHop(hop('https://r.example/a?sig=s3cret'), 307, 'http://user:s3cret@h/?t=s3cret'),
    ).toThrow(/^(?!.*s3cret)/s);
  });
});
