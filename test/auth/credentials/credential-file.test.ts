import { describe, expect, it } from 'vitest';

import {
  decodeAuthField,
  findLogin,
  loginKeyHost,
  loginNamespaces,
  lookupKeys,
  parseCredentialFile,
  type CredentialFile,
} from '../../../src/auth/credentials/credential-file.js';
import type { RegistryCredential } from '../../../src/auth/credentials/credential.js';
import { loginKeys } from '../../../src/auth/credentials/docker-hub.js';
import { FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../../src/oci/reference.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';

function parse(config: object | string): CredentialFile {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return parseCredentialFile(text, '/home/jane/.docker/config.json');
}

function find(config: object | string, registry: string, path?: string): RegistryCredential | undefined {
  return findLogin(parse(config), registry as RegistryHost, path as RepositoryPath | undefined)?.credential;
}

/** An entry with this user name. */
function login(username: string): { auth: string } {
  return { auth: Buffer.from(`${username}:secret`).toString('base64') };
}

function userOf(credential: RegistryCredential | undefined): string | undefined {
  return credential?.kind === 'basic' ? credential.username : credential?.kind;
}

const split = (name: string): [RegistryHost, RepositoryPath | undefined] => {
  const slash = name.indexOf('/');
  if (slash === -1) return [name as RegistryHost, undefined];
  return [name.slice(0, slash) as RegistryHost, name.slice(slash + 1) as RepositoryPath];
};

describe('the key of a login', () => {
  it.each<[string, string[], string, string | undefined]>([
    ['is host and port', ['r.example:5000'], 'r.example:5000', 'r.example:5000'],
    ['is not another port of the host', ['r.example:5000'], 'r.example', undefined],
    ['is not the host without its port', ['r.example'], 'r.example:5000', undefined],
    ['is not a host that holds it', ['r.example'], 'r.example.evil.net', undefined],
    ['is not a host that ends with it', ['r.example'], 'evil-r.example', undefined],
    ['is not a host that it holds', ['https://r.example.evil.net/v1/'], 'r.example', undefined],
    ['is not the user of another host', ['https://r.example@evil.net/'], 'r.example', undefined],
    ['may be a URL', ['https://r.example:5000/v2/'], 'r.example:5000', 'https://r.example:5000/v2/'],
    ['may be a URL of plain HTTP', ['http://r.example'], 'r.example', 'http://r.example'],
    ['may have lost its scheme', ['r.example/v1/'], 'r.example', 'r.example/v1/'],
    ['counts as it is before the URLs', ['https://r.example/', 'r.example'], 'r.example', 'r.example'],
    ['is an IPv6 address with brackets', ['[::1]:5000'], '[::1]:5000', '[::1]:5000'],
    ['is none of the properties of every object', [], 'constructor', undefined],
  ])('%s', (_name, keys, registry, expected) => {
    const auths = Object.fromEntries(keys.map((key) => [key, login(key.replaceAll(':', ';'))]));
    expect(userOf(find({ auths }, registry))).toBe(expected?.replaceAll(':', ';'));
  });

  it("of Docker Hub is docker's own, then any of its other names", () => {
    const keys = ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'];
    const auths: Record<string, object> = { 'http://index.docker.io/v1': login('old') };
    for (const [index, key] of keys.toReversed().entries()) {
      auths[key] = login(`hub${index}`);
      expect(userOf(find({ auths }, 'docker.io', 'library/app'))).toBe(`hub${index}`);
    }
    expect(userOf(find({ auths: { 'http://index.docker.io/v1': login('old') } }, 'docker.io'))).toBe('old');
  });

  it('may be a repository or namespace, the longest first', () => {
    const auths = { 'r.example': login('host'), 'r.example/a/b': login('b'), 'r.example/a': login('a') };
    expect(
      ['a/b', 'a/b/c', 'a/x', 'ab', 'x', undefined].map((path) => userOf(find({ auths }, 'r.example', path))),
    ).toEqual(['b', 'b', 'a', 'host', 'host', 'host']);
  });

  it('of a namespace that is named like an API version is not for its host', () => {
    const auths = { 'r.example/v2': login('namespace'), 'r.example/v1': login('other') };
    expect(find({ auths }, 'r.example')).toBeUndefined();
    expect(find({ auths }, 'r.example', 'app')).toBeUndefined();
    expect(userOf(find({ auths }, 'r.example', 'v2/app'))).toBe('namespace');
  });

  it('of a repository is not for others on its host', () => {
    const auths = { 'r.example/a': login('a') };
    expect(find({ auths }, 'r.example', 'b')).toBeUndefined();
    expect(find({ auths }, 'r.example')).toBeUndefined();
  });
});

describe('an entry', () => {
  it.each<[object, RegistryCredential | undefined]>([
    [{}, undefined],
    [{ auth: '' }, undefined],
    [
      { username: 'jane', password: 'x' },
      { kind: 'basic', username: 'jane', password: 'x' },
    ],
    [
      { ...login('jane'), username: 'other', password: 'x' },
      { kind: 'basic', username: 'jane', password: 'secret' },
    ],
    [
      { ...login('0000'), identitytoken: 'I' },
      { kind: 'identity', token: 'I' },
    ],
    [
      { ...login('jane'), identitytoken: 'I', registrytoken: 'R' },
      { kind: 'bearer', token: 'R' },
    ],
    [
      { ...login('jane'), email: null, identitytoken: null },
      { kind: 'basic', username: 'jane', password: 'secret' },
    ],
  ])('%j', (entry, expected) => {
    expect(find({ auths: { 'r.example': entry } }, 'r.example')).toEqual(expected);
  });

  it('without a credential leaves the choice to the next key', () => {
    const auths = { 'r.example/a': {}, 'r.example': login('host') };
    expect(userOf(find({ auths }, 'r.example', 'a'))).toBe('host');
  });

  it.each([null, 'topsecret', [], { auth: 7 }, { identitytoken: ['topsecret'] }, { auth: 'topsecret!' }])(
    'that is invalid (%j) is an error for its registry only, and is not quoted',
    (entry) => {
      const config = { auths: { 'r.example': entry, 'other.example': login('jane') } };
      expect(userOf(find(config, 'other.example'))).toBe('jane');
      expect(() => find(config, 'r.example')).toThrow(FailedError);
      expect(() => find(config, 'r.example')).toThrow(
        /^\/home\/jane\/\.docker\/config\.json: the login for r\.example(?!.*topsecret)/,
      );
    },
  );
});

describe('an invalid entry', () => {
  const skipped = { auth: '!!topsecret' };
  const look = (auths: object, path?: string): ReturnType<typeof findLogin> =>
    findLogin(parse({ auths }), 'r.example' as RegistryHost, path as RepositoryPath | undefined);

  it('does not hide a valid one that is less specific, and is reported with it', () => {
    const found = look(
      { 'r.example/team/app': skipped, 'r.example/team': null, 'r.example': login('host') },
      'team/app',
    );
    expect(userOf(found?.credential)).toBe('host');
    expect(found?.skipped.map(({ message }) => message)).toEqual([
      '/home/jane/.docker/config.json: the login for r.example/team/app: "auth" is not the base64 of USER:PASSWORD',
      '/home/jane/.docker/config.json: the login for r.example/team is not a JSON object',
    ]);
  });

  it('does not hide one of the old form', () => {
    expect(userOf(look({ 'r.example': skipped, 'https://r.example/v1/': login('old') })?.credential)).toBe(
      'old',
    );
  });

  it('that is less specific than a valid one is not read', () => {
    expect(look({ 'r.example/team': login('team'), 'r.example': skipped }, 'team')?.skipped).toEqual([]);
  });

  it('is an error if no other matches', () => {
    expect(() => look({ 'r.example/team': skipped, 'r.example': {} }, 'team')).toThrow(
      'the login for r.example/team:',
    );
  });
});

describe('the namespaces with a login of their own', () => {
  it.each<[string, string[], string, string[]]>([
    ['are the paths of keys', ['r.example/team', 'r.example/a/b', 'r.example'], 'r.example', ['team', 'a/b']],
    [
      'are of this host and port',
      ['r.example:5000/a', 'other.example/a', 'r.example.evil.net/a'],
      'r.example',
      [],
    ],
    [
      'are in no key of the old form',
      ['https://r.example/team', 'r.example/', 'r.example/v2/'],
      'r.example',
      [],
    ],
    ['may be called as a version of the API', ['r.example/v2'], 'r.example', ['v2']],
    ['are valid names', ['r.example/team:tag', 'r.example/Team', 'r.example/a/'], 'r.example', []],
    [
      "are Docker Hub's by its short name",
      ['docker.io/jane', 'https://index.docker.io/v1/'],
      'docker.io',
      ['jane'],
    ],
  ])('%s', (_name, keys, registry, expected) => {
    const auths = Object.fromEntries(keys.map((key) => [key, login('jane')]));
    expect(loginNamespaces(parse({ auths }), registry as RegistryHost)).toEqual(expected);
  });
});

describe('a file', () => {
  it.each(['', ' \n\t', '{}', '{"auths":{}}', '{"auths":null}', '{"HttpHeaders":{"a":"b"},"psFormat":1}'])(
    '%j has no logins',
    (text) => {
      expect(find(text, 'r.example')).toBeUndefined();
    },
  );

  it.each([
    ['{"auths":{}', 'line 1, column 12: expected "," or "}", found the end of the text'],
    ['{\n\t"auths": {\n\t\t"r.example": {\n', 'line 4, column 1: expected "," or "}", found the end'],
    ['{\n  "auths": {},\n}\n', 'line 3, column 1: expected a name in double quotes, found "}"'],
  ])('%j is a syntax error with its line', (text, mistake) => {
    expect(() => find(text, 'r.example')).toThrow(`/home/jane/.docker/config.json is not JSON: ${mistake}`);
  });

  it.each([
    '}{',
    '{"auths":{}}{}',
    '[]',
    'null',
    '"topsecret"',
    '{"auths":"topsecret"}',
    '{"credHelpers":[]}',
    '{"topsecret',
  ])('%j is an error that names the file and does not quote it', (text) => {
    expect(() => find(text, 'r.example')).toThrow(FailedError);
    expect(() => find(text, 'r.example')).toThrow(/^\/home\/jane\/\.docker\/config\.json(?!.*topsecret)/);
  });
});

describeVectors('login key vectors', () => {
  interface Vectors {
    key_lookup_order: { input: string; order: string[]; legacy_format_order: string[] }[];
    key_validation: { invalid: string[]; valid: [string, boolean][] };
    convert_to_hostname: { system: string; input: string; hostname: string }[];
  }
  const vectors = vectorJson<Vectors>('auth-configs.json');
  it.each(vectors.key_lookup_order)('order for $input', ({ input, order, legacy_format_order: hosts }) => {
    const [registry, path] = split(input);
    const peers = (keys: readonly string[]): string[] =>
      // Docker Hub has more names here than for the peer.
      keys.filter((key) => key === registry || !loginKeys(registry).includes(key));
    expect(peers(lookupKeys(registry, path))).toEqual(order);
    expect(peers(lookupKeys(registry, undefined))).toEqual(hosts);
  });

  it.each(vectors.convert_to_hostname)('$system: the host of $input', ({ input, hostname }) => {
    expect(loginKeyHost(input)).toBe(hostname);
  });

  it.each(vectors.key_validation.valid)('%s is a key, of a namespace: %s', (key, namespaced) => {
    const [registry, path] = split(key);
    expect(lookupKeys(registry, path)[0]).toBe(key);
    expect(path !== undefined).toBe(namespaced);
  });

  // The peer does not write these. When reading, the first is a key of the old form, and the others never match, since the
  // path of a repository contains no tag or digest. `login` accepts hosts only: see login.test.ts.
  it.each(vectors.key_validation.invalid)('%s is not the key of a repository', (key) => {
    const auths = { [key]: login('jane') };
    const [registry, path] = split(key.replace('https://', '').replace(/[:@](?:tag|digest)$/, ''));
    expect(userOf(find({ auths }, registry, path))).toBe(key.startsWith('https://') ? 'jane' : undefined);
  });

  it('has only sections that are tested in this folder or in login-store.test.ts', () => {
    const here = ['key_lookup_order', 'key_validation', 'convert_to_hostname'];
    const lookups = ['lookups', 'file_precedence', 'helper_selection', 'auth_field_decode'];
    const helpers = ['helper_protocol', 'containers_image_helper', 'ggcr_helper_rules'];
    const storing = ['remove', 'save_format', 'auth_field_encode', 'credential_format'];
    // `conflicts` is prose. The look-up tests show the behaviour here if the systems differ.
    const all = [...here, ...lookups, ...helpers, ...storing, 'conflicts'];
    const sections = Object.keys(vectorJson<object>('auth-configs.json'));
    expect(sections.filter((name) => !name.startsWith('_')).toSorted()).toEqual(all.toSorted());
  });
});

const encode = (text: string): string => Buffer.from(text).toString('base64');

describe('the auth field', () => {
  it.each([
    ['dXNlcjpwYXNz', 'user', 'pass'],
    [encode('user:'), 'user', ''],
    [encode(':pass'), '', 'pass'],
    [encode('user:pa:ss:'), 'user', 'pa:ss:'],
    [encode('user:pass\0\0'), 'user', 'pass'],
    [encode('jürgen:schlüssel'), 'jürgen', 'schlüssel'],
    [encode('user:pass1').replace(/=+$/, ''), 'user', 'pass1'],
    ['dXNl\r\ncjpwYXNz\n', 'user', 'pass'],
  ])('%j is %s with %s', (field, username, password) => {
    expect(decodeAuthField(field, 'entry')).toEqual({ username, password });
  });

  it('that is empty is no credential', () => {
    expect(decodeAuthField('', 'entry')).toBeUndefined();
  });

  it.each(['user:password', 'dXNlcg==', 'dXNl*jpwYXNz', '====', encode('topsecret')])(
    '%j is an error that does not quote it',
    (field) => {
      expect(() => decodeAuthField(field, 'the login for x')).toThrow(
        new FailedError('the login for x: "auth" is not the base64 of USER:PASSWORD'),
      );
    },
  );
});

describeVectors('auth field vectors', () => {
  interface Row {
    system: string;
    name: string;
    entry: string;
    expected?: { username: string; password: string };
    error?: string;
  }
  const { auth_field_decode: rows } = vectorJson<{ auth_field_decode: Row[] }>('auth-configs.json');

  it.each(rows)('$system: $name', ({ entry, expected, error }) => {
    const decode = (): RegistryCredential | undefined =>
      findLogin(parseCredentialFile(`{"auths":{"x":${entry}}}`, 'file'), 'x' as RegistryHost, undefined)
        ?.credential;
    if (error !== undefined) expect(decode).toThrow(FailedError);
    // The peer returns two empty strings for an empty field. Here it is no credential.
    else if (expected?.username === '' && expected.password === '') expect(decode()).toBeUndefined();
    else expect(decode()).toEqual({ kind: 'basic', ...expected });
  });
});
