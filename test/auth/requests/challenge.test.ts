import { describe, expect, it } from 'vitest';

import { parseChallenges, selectChallenge } from '../../../src/auth/requests/challenge.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';

type Plain = { scheme: string; params: Record<string, string> };

function parse(...headers: string[]): Plain[] {
  return parseChallenges(headers).map(({ scheme, parameters }) => ({
    scheme,
    params: Object.fromEntries(parameters),
  }));
}

describe('parseChallenges', () => {
  it.each<[string, string, Plain[]]>([
    ['nothing', '', []],
    ['only separators', ' , ,, ', []],
    ['a scheme alone', 'Negotiate', [{ scheme: 'negotiate', params: {} }]],
    [
      'a comma and an equals sign inside quotes',
      'Bearer scope="repository:a:pull,push", realm="https://a.example/t?x=1,2"',
      [{ scheme: 'bearer', params: { scope: 'repository:a:pull,push', realm: 'https://a.example/t?x=1,2' } }],
    ],
    [
      'escapes',
      String.raw`Basic realm="a \"quoted\" \\ name"`,
      [{ scheme: 'basic', params: { realm: String.raw`a "quoted" \ name` } }],
    ],
    [
      'several challenges in one value, as Node joins repeated headers',
      'Negotiate, Basic realm="r", Bearer realm="t",service="s"',
      [
        { scheme: 'negotiate', params: {} },
        { scheme: 'basic', params: { realm: 'r' } },
        { scheme: 'bearer', params: { realm: 't', service: 's' } },
      ],
    ],
    [
      'data after the scheme, with padding, before the next challenge',
      'Negotiate YIIJvwYGKwYBBQUC==, Basic realm="r"',
      [
        { scheme: 'negotiate', params: {} },
        { scheme: 'basic', params: { realm: 'r' } },
      ],
    ],
    [
      'line breaks between parameters',
      'Bearer realm="r",\nerror="invalid_token"',
      [{ scheme: 'bearer', params: { realm: 'r', error: 'invalid_token' } }],
    ],
    [
      'the first of two equal names',
      'Bearer realm="one",Realm="two"',
      [{ scheme: 'bearer', params: { realm: 'one' } }],
    ],
    [
      'a challenge quoted inside another',
      'Basic realm="Bearer realm=https://evil.example"',
      [{ scheme: 'basic', params: { realm: 'Bearer realm=https://evil.example' } }],
    ],
    [
      'an unquoted URL',
      'Bearer realm=https://a.example/token,service=s',
      [{ scheme: 'bearer', params: { realm: 'https://a.example/token', service: 's' } }],
    ],
    ['a parameter before any scheme', 'realm="r"', []],
  ])('%s', (_name, header, expected) => {
    expect(parse(header)).toEqual(expected);
  });

  it('treats names like those of Object.prototype as any other', () => {
    const [challenge] = parseChallenges(['Bearer __proto__="x"']);
    expect(challenge?.parameters.get('__proto__')).toBe('x');
    expect(challenge?.parameters.has('constructor')).toBe(false);
  });

  it('keeps the order of several headers', () => {
    expect(parse('Basic realm="a"', 'Bearer realm="b"').map(({ scheme }) => scheme)).toEqual([
      'basic',
      'bearer',
    ]);
  });
});

describe('selectChallenge', () => {
  it.each([
    ['Basic realm="b", Bearer realm="t"', 'bearer'],
    ['Bearer realm="t", Basic realm="b"', 'bearer'],
    ['Bearer, Basic realm="b"', 'basic'],
    ['Bearer error="invalid_token"', 'bearer'],
    ['Negotiate, Digest realm="d"', undefined],
    ['', undefined],
  ])('of %s: %s', (header, scheme) => {
    expect(selectChallenge(parseChallenges([header]))?.scheme).toBe(scheme);
  });
});

describeVectors('WWW-Authenticate vectors', () => {
  interface Row {
    system: string;
    name?: string;
    headers: string[];
    error: boolean;
    challenges?: Plain[];
    note?: string | null;
    source: string;
  }
  const { parse: rows, conflicts } = vectorJson<{ parse: Row[]; conflicts: string[] }>('challenges.json');

  /** What ours gives instead, and why. */
  const differently = new Map<string, { why: string; challenges: Plain[] }>([
    [
      'foo bar',
      { why: 'the peer calls every scheme but two "unknown"', challenges: [{ scheme: 'foo', params: {} }] },
    ],
    [
      'Basic realm="Test Registry"',
      {
        why: 'the peer drops the realm of Basic',
        challenges: [{ scheme: 'basic', params: { realm: 'Test Registry' } }],
      },
    ],
    [
      'Bearer realm="https://auth.example.io/token",service',
      {
        why: 'by the grammar a lone token after a comma is the scheme of another challenge, which no client supports',
        challenges: [
          { scheme: 'bearer', params: { realm: 'https://auth.example.io/token' } },
          { scheme: 'service', params: {} },
        ],
      },
    ],
    ['"Basic" "realm"=/', { why: 'a scheme is never quoted (RFC 9110, 11.1)', challenges: [] }],
    [
      'Basic realm="GitHub Package Registry',
      {
        why: 'a peer drops the broken parameter, as here, another the header',
        challenges: [{ scheme: 'basic', params: {} }],
      },
    ],
  ]);

  it.each(rows)('$system: $headers', ({ headers, error, challenges = [], note }) => {
    const parsed = parse(...headers);
    const ours = differently.get(headers[0] ?? '');
    if (ours !== undefined) {
      expect(parsed, ours.why).toEqual(ours.challenges);
      return;
    }
    expect(error).toBe(false);
    if (headers.length === 2 && challenges.length === 1) {
      // The peers' proxies keep one of two challenges, by a configured filter. A client responds to the first.
      expect(parsed[0], note ?? '').toEqual(challenges[0]);
      expect(Object.fromEntries(selectChallenge(parseChallenges(headers))?.parameters ?? [])).toEqual(
        challenges[0]?.params,
      );
      return;
    }
    expect(parsed).toEqual(challenges);
  });

  it('every row with another decision here still exists', () => {
    const headers = new Set(rows.map((row) => row.headers[0]));
    expect([...differently.keys()].filter((header) => !headers.has(header))).toEqual([]);
  });

  it.each([
    ['Basic realm:', 'Basic realm="r"', [{ scheme: 'basic', params: { realm: 'r' } }]],
    [
      'Missing comma',
      'Basic realm="Dev" charset="UTF-8"',
      [{ scheme: 'basic', params: { realm: 'Dev', charset: 'UTF-8' } }],
    ],
    ['Quoted scheme', '"Basic" "realm"=/', []],
  ])('the behaviour here if the systems differ: %s', (conflict, header, expected) => {
    expect(conflicts.some((text) => text.startsWith(conflict))).toBe(true);
    expect(conflicts).toHaveLength(3);
    expect(parse(header)).toEqual(expected);
  });
});
