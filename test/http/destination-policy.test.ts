import { describe, expect, it } from 'vitest';

import { destinationProblem, upgradeOwnUrl } from '../../src/http/destination-policy.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

/** A registry: the URL that was requested and, after a space, the address that was connected to. */
type Server = string;

function problem(server: Server, url: string): string | undefined {
  const [requested = '', remoteAddress] = server.split(' ');
  return destinationProblem(new URL(url), { url: new URL(requested), remoteAddress });
}

const PUBLIC = 'https://registry.example.com';
const PLAIN = 'http://registry.example.com:5000';

describe('a server may send this client to', () => {
  it.each<[server: Server, url: string, why: string]>([
    [PUBLIC, 'https://auth.example.net/token', 'another public host'],
    [PUBLIC, 'https://registry.example.com:8443/token', 'another port of its host'],
    [PUBLIC, 'https://8.8.8.8/token', 'a public address'],
    [PLAIN, 'http://auth.example.net/token', 'plain HTTP from plain HTTP'],
    [PLAIN, 'https://auth.example.net/token', 'HTTPS from plain HTTP'],
    ['http://127.0.0.1:5000', 'http://127.0.0.1:5001/token', 'another port of this machine'],
    ['http://localhost:5000', 'http://127.0.0.1:5000/u', 'this machine by its address'],
    ['http://localhost:5000', 'http://[::1]:5000/u', 'this machine by its IPv6 address'],
    ['http://127.0.0.1:5000', 'http://localhost:5001/token', 'this machine by name'],
    ['http://127.0.0.1:5000', 'http://auth.localhost:5001/token', 'this machine by a name under localhost'],
    ['http://127.0.0.1:5000', 'http://172.17.0.2:9000/', 'a container from this machine'],
    ['http://10.0.0.5:5000', 'http://10.0.0.5:5001/token', 'another port of a private address'],
    ['https://10.0.0.5:5000', 'https://10.0.0.6/token', 'another private address'],
    ['https://10.0.0.5', 'https://[fd00::1]/token', 'a unique local address from a private one'],
    ['https://10.0.0.5', 'https://auth.example.net/token', 'a public host from a private one'],
    ['https://169.254.1.1', 'https://169.254.1.1:9000/', 'another port of a link-local address'],
    ['https://169.254.1.1', 'https://10.0.0.1/', 'a private address from a link-local one'],
    ['https://registry.corp 10.0.0.5', 'https://10.0.0.6/token', 'a private address from a name at one'],
    ['https://registry.corp ::ffff:10.0.0.5', 'https://10.0.0.6/token', 'the same, by a mapped address'],
    ['http://registry:5000 172.18.0.2', 'http://172.18.0.3:5001/token', 'containers of one network'],
    ['http://host.docker.internal:5000 127.0.0.1', 'http://127.0.0.1:5001/', 'a name at this machine'],
    ['http://localhost:5000 10.0.0.5', 'http://localhost:5001/token', 'its own name at another address'],
    ['https://registry.corp fe80::1%eth0', 'https://[fe80::2]/', 'another address of the link'],
  ])('from %s to %s: %s', (server, url) => {
    expect(problem(server, url)).toBeUndefined();
  });
});

