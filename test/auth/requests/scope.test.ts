import { describe, expect, it } from 'vitest';

import type { RepositoryPath } from '../../../src/oci/reference.js';
import {
  coversScopes,
  mainRepository,
  mergeScopes,
  repositoryScope,
  type RepositoryAction,
} from '../../../src/auth/requests/scope.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';

const path = (text: string): RepositoryPath => text as RepositoryPath;

describe('the text of a scope', () => {
  it.each([
    [['pull'], 'repository:app:pull'],
    [['push', 'pull'], 'repository:app:pull,push'],
    [['pull', 'pull'], 'repository:app:pull'],
    [[], undefined],
  ] as const)('%j is %s', (actions, text) => {
    expect(mergeScopes([repositoryScope(path('app'), ...actions)])[0]).toBe(text);
  });

  it('splits a scope at its first and last colon, since the name may contain one', () => {
    expect(mergeScopes(['repository:host:5000/app:push,pull'])).toEqual([
      'repository:host:5000/app:pull,push',
    ]);
  });
});

describe('mergeScopes', () => {
  it('puts the scope with push first and keeps the order of the others', () => {
    expect(
      mergeScopes([
        'repository:z:pull',
        'registry:catalog:*',
        repositoryScope(path('target'), 'pull'),
        repositoryScope(path('target'), 'push'),
        'repository:a:pull',
      ]),
    ).toEqual([
      'repository:target:pull,push',
      'repository:z:pull',
      'registry:catalog:*',
      'repository:a:pull',
    ]);
  });

  it('keeps a scope of an unknown form, once', () => {
    expect(mergeScopes(['aws', 'aws', 'a:b'])).toEqual(['aws', 'a:b']);
  });
});

describe('coversScopes', () => {
  it.each([
    [['repository:a:pull,push'], ['repository:a:pull'], true],
    [['repository:a:pull', 'repository:a:push'], ['repository:a:push,pull'], true],
    [['repository:a:*'], ['repository:a:delete'], true],
    [['repository:a:pull'], ['repository:a:pull,push'], false],
    [['repository:a:pull'], ['repository:a/b:pull'], false],
    [['repository:a:pull,push'], ['repository:a:pull', 'repository:b:pull'], false],
    [['aws', 'repository:a:pull'], ['aws'], true],
    [['aws'], ['azure'], false],
    [['repository:a:pull'], [], true],
    [[], ['repository:a:pull'], false],
  ])('%j covers %j: %s', (granted, wanted, expected) => {
    expect(coversScopes(granted, wanted)).toBe(expected);
  });
});

it('the main repository is that of the first repository scope, also after scopes as text', () => {
  expect(mainRepository(['registry:catalog:*', repositoryScope(path('a'), 'pull')])).toBe('a');
  expect(mainRepository(['registry:catalog:*'])).toBeUndefined();
});

describeVectors('scope vectors', () => {
  interface Vectors {
    scope_repository: { repository: string; actions: string[] | null; scope: string }[];
    scope_clean: { scopes: string[]; cleaned: string[] | null }[];
    scope_containerd: (
      | { locator: string; push: boolean; scope: string }
      | { in_context: string[]; common: string[]; scopes: string[] }
    )[];
  }
  const vectors = vectorJson<Vectors>('challenges.json');

  it.each(vectors.scope_repository)('repository $repository $actions', ({ repository, actions, scope }) => {
    const wanted = repositoryScope(path(repository), ...((actions ?? []) as RepositoryAction[]));
    expect(mergeScopes([wanted])[0] ?? '').toBe(scope);
  });

  // The peers sort the list. Here scopes with push come first, for token servers that read only one.
  it.each(vectors.scope_clean)('clean $scopes', ({ scopes, cleaned }) => {
    expect(mergeScopes(scopes).toSorted()).toEqual(cleaned ?? []);
  });

  it.each(vectors.scope_containerd)('containerd %j', (row) => {
    if ('locator' in row) {
      const name = path(row.locator.slice(row.locator.indexOf('/') + 1));
      const scope = row.push ? repositoryScope(name, 'pull', 'push') : repositoryScope(name, 'pull');
      expect(mergeScopes([scope])).toEqual([row.scope]);
      return;
    }
    const merged = mergeScopes([...row.in_context, ...row.common]);
    // containerd keeps `pull` beside `pull,push` of the same repository. Merged, they request the same permissions.
    expect(merged).toEqual(row.scopes.length === 1 ? row.scopes : ['repository:foo/bar:pull,push']);
    expect(coversScopes(merged, row.scopes)).toBe(true);
  });
});
