import { describe, expect, it } from 'vitest';

import { parseDigest, tryParseDigest } from '../../src/oci/digest.js';
import { ArgumentError } from '../../src/oci/errors.js';
import {
  familiarReference,
  formatReference,
  formatRepository,
  parseReference,
  parseRegistryHost,
  parseTag,
  sameRepository,
  withDefaultTag,
  type Reference,
} from '../../src/oci/reference.js';
import { thrownBy } from '../support/failure.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const digest = `sha256:${'ab'.repeat(32)}`;

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return undefined;
  }
}

describe('parseReference', () => {
  it.each([
    ['app', 'docker.io/library/app', 'app'],
    ['app:1.10', 'docker.io/library/app:1.10', 'app:1.10'],
    ['team/app', 'docker.io/team/app', 'team/app'],
    ['docker.io/app', 'docker.io/library/app', 'app'],
    ['index.docker.io/team/app:1', 'docker.io/team/app:1', 'team/app:1'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app', 'localhost:5000/app', 'localhost:5000/app'],
    ['localhost:5000', 'docker.io/library/localhost:5000', 'localhost:5000'],
    ['[::1]:5000/app:1', '[::1]:5000/app:1', '[::1]:5000/app:1'],
    ['REGISTRY/app', 'REGISTRY/app', 'REGISTRY/app'],
    [`app:1.2@${digest}`, `docker.io/library/app:1.2@${digest}`, `app:1.2@${digest}`],
    [`r.example/app@${digest}`, `r.example/app@${digest}`, `r.example/app@${digest}`],
  ])('reads %s', (text, full, familiar) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(full);
    expect(familiarReference(reference)).toBe(familiar);
  });

  it('has no members that are not in the text', () => {
    expect(parseReference('app')).toStrictEqual({ registry: 'docker.io', path: 'library/app' });
  });

  it.each([
    ['', 'invalid reference "": it is empty', undefined],
    [
      'r.example/Foo/bar:1',
      'invalid reference "r.example/Foo/bar:1": repository names are lower case',
      '"r.example/foo/bar:1"',
    ],
    ['Foo', 'invalid reference "Foo": repository names are lower case', '"foo"'],
    ['MyOrg/App', 'repository names are lower case', 'Did you mean "myorg/app"?'],
    ['GHCR.io/Org/app:V1', 'repository names are lower case', 'Did you mean "ghcr.io/org/app:V1"?'],
    ['App:1.2', 'repository names are lower case', 'Did you mean "app:1.2"?'],
    ['https://r.example/app', 'a reference has no scheme', '://'],
    ['https://r.example/app', 'a reference has no scheme', ': "r.example/app".'],
    ['https://r.example/app/tags?n=1', 'a reference has no scheme', 'up to "://".'],
    ['app/', '"app/" is not a repository name', 'Did you mean "app"?'],
    ['r.example/app/:1', '"app/" is not a repository name', 'Did you mean "r.example/app:1"?'],
    ['app@', 'the digest is empty', 'variable'],
    ['r.example/app:1:2', '"1:2" is not a tag', 'up to 128'],
    ['./app', 'it is a path', 'oci:DIR'],
    ['../app.tar', 'it is a path', 'oci-archive:FILE'],
    ['/srv/app', 'it is a path', 'docker-archive:FILE'],
    ['-app', '"-app" is not a repository name', 'lower-case letters and digits'],
    ['r.example/', '"" is not a repository name', 'lower-case letters and digits'],
    ['foo_bar.com/app', '"foo_bar.com" is not a registry host', undefined],
    ['app:', '"" is not a tag', 'up to 128'],
    ['app:-x', '"-x" is not a tag', 'up to 128'],
    [`app:${'x'.repeat(129)}`, 'is not a tag', 'up to 128'],
    ['app:1\n', '"1\\n" is not a tag', 'up to 128'],
    ['app@latest', '"latest" is not a digest: it has no algorithm', undefined],
    [
      'app@sha256:abc',
      '"sha256:abc" is not a digest: sha256 has 64 hexadecimal digits, this has 3',
      undefined,
    ],
    [`app@blake3:${'ab'.repeat(32)}`, 'content cannot be verified', 'sha256'],
    ['ab'.repeat(32), '64 hexadecimal digits are an image ID', 'REPOSITORY:TAG'],
    [`r.example/${'a'.repeat(256)}`, 'has 256 characters, 255 are allowed', undefined],
    ['a'.repeat(248), 'has 256 characters, 255 are allowed', undefined],
  ])('rejects %j: %s', (text, problem, hint) => {
    const error = thrownBy(() => parseReference(text), ArgumentError);
    expect(error.message).toContain(problem);
    if (hint !== undefined) expect(error.hint).toContain(hint);
  });

  it.each([
    'https://user:secret@r.example/app',
    'user:secret@r.example/app',
    'user:secret@r.example:5000/a/b:1',
  ])('never prints a password: %s', (text) => {
    const error = thrownBy(() => parseReference(text), ArgumentError);
    expect(`${error.message} ${error.hint}`).not.toContain('secret');
  });

  it('parses a hostile text in linear time', () => {
    // A backtracking grammar would exceed the time limit of the test.
    for (const part of ['a', 'a.', 'a-', 'a_', '-', 'a/', '[:', 'a:']) {
      expect(tryParse(`r.example/${part.repeat(100_000)}!`)).toBeUndefined();
      expect(tryParse(`${part.repeat(100_000)}!`)).toBeUndefined();
    }
  });
});

