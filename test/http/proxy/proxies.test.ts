import { describe, expect, it } from 'vitest';

import { Proxies } from '../../../src/http/proxy/proxies.js';
import { ArgumentError } from '../../../src/oci/errors.js';

/** The proxy for a URL, as messages call it, and its login. */
function select(env: Readonly<Record<string, string>>, url: string): string | undefined {
  const proxy = new Proxies(env).select(new URL(url));
  if (proxy === undefined) return undefined;
  const login = proxy.authorization()['proxy-authorization']?.replace(/^Basic /, '');
  return `${proxy.label}${login === undefined ? '' : ` ${Buffer.from(login, 'base64').toString()}`}`;
}

const [secure, plain] = ['https://r.example/', 'http://r.example/'];
const [a, b, c, d] = ['http://a:1', 'http://b:2', 'http://c:3', 'http://d:4'];

describe('the proxy of a request', () => {
  it.each<[Record<string, string>, string, string | undefined]>([
    [{}, secure, undefined],
    [{ HTTPS_PROXY: a }, secure, 'the proxy http://a:1 (HTTPS_PROXY)'],
    [{ HTTPS_PROXY: a }, plain, undefined],
    [{ HTTP_PROXY: a }, plain, 'the proxy http://a:1 (HTTP_PROXY)'],
    [{ HTTP_PROXY: a }, secure, undefined],
    [{ https_proxy: a, HTTPS_PROXY: b }, secure, 'the proxy http://a:1 (https_proxy)'],
    [{ http_proxy: a, HTTP_PROXY: b }, plain, 'the proxy http://a:1 (http_proxy)'],
    [{ https_proxy: '', HTTPS_PROXY: b }, secure, 'the proxy http://b:2 (HTTPS_PROXY)'],
    [{ HTTPS_PROXY: ' ' }, secure, undefined],
    [{ ALL_PROXY: a }, secure, 'the proxy http://a:1 (ALL_PROXY)'],
    [{ ALL_PROXY: a }, plain, 'the proxy http://a:1 (ALL_PROXY)'],
    [{ all_proxy: a, ALL_PROXY: b, HTTPS_PROXY: c }, secure, 'the proxy http://c:3 (HTTPS_PROXY)'],
    [{ all_proxy: a, ALL_PROXY: b, HTTPS_PROXY: c }, plain, 'the proxy http://a:1 (all_proxy)'],
    [{ HTTPS_PROXY: a, HTTP_PROXY: b, NO_PROXY: 'example' }, secure, undefined],
    [{ HTTPS_PROXY: a, HTTP_PROXY: b, NO_PROXY: 'example' }, plain, undefined],
    [{ HTTPS_PROXY: a, no_proxy: 'other', NO_PROXY: '*' }, secure, 'the proxy http://a:1 (HTTPS_PROXY)'],
    [{ ALL_PROXY: d, NO_PROXY: 'r.example:443' }, plain, 'the proxy http://d:4 (ALL_PROXY)'],
  ])('%j: %s', (env, url, expected) => {
    expect(select(env, url)).toBe(expected);
  });

  it('is not HTTP_PROXY in a CGI program (CVE-2016-5385)', () => {
    const cgi = { REQUEST_METHOD: 'GET' };
    expect(select({ ...cgi, HTTP_PROXY: a }, plain)).toBeUndefined();
    expect(select({ ...cgi, http_proxy: a }, plain)).toBe('the proxy http://a:1 (http_proxy)');
    expect(select({ ...cgi, HTTPS_PROXY: a }, secure)).toBe('the proxy http://a:1 (HTTPS_PROXY)');
  });

  it.each([
    'http://localhost:5000/',
    'https://localhost/',
    'https://r.localhost/',
    'http://127.0.0.1:5000/',
    'https://127.8.8.8/',
    'https://[::1]:5000/',
  ])('is not used for %s', (url) => {
    expect(select({ ALL_PROXY: a }, url)).toBeUndefined();
  });

  it.each([
    ['proxy.example', 'the proxy http://proxy.example (HTTPS_PROXY)'],
    ['proxy.example:3128', 'the proxy http://proxy.example:3128 (HTTPS_PROXY)'],
    ['http://proxy.example:3128/', 'the proxy http://proxy.example:3128 (HTTPS_PROXY)'],
    ['https://proxy.example', 'the proxy https://proxy.example (HTTPS_PROXY)'],
    ['HTTP://Proxy.Example:80', 'the proxy http://proxy.example (HTTPS_PROXY)'],
    ['http://[2001:db8::1]:3128', 'the proxy http://[2001:db8::1]:3128 (HTTPS_PROXY)'],
    ['http://jane:secret@p:1', 'the proxy http://p:1 (HTTPS_PROXY) jane:secret'],
    ['jane:secret@p:1', 'the proxy http://p:1 (HTTPS_PROXY) jane:secret'],
    ['http://jane@p:1', 'the proxy http://p:1 (HTTPS_PROXY) jane:'],
    ['http://corp%5Cjane:a%40b%3Ac%25%C3%BC@p:1', 'the proxy http://p:1 (HTTPS_PROXY) corp\\jane:a@b:c%ü'],
  ])('is written as %s', (value, expected) => {
    expect(select({ HTTPS_PROXY: value }, secure)).toBe(expected);
  });

  it.each([
    ['http://', 'it is not a URL'],
    ['http://p:99999', 'it is not a URL'],
    ['a b', 'it is not a URL'],
    ['ftp://s3cret@p', 'it is not the URL of an HTTP proxy'],
    ['http://jane:s3cret%@p:1', 'has a % that must be %25'],
    ['http://jane:1/s3cret@p:1', 'it has more than host and port'],
    ['http://jane:hun/s3cret@p:1', 'it is not a URL'],
    ['jane:hun#s3cret@p:1', 'it is not a URL'],
    ['http://jane:1#s3cret@p:1', 'it has more than host and port'],
    ['http://p:1/?s3cret', 'it has more than host and port'],
    ['socks5://jane:s3cret@p:1', 'SOCKS proxies are not supported'],
    ['socks5h://p:1', 'SOCKS proxies are not supported'],
    ['SOCKS4://p:1', 'SOCKS proxies are not supported'],
  ])('cannot be %s, and the error does not repeat it', (value, reason) => {
    const proxies = new Proxies({ all_proxy: value, NO_PROXY: 'inside.example' });
    let error: unknown;
    try {
      proxies.select(new URL(secure));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error).toHaveProperty('message', expect.stringMatching(/^all_proxy cannot be used: /));
    expect(error).toHaveProperty('message', expect.stringContaining(reason));
    const hint = error instanceof ArgumentError ? error.hint : undefined;
    expect(JSON.stringify(error) + String(error) + String(hint)).not.toContain('s3cret');
    // A slash or hash in a password cuts the URL in two.
    if (/[^/][/#]s3cret@/.test(value)) expect(hint).toContain('must be percent-encoded');
    // Requests without a proxy do not fail.
    expect(proxies.select(new URL('https://inside.example/'))).toBeUndefined();
    expect(proxies.select(new URL('https://localhost/'))).toBeUndefined();
  });
});
