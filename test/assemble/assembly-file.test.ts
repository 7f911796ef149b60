import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { InvalidError } from '../../src/oci/errors.js';
import { problemLines } from '../support/problem-lines.js';

const parse = (text: string): ReturnType<typeof parseAssembly> => parseAssembly(text, 'app.yaml');
const problems = (text: string): Promise<string[]> => problemLines(() => parse(text));

const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARMV7 = { os: 'linux', architecture: 'arm', variant: 'v7' };
const DIGEST = `sha256:${'a'.repeat(64)}`;

const FULL = `# yaml-language-server: $schema=./assembly.schema.json
target: registry.example.com/team/app:1.2
tags: [latest, "1.10", mirror.example.com/team/app:1.2]
format: oci
annotations: &about
  org.opencontainers.image.title: app
attestations: drop
require:
  - linux/amd64
  - linux/arm/v7
images:
  - source: app:1.2-{arch}{variant}
    platforms: [linux/amd64, linux/arm/v7]
    annotations: *about
  - source: app:1.2-windows
    platform: { os: windows, architecture: x86_64, os.version: 10.0.20348.1, os.features: [win32k] }
  - source: oci:build/arm64:1.2
    platform: linux/arm64/v8
  - source: app:1.2-others
    platforms: [linux/s390x, linux/ppc64le]
  - source: ${DIGEST}
`;