describe('familiarReference', () => {
  it.each([
    ['docker.io/example.com/app', 'is not a repository of example.com'],
    ['docker.io/localhost/app', 'is not a repository of localhost'],
    [`docker.io/library/${'ab'.repeat(32)}`, 'is not an image ID'],
    ['docker.io/library/team/app', 'is not team/app'],
  ])('keeps the full form if the short one is another reference: %s %s', (text) => {
    const familiar = familiarReference(parseReference(text));
    expect(formatReference(parseReference(familiar))).toBe(text);
  });
});

describe('withDefaultTag', () => {
  it.each([
    ['app', 'docker.io/library/app:latest'],
    ['app:1', 'docker.io/library/app:1'],
    [`app@${digest}`, `docker.io/library/app@${digest}`],
  ])('%s is %s', (text, full) => {
    expect(formatReference(withDefaultTag(parseReference(text)))).toBe(full);
  });
});

describe('parseTag', () => {
  it.each(['1.10', 'latest', '_x', 'A.b-c', 'x'.repeat(128)])('accepts %s', (text) => {
    expect(parseTag(text)).toBe(text);
  });

  it.each(['', '.1', '-x', 'a:b', 'a/b', 'x'.repeat(129), digest, 'é'])('rejects %j', (text) => {
    expect(thrownBy(() => parseTag(text), ArgumentError).hint).toContain('A tag is');
  });
});