describe('a server may not send this client to', () => {
  it.each<[server: Server, url: string, why: RegExp]>([
    [PUBLIC, 'http://auth.example.net/token', /from HTTPS to plain HTTP/],
    [PUBLIC, 'http://registry.example.com/token', /from HTTPS to plain HTTP/],
    ['https://localhost', 'http://localhost/', /from HTTPS to plain HTTP/],
    [PUBLIC, 'file:///etc/passwd', /not an HTTP URL/],
    [PLAIN, 'javascript:alert(1)', /not an HTTP URL/],
    [PUBLIC, 'unix:/var/run/docker.sock', /not an HTTP URL/],
    [PUBLIC, 'https://user@auth.example.net/token', /user information/],
    [PUBLIC, 'https://:secret@registry.example.com/token', /user information/],
    // Nearer than the server: CVE-2026-12566, go-containerregistry#2243, #2285, #2295, #2349.
    [
      PUBLIC,
      'https://10.0.0.1/',
      /10\.0\.0\.1 is a private address, and registry\.example\.com is at a public one/,
    ],
    [PUBLIC, 'https://[::ffff:10.0.0.1]/token', /private/],
    [PUBLIC, 'https://[fd00::1]/token', /private/],
    [PUBLIC, 'https://169.254.1.1/', /link-local/],
    [PUBLIC, 'https://127.0.0.1/', /loopback/],
    [PUBLIC, 'https://127.1/', /loopback/],
    [PUBLIC, 'https://0x7f000001/', /loopback/],
    [PUBLIC, 'https://2130706433/', /loopback/],
    [PUBLIC, 'https://[::1]/', /loopback/],
    [PUBLIC, 'https://0.0.0.0/', /loopback/],
    [PUBLIC, 'https://localhost/', /loopback/],
    [PUBLIC, 'https://auth.localhost/', /loopback/],
    ['https://8.8.8.8', 'https://192.168.1.1/', /private/],
    ['https://10.0.0.1', 'https://127.0.0.1/', /loopback/],
    ['https://10.0.0.1', 'https://169.254.1.1/', /link-local/],
    ['https://169.254.1.1', 'https://127.0.0.1/', /loopback/],
    // The address that was connected to counts, not the name.
    [`${PUBLIC} 93.184.216.34`, 'https://10.0.0.1/', /private/],
    ['https://registry.corp 10.0.0.5', 'https://127.0.0.1/', /loopback/],
    ['http://localhost:5000 10.0.0.5', 'http://127.0.0.1:5000/', /loopback/],
  ])('from %s to %s: %s', (server, url, why) => {
    expect(problem(server, url)).toMatch(why);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://169.254.169.254:8080/',
    'http://0xa9fea9fe/',
    'http://[::ffff:169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://169.254.170.2/v2/credentials',
    'http://[fd00:ec2::254]/',
    'http://[fd20:ce::254]/',
    'http://metadata.google.internal/',
    'http://metadata.google.internal./',
    'http://METADATA/',
    'http://100.100.100.200/',
    'http://168.63.129.16/',
  ])('the metadata service of a cloud: %s, from wherever', (url) => {
    for (const server of [PLAIN, 'http://10.0.0.5:5000', 'http://127.0.0.1:5000', url]) {
      expect(problem(server, url)).toMatch(/is the metadata service of a cloud$/);
    }
  });
});

describe('a URL of the server itself over plain HTTP', () => {
  it.each([
    [PUBLIC, 'http://registry.example.com/u', 'https://registry.example.com/u'],
    [PUBLIC, 'http://registry.example.com:443/u', 'https://registry.example.com/u'],
    [PUBLIC, 'http://registry.example.com:80/u', 'https://registry.example.com/u'],
    [PUBLIC, 'http://registry.example.com:8080/u', 'http://registry.example.com:8080/u'],
    [PUBLIC, 'http://other.example.com/u', 'http://other.example.com/u'],
    [PLAIN, 'http://registry.example.com:5000/u', 'http://registry.example.com:5000/u'],
  ])('from %s: %s becomes %s', (server, url, upgraded) => {
    expect(upgradeOwnUrl(new URL(url), new URL(server)).href).toBe(upgraded);
  });
});

describeVectors('realm policy vectors', () => {
  interface Row {
    realm: string;
    registry_host: string;
    insecure?: boolean;
    reject: boolean;
    source: string;
  }
  const { realm_policy: rows } = vectorJson<{ realm_policy: Row[] }>('challenges.json');

  /** Rejected by other clients, and decided against here. */
  const DECIDED_AGAINST: readonly RegExp[] = [
    // distribution's proxy serves one registry and knows its domain. To a client, a token server elsewhere is normal:
    // Docker Hub, GitLab and many others have one.
    /^https:\/\/evil\.example\.net\/token for registry\.example\.com$/,
    // A registry and its token server on two ports of one machine, as docker-compose sets them up.
    /^http:\/\/127\.0\.0\.1:\d+\/\w+ for 127\.0\.0\.1:5000$/,
  ];

  it.each(rows)('$realm for $registry_host: reject $reject', (row) => {
    const realm = row.realm.replace('<other port>', '6000');
    const host = row.registry_host.replace('<port>', '5000') || 'registry.example.org';
    const scheme = row.insecure === true || realm.startsWith('http://127.0.0.1:6000') ? 'http' : 'https';
    const isRejected = problem(`${scheme}://${host}`, realm) !== undefined;
    const isDecided = DECIDED_AGAINST.some((pattern) => pattern.test(`${realm} for ${host}`));
    expect(isRejected).toBe(row.reject && !isDecided);
  });
});
