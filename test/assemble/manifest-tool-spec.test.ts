import { describe, expect, it } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { problemLines } from '../support/problem-lines.js';

const parse = (text: string): ReturnType<typeof parseAssembly> => parseAssembly(text, 'spec.yaml');

describe("manifest-tool's YAML", () => {
  it('is read as in manifest-tool: unquoted strings, without empty members', async () => {
    const text = `image: registry.example.com:5000/app:1.10
tags:
  - 1.10
  - 1
  - latest
annotations: {build: 007}
manifests:
  -
    image: registry.example.com:5000/app:linux-amd64
    platform:
      architecture: amd64
      os: linux
      variant:
  - image: registry.example.com:5000/app:linux-arm
    platform: {architecture: arm, os: linux, variant: v7}
  - image: registry.example.com:5000/app:any
  - image: registry.example.com:5000/app:unsaid
    platform: {variant: v6}
`;
    expect(await parse(text)).toEqual({
      target: 'registry.example.com:5000/app:1.10',
      tags: ['1.10', '1', 'latest'],
      annotations: { build: '007' },
      require: [],
      images: [
        {
          source: 'registry.example.com:5000/app:linux-amd64',
          platform: { os: 'linux', architecture: 'amd64' },
        },
        {
          source: 'registry.example.com:5000/app:linux-arm',
          platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
        },
        { source: 'registry.example.com:5000/app:any' },
        { source: 'registry.example.com:5000/app:unsaid', platform: { variant: 'v6' } },
      ],
    });
  });

  it.each([
    ['osversion', 'osfeatures'],
    ['os.version', 'os.features'],
  ])('can have %s and %s', async (version, features) => {
    const text = `image: app
manifests:
- image: win
  platform: {os: windows, architecture: amd64, ${version}: 10.0.20348.1, ${features}: [win32k], features: [sse4]}
`;
    expect((await parse(text)).images[0]?.platform).toEqual({
      os: 'windows',
      architecture: 'amd64',
      'os.version': '10.0.20348.1',
      'os.features': ['win32k'],
      features: ['sse4'],
    });
  });

  it.each([
    ['os', '[linux]', 'must be a string'],
    ['architecture', '[amd64]', 'must be a string'],
    ['variant', '[v8]', 'must be a string'],
    ['osversion', '[latest]', 'must be a string'],
    ['os.version', '{a: b}', 'must be a string'],
    ['osfeatures', 'win32k', 'must be an array'],
    ['os.features', '{a: b}', 'must be an array'],
    ['features', 'sse4', 'must be an array'],
    ['features', '[[sse4]]', 'must be a string'],
  ])('rejects the platform member %s: %s', async (member, value, problem) => {
    const others = ['os: windows', 'architecture: amd64'].filter((part) => !part.startsWith(`${member}:`));
    const text = `image: app
manifests:
- image: win
  platform: {${[...others, `${member}: ${value}`].join(', ')}}
`;
    const lines = await problemLines(() => parse(text));
    expect(lines.join('\n')).toMatch(new RegExp(`/platform/${member}.*${problem}`));
  });

  it('replaces OS, ARCH and VARIANT with the parts of the platform', async () => {
    const text = `image: app
manifests:
- {image: "app-OS:ARCHVARIANT", platform: {os: linux, architecture: arm, variant: v7}}
- {image: "app-OS:ARCHVARIANT-MACOS", platform: {os: linux, architecture: amd64}}
- {image: "app:ARCH"}
`;
    expect((await parse(text)).images.map(({ source }) => source)).toEqual([
      'app-linux:armv7',
      'app-linux:amd64-MACOS',
      'app:ARCH',
    ]);
  });

  it('is rejected with all mistakes', async () => {
    const text = `image: App
foo: 1
manifests:
  - image: a
    platform: {os: linux}
  - image: b
    platform: {os: linux, architecture: amd46}
  - image: c
    platform: {os: linux, architecture: amd64, variant: 'a b'}
  - image: d
    platform: {os: linux, architecture: arm64}
  - image: e
    platform: {os: linux, architecture: arm64, variant: v8}
  - platform: x
`;
    expect(await problemLines(() => parse(text))).toEqual([
      expect.stringContaining('/image line 1, column 8: invalid reference "App"'),
      '/foo line 2, column 1: is not a known member',
      expect.stringContaining('/manifests/0/platform line 5, column 15: the platform has no architecture'),
      expect.stringContaining('/manifests/1/platform line 7, column 15: "linux/amd46" is not a known os'),
      expect.stringContaining('/manifests/2/platform line 9, column 15: invalid platform'),
      '/manifests/4/platform line 13, column 15: is linux/arm64/v8, as is that of /manifests/3',
      '/manifests/5 line 14, column 5: has no "image"',
      '/manifests/5/platform line 14, column 15: must be an object',
    ]);
    await expect(parse(text)).rejects.toThrow('spec.yaml is not a valid manifest-tool spec: line 1');
  });
});
