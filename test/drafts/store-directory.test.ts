import { describe, expect, it } from 'vitest';

import { storeDirectory } from '../../src/drafts/store-directory.js';

const all = { MULTIARCH_STORE: '/own', XDG_STATE_HOME: '/state', LOCALAPPDATA: 'C:\\Local' };

describe('storeDirectory', () => {
  it.each([
    ['linux', all, '/own'],
    ['darwin', all, '/own'],
    ['win32', all, '/own'],
    ['linux', { ...all, MULTIARCH_STORE: 'relative' }, 'relative'],
    ['linux', { ...all, MULTIARCH_STORE: '' }, '/state/multiarch/drafts'],
    ['darwin', { XDG_STATE_HOME: '/state' }, '/state/multiarch/drafts'],
    ['win32', { XDG_STATE_HOME: 'D:\\state' }, 'D:\\state\\multiarch\\drafts'],
    ['linux', { XDG_STATE_HOME: '' }, '/home/me/.local/state/multiarch/drafts'],
    ['linux', { XDG_STATE_HOME: 'relative' }, '/home/me/.local/state/multiarch/drafts'],
    ['freebsd', {}, '/home/me/.local/state/multiarch/drafts'],
    ['darwin', {}, '/home/me/Library/Application Support/multiarch/drafts'],
    ['win32', { LOCALAPPDATA: 'C:\\Local' }, 'C:\\Local\\multiarch\\drafts'],
  ] as const)('on %s with %o is %s', (platform, env, expected) => {
    expect(storeDirectory({ env, platform, homeDirectory: '/home/me' })).toBe(expected);
  });

  it('on Windows defaults to AppData in the home directory', () => {
    const homeDirectory = 'C:\\Users\\me';
    expect(storeDirectory({ env: {}, platform: 'win32', homeDirectory })).toBe(
      'C:\\Users\\me\\AppData\\Local\\multiarch\\drafts',
    );
  });

  it.each([
    ['linux', {}, undefined],
    ['darwin', {}, undefined],
    ['win32', {}, undefined],
    ['linux', { XDG_STATE_HOME: '/state' }, '/state/multiarch/drafts'],
    ['win32', { LOCALAPPDATA: 'C:\\Local' }, 'C:\\Local\\multiarch\\drafts'],
    ['linux', { MULTIARCH_STORE: '/own' }, '/own'],
  ] as const)('without a home directory on %s with %o is %s', (platform, env, expected) => {
    expect(storeDirectory({ env, platform, homeDirectory: undefined })).toBe(expected);
  });

  it('is the value of --store when it is given', () => {
    expect(storeDirectory({ env: all, platform: 'linux', homeDirectory: '/home/me' }, './here')).toBe(
      './here',
    );
  });
});
