import { describe, expect, it } from 'vitest';

import { resolveRealm } from '../../../src/auth/requests/realm.js';
import { UnauthorizedError } from '../../../src/oci/errors.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';

const secure = new URL('https://registry.example.com/v2/app/manifests/1');
const plain = new URL('http://registry.example.com:5000/v2/app/manifests/1');
const loopback = new URL('http://127.0.0.1:5000/v2/app/manifests/1');

describe('a token server that is taken', () => {
  it.each<[string, string, URL, string]>([
    ['another host', 'https://auth.example.net/token', secure, 'https://auth.example.net/token'],
    ['its own query', 'https://auth.example.net/token?a=b', secure, 'https://auth.example.net/token?a=b'],
    ['a path is taken from the registry', '/token', secure, 'https://registry.example.com/token'],
    [
      'a relative path from the request',
      'token',
      secure,
      'https://registry.example.com/v2/app/manifests/token',
    ],
    [
      'plain HTTP of a registry over plain HTTP',
      'http://auth.example.net/token',
      plain,
      'http://auth.example.net/token',
    ],
    [
      'another port of this machine by name',
      'http://localhost:6000/token',
      loopback,
      'http://localhost:6000/token',
    ],
    [
      'the registry itself at a private address',
      'https://10.0.0.1/t',
      new URL('https://10.0.0.1/v2/'),
      'https://10.0.0.1/t',
    ],
  ])('%s', (_name, realm, registry, expected) => {
    expect(resolveRealm(realm, registry).href).toBe(expected);
  });
});

describe('a token server that is refused (CVE-2026-12566, ggcr #2243 and its successors)', () => {
  it.each<[string, string, URL]>([
    ['plain HTTP', 'http://auth.example.net/token', secure],
    ['plain HTTP on the registry itself', 'http://registry.example.com/token', secure],
    ['no web address', 'file:///etc/passwd', secure],
    ['a script', 'javascript:alert(1)', plain],
    ['a user name', 'https://user@auth.example.net/token', secure],
    ['a password', 'https://:secret@auth.example.net/token', secure],
    ['a metadata service', 'https://169.254.169.254/latest/meta-data', secure],
    ['loopback in hexadecimal', 'https://0x7f000001/token', secure],
    ['loopback as one number', 'https://2130706433/token', secure],
    ['loopback in short', 'https://127.1/token', secure],
    ['an IPv4 address in IPv6 clothes', 'https://[::ffff:10.0.0.1]/token', secure],
    ['a unique local address', 'https://[fd00::1]/token', secure],
    ['this machine by name', 'https://localhost/token', secure],
    ['this machine by a name under localhost', 'https://auth.localhost/token', secure],
    ['another port of this machine by number', 'http://127.0.0.1:6000/token', loopback],
    ['another port of a private address', 'https://10.0.0.1:8443/t', new URL('https://10.0.0.1/v2/')],
    ['no URL', 'https://', secure],
  ])('%s', (_name, realm, registry) => {
    expect(() => resolveRealm(realm, registry)).toThrow(UnauthorizedError);
  });

  it('the message names both hosts and not what the address holds', () => {
    expect(() => resolveRealm('https://user:secret@auth.example.net/token?key=secret', secure)).toThrow(
      'The registry registry.example.com asks for a token from https://auth.example.net, which is refused: the address holds a user name or password',
    );
  });
});

describeVectors('realm policy vectors', () => {
  interface Row {
    system?: string;
    realm: string;
    registry_host: string;
    insecure?: boolean;
    reject: boolean;
  }
  const { realm_policy: rows } = vectorJson<{ realm_policy: Row[] }>('challenges.json');

  it.each(rows)('$realm for $registry_host: reject $reject', (row) => {
    const realm = row.realm.replace('<other port>', '6000');
    const host = row.registry_host.replace('<port>', '5000') || 'registry.example.org';
    const scheme = row.insecure === true || realm.startsWith('http://127.0.0.1:6000') ? 'http' : 'https';
    const resolve = (): URL => resolveRealm(realm, new URL(`${scheme}://${host}/v2/`));
    if (realm === 'https://evil.example.net/token') {
      // distribution's proxy serves one registry and knows its domain. To a client, a token server elsewhere is normal:
      // Docker Hub, GitLab and many others have one. It gets the login that the user gave for this registry.
      expect(row.reject).toBe(true);
      expect(resolve().host).toBe('evil.example.net');
    } else if (row.reject) expect(resolve).toThrow(UnauthorizedError);
    else expect(resolve().href).toBe(new URL(realm).href);
  });
});
