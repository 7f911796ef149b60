import { expect, it } from 'vitest';

import { channelOf } from '../../release/channel.js';

it.each([
  ['0.1.0', [], 'latest', '0.1.0 0.1 latest'],
  ['0.2.0', ['0.1.0', '0.2.0'], 'latest', '0.2.0 0.2 latest'],
  ['1.0.0', ['0.1.0'], 'latest', '1.0.0 1.0 1 latest'],
  ['1.2.4', ['1.2.3', '1.3.0'], 'release-1.2', '1.2.4 1.2'],
  ['1.4.0', ['1.3.0', '2.0.0'], 'release-1.4', '1.4.0 1.4 1'],
  ['1.2.3', ['1.2.4'], 'release-1.2', '1.2.3'],
  ['2.0.0', ['2.1.0-rc.1', '1.9.0'], 'latest', '2.0.0 2.0 2 latest'],
  ['2.0.0-rc.1', ['1.0.0'], 'next', '2.0.0-rc.1'],
])('%s after %j is published as %s with the image tags %s', (version, released, npmTag, tags) => {
  const channel = channelOf(version, released);
  expect([channel.npmTag, channel.imageTags.join(' ')]).toEqual([npmTag, tags]);
  expect(channel.latest).toBe(npmTag === 'latest');
  expect(channel.prerelease).toBe(npmTag === 'next');
});
