import { expect, it } from 'vitest';

import { missingScopeOf } from '../../../src/auth/requests/granted-scopes.js';
import { pull, push } from '../test-registry.js';

/** A token in the form of distribution. */
function tokenFor(access: unknown): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ access })}.x`;
}

const grants = (name: string, ...actions: readonly string[]) => ({ type: 'repository', name, actions });

it.each<[what: string, token: string | undefined, missing: string | undefined]>([
  ['all', tokenFor([grants('app', 'pull', 'push'), grants('base', 'pull')]), undefined],
  ['everything', tokenFor([grants('app', '*'), grants('base', '*')]), undefined],
  ['less', tokenFor([grants('app', 'pull'), grants('base', 'pull')]), 'repository:app:pull,push'],
  ['one repository', tokenFor([grants('base', 'pull')]), 'repository:app:pull,push'],
  ['nothing', tokenFor([]), 'repository:app:pull,push repository:base:pull'],
  [
    'no list of actions',
    tokenFor([{ type: 'repository', name: 'app' }, 1, null]),
    'repository:app:pull,push repository:base:pull',
  ],
  ['no access', tokenFor(undefined), undefined],
  ['a form of its own', 'ghs_16C7e42F292c6912E7710c838347Ae178B4a', undefined],
  ['no JSON', 'a.b.c', undefined],
  ['no token', undefined, undefined],
])('of a token that grants %s', (_what, token, missing) => {
  expect(missingScopeOf(token, [push('app'), pull('base')])).toBe(missing);
});
