import { describe, expect, it } from 'vitest';

import { NoProxy } from '../../../src/http/proxy/no-proxy.js';

describe('NO_PROXY', () => {
  it.each([
    ['*', 'https://anything.example/'],
    ['other.example, *', 'https://anything.example/'],
    ['example.com', 'https://example.com/'],
    ['example.com', 'https://r.example.com/'],
    ['example.com', 'https://a.b.example.com:5000/'],
    ['EXAMPLE.com', 'https://Example.COM/'],
    ['example.com.', 'https://example.com/'],
    ['example.com', 'https://example.com./'],
    ['.example.com', 'https://r.example.com/'],
    ['*.example.com', 'https://r.example.com/'],
    ['a.example,example.com', 'https://example.com/'],
    ['a.example example.com', 'https://example.com/'],
    [' a.example , example.com ', 'https://example.com/'],
    ['example.com:5000', 'https://r.example.com:5000/'],
    ['example.com:443', 'https://example.com/'],
    ['example.com:80', 'http://example.com/'],
    ['localnet', 'http://localnet/'],
    ['10.1.2.3', 'https://10.1.2.3/'],
    ['10.1.2.3', 'https://10.1.2.3:5000/'],
    ['10.1.2.3:5000', 'https://10.1.2.3:5000/'],
    ['10.1.2.3', 'https://[::ffff:10.1.2.3]/'],
    ['10.0.0.0/8', 'https://10.200.3.4:5000/'],
    ['192.168.7.0/24', 'http://192.168.7.255/'],
    ['0.0.0.0/0', 'http://203.0.113.9/'],
    ['fd00::/8', 'https://[fd12:3456::1]:5000/'],
    ['2001:db8::1', 'https://[2001:db8:0::1]/'],
    ['[2001:db8::1]', 'https://[2001:db8::1]:5000/'],
    ['[2001:db8::1]:5000', 'https://[2001:db8::1]:5000/'],
  ])('%j covers %s', (text, url) => {
    expect(new NoProxy(text).covers(new URL(url))).toBe(true);
  });

  it.each([
    ['', 'https://example.com/'],
    [' , ,', 'https://example.com/'],
    ['example.com', 'https://badexample.com/'],
    ['example.com', 'https://example.com.evil.example/'],
    ['.example.com', 'https://example.com/'],
    ['*.example.com', 'https://example.com/'],
    ['example.com:5000', 'https://example.com/'],
    ['example.com:443', 'http://example.com/'],
    ['ex*mple.com', 'https://example.com/'],
    ['10.1.2.3', 'https://10.1.2.30/'],
    ['10.1.2.3:5000', 'https://10.1.2.3/'],
    ['2.3', 'https://10.1.2.3/'],
    ['10.0.0.0/8', 'https://11.0.0.1/'],
    ['10.0.0.0/8', 'https://r10.example/'],
    ['10.0.0.0/33', 'https://10.0.0.1/'],
    ['10.0.0.0/', 'https://10.0.0.1/'],
    ['example.com/8', 'https://example.com/'],
    ['fd00::/8', 'https://[2001:db8::1]/'],
    ['[2001:db8::1]:5000', 'https://[2001:db8::1]/'],
    ['[2001:db8::1', 'https://[2001:db8::1]/'],
    ['a:b:c', 'https://a/'],
  ])('%j does not cover %s', (text, url) => {
    expect(new NoProxy(text).covers(new URL(url))).toBe(false);
  });
});
