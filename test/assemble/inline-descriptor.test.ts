import { expect, it } from 'vitest';

import type { LoosePlatform } from '../../src/oci/platform.js';
import { parseInlineDescriptor } from '../../src/assemble/inline-descriptor.js';

const digest = `sha256:${'0'.repeat(64)}`;

it.each(['mediaType', 'size', 'urls', 'annotations', 'data', 'artifactType', 'platform'])(
  'reads %s as absent if it is null, as Go does',
  (name) => {
    const others = { digest, annotations: { a: 'b' } };
    const given = Object.fromEntries(Object.entries(others).filter(([other]) => other !== name));
    expect(parseInlineDescriptor(JSON.stringify({ ...given, [name]: null }))).toEqual(
      parseInlineDescriptor(JSON.stringify(given)),
    );
  },
);

it.each(['os', 'architecture', 'variant', 'os.version', 'os.features', 'features'])(
  'reads %s of a platform as absent if it is null, as Go does',
  (name) => {
    const platform = { os: 'linux', architecture: 'arm64' };
    const given = Object.fromEntries(Object.entries(platform).filter(([other]) => other !== name));
    expect(parseInlineDescriptor(JSON.stringify({ digest, platform: { ...given, [name]: null } }))).toEqual(
      parseInlineDescriptor(JSON.stringify({ digest, platform: given })),
    );
  },
);

it.each<LoosePlatform>([
  { variant: 'v8' },
  { os: 'linux', variant: 'v7' },
  { architecture: 'arm', variant: 'v7' },
  { os: 'windows', 'os.version': '10.0.20348.2527' },
  { 'os.version': '10.0.20348.2527' },
  { os: 'wasi' },
])('takes the platform %j, whose other fields are those of the image', (platform) => {
  expect(parseInlineDescriptor(JSON.stringify({ digest, platform })).platform).toEqual(platform);
});
