import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { readCreateNames } from '../../../src/cli/commands/create-options.js';
import { copy } from '../../../src/cli/commands/copy.js';
import { diff } from '../../../src/cli/commands/diff.js';
import type { NamedImages } from '../../../src/cli/commands/command.js';
import { givenLogins, type LoginFlags } from '../../../src/cli/input/login-flags.js';
import { ArgumentError } from '../../../src/oci/errors.js';
import { failureOf } from '../../support/failure.js';

const { signal } = new AbortController();
const OWN = { 'registry-token': 'own' };
const FROM = { 'from-registry-token': 'from' };
const PASSWORD = { username: 'jane', 'password-stdin': true };
const FROM_PASSWORD = { 'from-username': 'joe', 'from-password-stdin': true };

/** Returns the registries that get a login, each with its token or user name. */
async function registries(flags: object, names: NamedImages): Promise<unknown> {
  const logins = await givenLogins(flags as LoginFlags, () => names, {
    signal,
    stdin: Readable.from(['secret']),
  });
  const found = logins.map(async ({ registry, credential }) => {
    const login = await credential();
    return [registry, login.kind === 'basic' ? login.username : login.token];
  });
  return Object.fromEntries(await Promise.all(found));
}

const copyNames = (source: string, target: string): NamedImages => ({ sources: [source], targets: [target] });

describe('the logins of one call', () => {
  it.each<[flags: object, names: NamedImages, expected: object]>([
    [{}, copyNames('a.example/x', 'b.example/x'), {}],
    [OWN, copyNames('a.example/x', 'a.example/y'), { 'a.example': 'own' }],
    [OWN, copyNames('a.example/x', 'oci:dir'), { 'a.example': 'own' }],
    [OWN, copyNames('oci:dir', 'b.example/x'), { 'b.example': 'own' }],
    [OWN, copyNames('a.example/x', 'b.example/x'), { 'b.example': 'own' }],
    [OWN, { targets: ['b.example/x'], sources: ['a.example/x', 'c.example/x'] }, { 'b.example': 'own' }],
    [FROM, copyNames('a.example/x', 'b.example/x'), { 'a.example': 'from' }],
    [FROM, copyNames('a.example/x', 'oci:dir'), { 'a.example': 'from' }],
    [FROM, copyNames('alpine', 'b.example/x'), { 'docker.io': 'from' }],
    [
      { ...OWN, ...FROM },
      copyNames('a.example/x', 'b.example/x'),
      { 'b.example': 'own', 'a.example': 'from' },
    ],
    [
      { ...PASSWORD, ...FROM },
      copyNames('a.example/x', 'a.example:5000/x'),
      { 'a.example:5000': 'jane', 'a.example': 'from' },
    ],
    [
      { ...OWN, ...FROM_PASSWORD },
      { targets: ['b.example/x'], sources: ['a.example/x', 'b.example/y', 'oci:dir', 'a.example/y-{arch}'] },
      { 'b.example': 'own', 'a.example': 'joe' },
    ],
  ])('%j for %j are %j', async (flags, names, expected) => {
    expect(await registries(flags, names)).toEqual(expected);
  });

  it.each<[flags: object, names: NamedImages, message: string]>([
    [OWN, { targets: ['a.example/x', 'b.example/x'], sources: [] }, 'but a.example and b.example are named'],
    [OWN, { targets: ['oci:x'], sources: ['a.example/x', 'b.example/x'] }, 'but a.example and b.example are'],
    [OWN, copyNames('oci:dir', 'oci:other'), 'but no registry is named'],
    [FROM, copyNames('a.example/x', 'a.example/y'), 'but these are in a.example as the target is'],
    [{ ...OWN, ...FROM }, copyNames('a.example/x', 'a.example/y'), 'but these are in a.example'],
    [{ ...OWN, ...FROM }, copyNames('a.example/x', 'oci:dir'), 'but no registry is named'],
    [FROM, copyNames('oci:dir', 'b.example/x'), 'but these are in b.example'],
    [FROM, copyNames('oci:dir', 'oci:other'), 'but no registry of a source is named'],
    [
      FROM,
      { targets: ['b.example/x'], sources: ['a.example/x', 'c.example/x'] },
      'but a.example and c.example are named',
    ],
    [{ ...PASSWORD, ...FROM_PASSWORD }, copyNames('a.example/x', 'b.example/x'), 'exclude each other'],
    [{ 'from-username': 'joe' }, copyNames('a.example/x', 'b.example/x'), 'needs --from-password-stdin'],
    [{ 'from-password-stdin': true }, copyNames('a.example/x', 'b.example/x'), 'needs --from-username'],
    [{ ...FROM, 'from-username': 'joe' }, copyNames('a.example/x', 'b.example/x'), 'exclude each other'],
  ])('%j for %j are refused', async (flags, names, message) => {
    const error = await failureOf(registries(flags, names), ArgumentError);
    expect(error.message).toContain(message);
  });
});

const context = { signal, stdin: Readable.from([]), env: {} };

describe('the names that logins are for', () => {
  it('are the two sides of copy and diff', async () => {
    const args = { source: 'a.example/x', target: 'b.example/x' };
    expect(copy.names?.(args as never, context)).toEqual(copyNames('a.example/x', 'b.example/x'));
    const sides = { before: 'index.json', after: 'b.example/x' };
    expect(await diff.names?.(sides as never, context)).toEqual({ sources: [], targets: ['b.example/x'] });
  });

  const args = {
    list: 'b.example/x',
    sources: ['a.example/x'],
    from: 'c.example/x',
    repository: 'd.example/x',
  };
  const sources = ['a.example/x', 'c.example/x', 'd.example/x'];

  it.each<[what: string, args: object, names: NamedImages]>([
    ['list and all sources of create --push', { ...args, push: true }, { targets: ['b.example/x'], sources }],
    ['sources of create, which only reads', args, { targets: [], sources }],
    ['list and sources with a login for these', { ...args, ...FROM }, { targets: ['b.example/x'], sources }],
    [
      'list if it is the repository of the sources',
      { list: 'b.example/x', sources: [`sha256:${'a'.repeat(64)}`, 'oci:dir'] },
      { targets: ['b.example/x'], sources: [`sha256:${'a'.repeat(64)}`, 'oci:dir'] },
    ],
  ])('are the %s', async (_what, given, names) => {
    expect(await readCreateNames(given as never, context)).toEqual(names);
  });
});