describe('parseRegistryHost', () => {
  it.each([
    ['r.example', 'r.example'],
    ['localhost:5000', 'localhost:5000'],
    ['[::1]:5000', '[::1]:5000'],
    ['docker.io', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['http://r.example:5000/', 'r.example:5000'],
    ['https://r.example/v2', 'r.example'],
  ])('%s is %s', (text, host) => {
    expect(parseRegistryHost(text)).toBe(host);
  });

  it.each([
    '',
    'r.example/app',
    'https://r.example/app',
    'https://',
    'r.example:port',
    'ftp://r.example',
    'a b',
  ])('rejects %j', (text) => {
    expect(thrownBy(() => parseRegistryHost(text), ArgumentError).hint).toContain('HOST:PORT');
  });

  it('never prints a password', () => {
    expect(
      thrownBy(() => parseRegistryHost('https://me:secret@r.example'), ArgumentError).message,
    ).not.toContain('secret');
    expect(thrownBy(() => parseRegistryHost('me:secret@r.example'), ArgumentError).message).not.toContain(
      'secret',
    );
  });
});

describe('sameRepository', () => {
  it.each([
    ['app:1', 'docker.io/library/app:2', true],
    ['R.example/app', 'r.example/app', true],
    ['r.example/app', 'r.example/app2', false],
    ['r.example/app', 'r.example:443/app', false],
  ])('%s, %s: %s', (a, b, expected) => {
    expect(sameRepository(parseReference(a), parseReference(b))).toBe(expected);
  });
});

interface Row {
  readonly mode: string;
  readonly input: string;
  readonly valid: boolean;
  readonly domain?: string | null;
  readonly path?: string | null;
  readonly name?: string | null;
  readonly tag?: string | null;
  readonly digest?: string | null;
  readonly normalized?: string;
  readonly familiar?: string;
}

/** What a row that is read as it stands becomes once docker's defaults are filled in. */
function qualified(row: Row): { registry: string; path: string } {
  const [domain, path] = [row.domain ?? undefined, row.path ?? ''];
  if (domain === undefined)
    return { registry: 'docker.io', path: path.includes('/') ? path : `library/${path}` };
  const isHost = domain === 'localhost' || /[.:A-Z]/.test(domain);
  return isHost ? { registry: domain, path } : { registry: 'docker.io', path: `${domain}/${path}` };
}

function expectRead(row: Row, expected: { registry: string; path: string }): void {
  expect(parseReference(row.input)).toStrictEqual({
    ...expected,
    ...(typeof row.tag === 'string' && { tag: row.tag }),
    ...(typeof row.digest === 'string' && { digest: row.digest }),
  });
}

describeVectors('distribution/reference', () => {
  const rows = vectorJson<Row[]>('refs.json');
  const ofMode = (mode: string): Row[] => rows.filter((row) => row.mode === mode);

  it('has no unused mode', () => {
    expect(new Set(rows.map((row) => row.mode))).toStrictEqual(
      new Set([
        'parse',
        'with-name',
        'regexp-name',
        'regexp-reference',
        'regexp-domain',
        'regexp-identifier',
        'normalized',
        'docker-ref',
        'any',
        'with-tag',
        'with-digest',
        'parse-named-canonical-only',
        // Glob patterns over references, which are not supported.
        'familiar-match',
      ]),
    );
  });

  describe('parse', () => {
    // According to the row, upstream's tests only lack the hash function.
    const acceptsSha512 = /^validname@sha512:f{128}$/;

    it.each(ofMode('parse').map((row) => [row.input, row] as const))('%s', (input, row) => {
      if (row.valid) expectRead(row, qualified(row));
      else if (acceptsSha512.test(input))
        expect(tryParse(input)?.digest).toBe(input.slice('validname@'.length));
      else expect(tryParse(input)).toBeUndefined();
    });
  });

  describe.each(['with-name', 'regexp-name'])('%s', (mode) => {
    it.each(ofMode(mode).map((row) => [row.input, row] as const))('%s', (input, row) => {
      const reference = tryParse(input);
      const isName = reference !== undefined && reference.tag === undefined && reference.digest === undefined;
      // Decided against: "a/a/…" has 255 characters after its first part, which the pattern does not count. That
      // part is not a host, so the path on Docker Hub has 257, and Docker Hub rejects it.
      const tooLongOnDockerHub = mode === 'regexp-name' && input.length === 257;
      expect(isName).toBe(row.valid && !tooLongOnDockerHub);
      if (isName) expectRead(row, qualified(row));
    });
  });

  it.each(ofMode('regexp-reference').map((row) => [row.input, row] as const))(
    'regexp-reference %s',
    (input, row) => {
      const reference = tryParse(input);
      expect(reference !== undefined).toBe(row.valid);
      if (reference === undefined) return;
      const name = row.name?.includes('/') === true ? row.name : `docker.io/library/${row.name}`;
      expect(formatRepository(reference)).toBe(name);
      expect([reference.tag ?? null, reference.digest ?? null]).toStrictEqual([
        row.tag ?? null,
        row.digest ?? null,
      ]);
    },
  );

  it.each(ofMode('regexp-domain').map((row) => [row.input, row.valid] as const))(
    'regexp-domain %s: %s',
    (input, valid) => {
      if (valid) expect(parseRegistryHost(input)).toBe(input);
      else expect(() => parseRegistryHost(input)).toThrow(ArgumentError);
      expect(tryParse(`${input}/app`)?.registry === input).toBe(valid);
    },
  );

  it.each(ofMode('regexp-identifier').map((row) => [row.input, row.valid] as const))(
    'regexp-identifier %s is not taken for an image ID',
    (input, valid) => {
      expect(valid).toBe(false);
      const reference = tryParse(input);
      if (reference === undefined) {
        expect(() => parseReference(input)).toThrow(/lower case/);
      } else {
        expect(familiarReference(reference)).toBe(input);
      }
    },
  );

  it.each(ofMode('normalized').map((row) => [row.input, row] as const))('normalized %s', (input, row) => {
    const reference = tryParse(input);
    expect(reference !== undefined).toBe(row.valid);
    if (reference === undefined) return;
    if (typeof row.domain === 'string') expectRead(row, { registry: row.domain, path: row.path ?? '' });
    if (row.normalized !== undefined) expect(formatReference(reference)).toBe(row.normalized);
    if (row.familiar !== undefined) expect(familiarReference(reference)).toBe(row.familiar);
  });

  it.each(ofMode('any').map((row) => [row.input, row] as const))('any %s', (input, row) => {
    expect(formatReference(parseReference(input))).toBe(row.normalized);
  });

  it.each(ofMode('docker-ref').map((row) => [row.input, row] as const))('docker-ref %s', (input, row) => {
    const full = formatReference(withDefaultTag(parseReference(input)));
    // Different by decision: upstream drops a tag beside a digest; here it is kept and must have that digest.
    const hasBoth = /:latest@sha256:/.test(input);
    expect(full).toBe(hasBoth ? input : row.normalized);
  });

  it.each(ofMode('parse-named-canonical-only').map((row) => [row.input]))('%s is not canonical', (input) => {
    expect(formatReference(parseReference(input))).not.toBe(input);
  });

  interface PartsRow {
    readonly mode: string;
    readonly input: { readonly name: string; readonly tag: string | null; readonly digest?: string | null };
    readonly valid: boolean;
    readonly normalized?: string;
  }
  const partsRows = vectorJson<(Row | PartsRow)[]>('refs.json').filter(
    (row): row is PartsRow => typeof row.input === 'object',
  );

  it.each(partsRows.map((row) => [row.mode, JSON.stringify(row.input), row] as const))(
    '%s %s',
    (_, __, row) => {
      const { name, tag, digest: digestText } = row.input;
      const join = (): Reference => ({
        ...parseReference(name),
        ...(tag !== null && { tag: parseTag(tag) }),
        ...(typeof digestText === 'string' && { digest: parseDigest(digestText) }),
      });
      // Decided against: upstream puts a sha256 digest of 37 digits into a reference without looking at it.
      const isShort = typeof digestText === 'string' && tryParseDigest(digestText) === undefined;
      if (row.valid && !isShort) expect(formatReference(join())).toBe(row.normalized);
      else expect(join).toThrow(ArgumentError);
    },
  );
});

describeVectors('references of regclient and oras-go', () => {
  interface OtherRow {
    readonly system: string;
    readonly name: string;
    readonly input: string;
    readonly valid: boolean;
    readonly scheme?: string;
    readonly registry?: string;
    readonly repository?: string;
    readonly tag?: string | null;
    readonly digest?: string | null;
  }

  /** Where the systems differ, distribution/reference takes precedence. The different result, or why a row does not apply. */
  const decidedAgainst: Readonly<Record<string, string>> = {
    // regclient calls Docker Hub's registry host an alias; docker and distribution/reference leave it as it is.
    'Docker DNS': 'registry-1.docker.io/library/alpine',
    // For regclient a host may end in a dot.
    'explicit short name with port': 'rejected',
    // Accepts any hexadecimal digits and colons between the brackets, as upstream does; DNS or the socket rejects it.
    'invalid ipv6 compression': '[1::2::3]/project/image:tag',
    // regclient's own schemes. Ours is "oci:", see the image locations.
    'OCI dir': 'rejected',
    'OCI dir with tilde': 'rejected',
    // A colon without a tag is an error in distribution/reference.
    'empty tag with digest (valid form B)': 'rejected',
    // A name alone is a repository on Docker Hub.
    'no repo name': 'docker.io/library/localhost',
  };

  const rows = vectorJson<OtherRow[]>('refs-other.json');

  it('decide only about existing rows', () => {
    expect(rows.map((row) => row.name)).toEqual(expect.arrayContaining(Object.keys(decidedAgainst)));
  });

  it.each(rows.map((row) => [row.system, row.name, row.input, row] as const))(
    '%s, %s: %s',
    (system, name, input, row) => {
      const reference = tryParse(input);
      const decision = decidedAgainst[name];
      if (decision !== undefined) {
        expect(reference === undefined ? 'rejected' : formatReference(reference)).toBe(decision);
      } else if (row.valid) {
        // regclient adds the default tag while it parses.
        const read =
          system === 'regclient' && reference !== undefined ? withDefaultTag(reference) : reference;
        expect(read).toStrictEqual({
          registry: row.registry,
          path: row.repository,
          ...(typeof row.tag === 'string' && { tag: row.tag }),
          ...(typeof row.digest === 'string' && { digest: row.digest }),
        });
      } else {
        expect(reference).toBeUndefined();
      }
    },
  );
});
