import { describe, expect, it } from 'vitest';

import { cacheDirectory } from '../../src/files/cache-directory.js';

describe('cacheDirectory', () => {
  it.each([
    ['linux', { XDG_CACHE_HOME: '/cache' }, '/cache/multiarch'],
    ['darwin', { XDG_CACHE_HOME: '/cache' }, '/cache/multiarch'],
    ['win32', { XDG_CACHE_HOME: 'D:\\cache', LOCALAPPDATA: 'C:\\Local' }, 'D:\\cache\\multiarch'],
    ['linux', { XDG_CACHE_HOME: '' }, '/home/me/.cache/multiarch'],
    ['linux', { XDG_CACHE_HOME: 'relative' }, '/home/me/.cache/multiarch'],
    ['darwin', {}, '/home/me/Library/Caches/multiarch'],
    ['win32', { LOCALAPPDATA: 'C:\\Local' }, 'C:\\Local\\multiarch\\cache'],
  ] as const)('on %s with %o is %s', (platform, env, expected) => {
    expect(cacheDirectory({ env, platform, homeDirectory: '/home/me' })).toBe(expected);
  });

  it.each([
    ['linux', {}, undefined],
    ['win32', {}, undefined],
    ['linux', { XDG_CACHE_HOME: '/cache' }, '/cache/multiarch'],
  ] as const)('without a home directory on %s with %o is %s', (platform, env, expected) => {
    expect(cacheDirectory({ env, platform, homeDirectory: undefined })).toBe(expected);
  });

  it('on Windows defaults to AppData in the home directory', () => {
    const homeDirectory = 'C:\\Users\\me';
    expect(cacheDirectory({ env: {}, platform: 'win32', homeDirectory })).toBe(
      'C:\\Users\\me\\AppData\\Local\\multiarch\\cache',
    );
  });
});
