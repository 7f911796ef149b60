import { describe, expect, it } from 'vitest';

import { findLogin, loginKeyHost, lookupKeys, parseCredentialFile } from '../../src/auth/credential-file.js';
import type { Credential } from '../../src/auth/credential.js';
import { loginKeys } from '../../src/auth/docker-hub.js';
import { FailedError } from '../../src/oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../src/oci/reference.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

function find(config: object | string, registry: string, path?: string): Credential | undefined {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  const file = parseCredentialFile(text, '/home/jane/.docker/config.json');
  return findLogin(file, registry as RegistryHost, path as RepositoryPath | undefined);
}

/** An entry whose user is called like this. */
function login(username: string): { auth: string } {
  return { auth: Buffer.from(`${username}:secret`).toString('base64') };
}

function userOf(credential: Credential | undefined): string | undefined {
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

  it('of Docker Hub is the one that docker writes, then any other of its names', () => {
    const keys = ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'];
    const auths: Record<string, object> = { 'http://index.docker.io/v1': login('old') };
    for (const [index, key] of keys.toReversed().entries()) {
      auths[key] = login(`hub${index}`);
      expect(userOf(find({ auths }, 'docker.io', 'library/app'))).toBe(`hub${index}`);
    }
    expect(userOf(find({ auths: { 'http://index.docker.io/v1': login('old') } }, 'docker.io'))).toBe('old');
  });

  it('may be the path of a repository or of one above it, the longest first', () => {
    const auths = { 'r.example': login('host'), 'r.example/a/b': login('b'), 'r.example/a': login('a') };
    expect(
      ['a/b', 'a/b/c', 'a/x', 'ab', 'x', undefined].map((path) => userOf(find({ auths }, 'r.example', path))),
    ).toEqual(['b', 'b', 'a', 'host', 'host', 'host']);
  });

  it('of a repository is not a login for the others on its host', () => {
    const auths = { 'r.example/a': login('a') };
    expect(find({ auths }, 'r.example', 'b')).toBeUndefined();
    expect(find({ auths }, 'r.example')).toBeUndefined();
  });
});

describe('an entry', () => {
  it.each<[object, Credential | undefined]>([
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

  it('without a login leaves the question to the next key', () => {
    const auths = { 'r.example/a': {}, 'r.example': login('host') };
    expect(userOf(find({ auths }, 'r.example', 'a'))).toBe('host');
  });

  it.each([null, 'topsecret', [], { auth: 7 }, { identitytoken: ['topsecret'] }, { auth: 'topsecret!' }])(
    'that is damaged (%j) is an error for its registry alone, and is not quoted',
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

describe('a file', () => {
  it.each(['', ' \n\t', '{}', '{"auths":{}}', '{"auths":null}', '{"HttpHeaders":{"a":"b"},"psFormat":1}'])(
    '%j has no logins',
    (text) => {
      expect(find(text, 'r.example')).toBeUndefined();
    },
  );

  it.each([
    '}{',
    '{"auths":{}}{}',
    '[]',
    'null',
    '"topsecret"',
    '{"auths":"topsecret"}',
    '{"credHelpers":[]}',
    '{"topsecret',
  ])('%j is an error that names the file and quotes nothing', (text) => {
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
      // Docker Hub has more names than the peer looks for.
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

  // The peer refuses to write these. Nothing here writes; to read, the first is a key of the old form, and the others
  // are never asked for, as no path of a repository holds a tag or digest.
  it.each(vectors.key_validation.invalid)('%s is no key for one of the repositories', (key) => {
    const auths = { [key]: login('jane') };
    const [registry, path] = split(key.replace('https://', '').replace(/[:@](?:tag|digest)$/, ''));
    expect(userOf(find({ auths }, registry, path))).toBe(key.startsWith('https://') ? 'jane' : undefined);
  });

  it('the sections that are left are about writing logins, which is not built yet', () => {
    const sections = Object.keys(vectorJson<object>('auth-configs.json'));
    // `conflicts` is prose; where the systems differ, the tests of the look-ups say what ours does.
    expect(sections).toEqual(
      expect.arrayContaining([
        'remove',
        'save_format',
        'auth_field_encode',
        'credential_format',
        'conflicts',
      ]),
    );
    const elsewhere = [
      'lookups',
      'file_precedence',
      'helper_selection',
      'helper_protocol',
      'auth_field_decode',
    ];
    const here = ['key_lookup_order', 'key_validation', 'convert_to_hostname'];
    const helpers = ['containers_image_helper', 'ggcr_helper_rules'];
    expect(sections.filter((name) => !name.startsWith('_'))).toHaveLength(
      5 + elsewhere.length + here.length + helpers.length,
    );
  });
});