describe('parseAssembly', () => {
  it('reads all members; expands a template to one image for each platform', async () => {
    const about = { 'org.opencontainers.image.title': 'app' };
    expect(await parse(FULL)).toEqual({
      target: 'registry.example.com/team/app:1.2',
      tags: ['latest', '1.10', 'mirror.example.com/team/app:1.2'],
      format: 'oci',
      annotations: about,
      attestations: 'drop',
      require: [AMD64, ARMV7],
      images: [
        { source: 'app:1.2-amd64', platforms: [AMD64], annotations: about },
        { source: 'app:1.2-armv7', platforms: [ARMV7], annotations: about },
        {
          source: 'app:1.2-windows',
          platform: {
            os: 'windows',
            architecture: 'amd64',
            'os.version': '10.0.20348.1',
            'os.features': ['win32k'],
          },
        },
        {
          source: 'oci:build/arm64:1.2',
          platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
        },
        {
          source: 'app:1.2-others',
          platforms: [
            { os: 'linux', architecture: 's390x' },
            { os: 'linux', architecture: 'ppc64le' },
          ],
        },
        { source: DIGEST },
      ],
    });
  });

  it.each([
    ['JSON', '{"target":"app","images":[{"source":"a"}]}'],
    [
      'JSON with tabs and escapes',
      '{\n\t"target": "app",\n\t"images": [\n\t\t{"source": "\\u0061"}\n\t]\n}\n',
    ],
    ['a byte order mark', '\uFEFFtarget: app\nimages: [{source: a}]\n'],
    ['Windows line endings', 'target: app\r\nimages:\r\n- source: a\r\n'],
    ['$schema', '{"$schema": "https://example.com/s.json", "target": "app", "images": [{"source": "a"}]}'],
    ['an older version of YAML, as YAML 1.2', '%YAML 1.1\n---\ntarget: app\nimages: [{source: a}]\n'],
  ])('reads %s', async (_, text) => {
    expect(await parse(text)).toEqual({ target: 'app', tags: [], require: [], images: [{ source: 'a' }] });
  });

  it('reports all mistakes at once, in the order of the text', async () => {
    const text = `target: App:1
tags: [1.10, ok, -x]
formt: oci
images:
  - source: app-{foo}
    platforms: [linux/amd64, linux, linux/amd64]
  - source: app-{arch}
  - source: app:1
    platform: linux/amd46
    extra: 1
  - platform: {os: linux}
require: linux/amd64
`;
    expect(await problems(text)).toEqual([
      expect.stringContaining('/target line 1, column 9: invalid reference "App:1"'),
      '/tags/0 line 2, column 8: is not a string without quotes: write "1.10"',
      expect.stringContaining('/tags/2 line 2, column 18: invalid reference "-x"'),
      '/formt line 3, column 1: is not a known member',
      expect.stringMatching(
        /^\/images\/0\/source line 5, column 13: .*The placeholders are \{os\}, \{arch\}/,
      ),
      expect.stringMatching(/^\/images\/0\/platforms\/1 line 6, column 30: .*Write both os and architecture/),
      '/images/0/platforms/2 line 6, column 37: is linux/amd64, as is /images/0/platforms/0',
      expect.stringContaining('/images/1/source line 7, column 13: is a template'),
      expect.stringContaining('/images/2/platform line 9, column 15: "linux/amd46" is not a known os'),
      '/images/2/extra line 10, column 5: is not a known member',
      '/images/3 line 11, column 5: has no "source"',
      '/images/3/platform line 11, column 15: has no "architecture"',
      '/require line 12, column 10: must be an array',
    ]);
  });

  it('reports the first problem and the number of others, with the name of the file', async () => {
    await expect(parse('target: app\ntag: x\nimages: []\n')).rejects.toThrow(
      'app.yaml is not a valid assembly file: line 2, column 1: is not a known member (and 1 more)',
    );
  });

  const withImages = (images: string): string => `target: app\nimages:\n${images}`;

  it('accepts two images for one platform if annotations tell them apart', async () => {
    const zstd =
      '- {source: b, platform: linux/amd64, annotations: {io.github.containers.compression.zstd: "true"}}';
    const { images } = await parse(withImages(`- {source: a, platform: linux/amd64}\n${zstd}`));
    expect(images).toHaveLength(2);
  });

  it.each([
    [
      'two images for one platform',
      '- {source: a, platform: linux/arm64}\n- {source: b, platform: linux/arm64/v8}',
      ['/images/1/platform line 4, column 25: is linux/arm64/v8, as is that of /images/0'],
    ],
    [
      'an image for a platform that is kept of an index',
      '- {source: a, platforms: [linux/amd64]}\n- {source: b, platform: {os: linux, architecture: x86_64}}',
      ['/images/1/platform line 4, column 25: is linux/amd64, as is that of /images/0'],
    ],
    [
      'the same image twice, in two spellings',
      '- {source: "a:1"}\n- {source: "docker.io/library/a:1"}',
      ['/images/1 line 4, column 3: is the same image as /images/0'],
    ],
    [
      'one platform for several images',
      "- {source: 'a-{arch}', platform: linux/amd64, platforms: [linux/amd64, linux/arm64]}",
      ['/images/0/platform line 3, column 34: is for one image, but "platforms" has several'],
    ],
    [
      'a template that makes no reference',
      "- {source: 'a:{variant}', platforms: [linux/amd64]}",
      [expect.stringContaining('/images/0/source line 3, column 12: invalid reference "a:"')],
    ],
  ])('rejects %s', async (_, images, expected) => {
    expect(await problems(withImages(images))).toEqual(expected);
  });

  it.each([
    ['two of Windows, whose versions are in the configs', 'windows/amd64', 'windows/amd64'],
    ['two of arm, whose variants are in the configs', 'linux/arm', 'linux/arm'],
    ['amd64 and a later level of it', 'linux/amd64', 'linux/amd64/v3'],
  ])('accepts %s', async (_, one, other) => {
    const text = withImages(`- {source: a, platform: ${one}}\n- {source: b, platform: ${other}}`);
    expect((await parse(text)).images).toHaveLength(2);
  });

  it('accepts one index in two parts', async () => {
    const text = withImages(
      '- {source: a, platforms: [linux/amd64]}\n- {source: a, platforms: [linux/arm64]}',
    );
    expect((await parse(text)).images.map(({ source }) => source)).toEqual(['a', 'a']);
  });

  it('rejects annotations in a Docker manifest list, with a hint', async () => {
    const text =
      'target: app\nformat: docker\nannotations: {a: b}\nimages: [{source: a, annotations: {c: d}}]\n';
    const reason = 'are not supported by a Docker manifest list: remove them, or use the format "oci"';
    expect(await problems(text)).toEqual([
      `/annotations line 3, column 14: ${reason}`,
      `/images/0/annotations line 4, column 35: ${reason}`,
    ]);
  });

  it.each([
    ['nothing', '', [' line 1, column 1: is empty, but must be an object']],
    ['a text', 'app:1.2', [' line 1, column 1: must be an object']],
    [
      'an empty value',
      'target:\nimages: [{source: a}]',
      ['/target line 1, column 8: is empty, but must be a string'],
    ],
    [
      'a duplicate name',
      'target: app\nimages: [{source: a}]\n"target": b\n',
      ['/target line 3, column 1: is a duplicate member, first on line 1'],
    ],
    [
      'a name that is not a string',
      'target: app\nimages: [{source: a}]\nannotations: {1.10: x}\n',
      ['/annotations line 3, column 15: has the member name "1.10", which is not a string: quote it'],
    ],
    [
      'true and numbers instead of strings',
      'target: app\nimages: [{source: a, annotations: {b: true, c: 0x10, d: yes}}]\n',
      [
        '/images/0/annotations/b line 2, column 39: is not a string without quotes: write "true"',
        '/images/0/annotations/c line 2, column 48: is not a string without quotes: write "0x10"',
      ],
    ],
    [
      'a merge key',
      'target: app\nimages: [&a {source: a}, {<<: *a}]\n',
      [
        expect.stringContaining('/images/1 line 2, column 27: has the merge key <<'),
        '/images/1 line 2, column 26: has no "source"',
      ].toReversed(),
    ],
    [
      'an alias without an anchor',
      'target: *app\nimages: [{source: a}]\n',
      ['/target line 1, column 9: is the alias "app", which has no anchor before it'],
    ],
    [
      'an alias of itself',
      'target: app\nimages: &a [*a]\n',
      ['/images/0 line 2, column 13: is the alias "a", which contains itself'],
    ],
    [
      'tags of other languages',
      'target: !!python/object:os.system app\nimages: [{source: a}]\n',
      [
        expect.stringContaining(
          '/target line 1, column 35: has the unknown tag "tag:yaml.org,2002:python/object',
        ),
      ],
    ],
    [
      'two documents',
      'target: a\n---\ntarget: b\n',
      [expect.stringContaining(' line 2, column 1: a second document')],
    ],
    [
      'several syntax errors',
      'target: [a\nimages: }\n',
      [expect.stringMatching(/^ line 2, column 1: /), expect.stringMatching(/^ line 2, column 9: /)],
    ],
  ])('reports the position of %s', async (_, text, expected) => {
    expect(await problems(text)).toEqual(expected);
  });

  it('prints no control characters', async () => {
    for (const line of await problems('target: "\\x\u001B[31m"\n\u001B[2J: *\u001B[2J\n')) {
      expect(line).not.toMatch(/\p{Cc}/u);
    }
  });

  const deep = (mark: string): string => mark.repeat(200_000);
  const bomb = Array.from({ length: 9 }, (_, level) =>
    level === 0 ? 'a0: &a0 [x, x, x]' : `a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}]`,
  ).join('\n');

  it.each([
    ['aliases that expand exponentially', bomb, 'more than 20000 values'],
    ['nested brackets', deep('['), 'more than 64 levels'],
    ['nested lists', deep('- '), 'more than 64 levels'],
    ['nested mappings', deep('a: '), 'more than 64 levels'],
    ['too many tokens', `[${deep('1,')}]`, 'more than 100000 tokens'],
    ['a file that is too long', '#'.repeat(1_100_000), 'longer than 1048576 characters'],
  ])('survives %s', async (_, text, reason) => {
    await expect(parse(text)).rejects.toThrow(InvalidError);
    await expect(parse(text)).rejects.toThrow(reason);
  });

  it('loads the YAML library only on demand', () => {
    for (const file of ['yaml-text', 'yaml-value', 'assembly-file']) {
      const source = readFileSync(new URL(`../../src/assemble/${file}.ts`, import.meta.url), 'utf8');
      expect(source).not.toMatch(/^import (?!type).* from 'yaml'/m);
    }
  });
});

it.each(['""', '" "', '" linux/amd64"', '"linux"', '{os: "", architecture: amd64}', '[linux]', '7'])(
  'the platform %s is a problem of the file, with its position',
  async (platform) => {
    const found = await problems(
      `target: app:1\nimages:\n  - source: app:1-amd64\n    platform: ${platform}\n`,
    );
    expect(found).toEqual([expect.stringMatching(/^\/images\/0\/platform\S* line 4, column \d+: /)]);
  },
);
