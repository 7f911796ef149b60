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
    ['https://r.example/', 'http://r.example/', 'leaves HTTPS'],
    ['https://r.example/', 'http://other.example/', 'leaves HTTPS'],
    ['https://localhost/', 'http://localhost/', 'leaves HTTPS, on this machine too'],
    ['https://r.example/', 'https://user:pw@r.example/', 'user information'],
    ['https://r.example/', 'https://user@other.example/', 'user information'],
    ['https://r.example/', 'ftp://r.example/', 'another protocol'],
    ['https://r.example/', 'file:///etc/passwd', 'another protocol'],
    ['https://r.example/', 'unix:/var/run/docker.sock', 'another protocol, which got would understand'],
    ['https://r.example/', 'http://', 'no URL'],
    ['https://r.example/', 'https://r.example:99999/', 'no URL'],
    ['https://r.example/', 'https://169.254.169.254/latest/meta-data/', 'the metadata service'],
    ['http://r.example/', 'http://169.254.169.254/latest/meta-data/', 'the metadata service'],
    ['https://r.example/', 'https://0xa9fea9fe/', 'the metadata service in hexadecimal'],
    ['https://r.example/', 'https://[::ffff:169.254.169.254]/', 'the metadata service in IPv6'],
    ['https://r.example/', 'https://127.0.0.1/', 'this machine'],
    ['https://r.example/', 'https://localhost/', 'this machine'],
    ['https://r.example/', 'https://0.0.0.0/', 'this machine'],
    ['https://r.example/', 'https://10.0.0.1/', 'this network'],
    ['https://8.8.8.8/', 'https://192.168.1.1/', 'this network'],
    ['https://10.0.0.1/', 'https://127.0.0.1/', 'a server of this network has no business on this machine'],
    ['https://10.0.0.1/', 'https://169.254.169.254/', 'nor at the metadata service'],
  ])('from %s to %s is refused: %s (ggcr #2243, #2285, #2349)', (from, location) => {
    expect(() => nextHop(hop(from), 307, location)).toThrow(InvalidError);
  });

  it.each([
    ['https://10.0.0.1/', 'https://10.0.0.2:9000/'],
    ['http://127.0.0.1:5000/', 'http://127.0.0.1:9000/'],
    ['http://localhost:5000/', 'http://172.17.0.2:9000/'],
    ['https://169.254.1.1/', 'https://169.254.1.1:9000/'],
    ['http://r.example/', 'http://storage.example/'],
    ['http://r.example/', 'https://r.example/'],
  ])('from %s to %s is followed', (from, location) => {
    expect(nextHop(hop(from), 307, location).url.href).toBe(location);
  });

  it('is not quoted with its secrets when it is refused', () => {
    expect(() =>
      nextHop(hop('https://r.example/a?sig=s3cret'), 307, 'http://user:s3cret@h/?t=s3cret'),
    ).toThrow(/^(?!.*s3cret)/s);
  });
});
