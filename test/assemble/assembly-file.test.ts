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
  it('reads all that a file can say; a template becomes one image for each platform', async () => {
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
    ['line ends of Windows', 'target: app\r\nimages:\r\n- source: a\r\n'],
    ['$schema', '{"$schema": "https://example.com/s.json", "target": "app", "images": [{"source": "a"}]}'],
    ['an older version of YAML, as YAML 1.2', '%YAML 1.1\n---\ntarget: app\nimages: [{source: a}]\n'],
  ])('reads %s', async (_, text) => {
    expect(await parse(text)).toEqual({ target: 'app', tags: [], require: [], images: [{ source: 'a' }] });
  });

  it('finds everything that is wrong in one go, in the order of the text', async () => {
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
      '/tags/0 line 2, column 8: is not text to YAML without quotes: write "1.10"',
      expect.stringContaining('/tags/2 line 2, column 18: invalid reference "-x"'),
      '/formt line 3, column 1: is not a known member',
      expect.stringMatching(
        /^\/images\/0\/source line 5, column 13: .*The placeholders are \{os\}, \{arch\}/,
      ),
      expect.stringMatching(/^\/images\/0\/platforms\/1 line 6, column 30: .*Write both os and architecture/),
      '/images/0/platforms/2 line 6, column 37: is linux/amd64, as is /images/0/platforms/0',
      expect.stringContaining('/images/1/source line 7, column 13: stands for several images'),
      expect.stringContaining('/images/2/platform line 9, column 15: "linux/amd46" is no known os'),
      '/images/2/extra line 10, column 5: is not a known member',
      '/images/3 line 11, column 5: has no "source"',
      '/images/3/platform line 11, column 15: has no "architecture"',
      '/require line 12, column 10: must be an array',
    ]);
  });

  it('says the first problem and how many more there are, under the name that it was given', async () => {
    await expect(parse('target: app\ntag: x\nimages: []\n')).rejects.toThrow(
      'app.yaml is not a valid assembly file: line 2, column 1: is not a known member (and 1 more)',
    );
  });

  const withImages = (images: string): string => `target: app\nimages:\n${images}`;

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
      ['/images/0/platform line 3, column 34: is for one image, but "platforms" stands for several'],
    ],
    [
      'a template that makes no reference',
      "- {source: 'a:{variant}', platforms: [linux/amd64]}",
      [expect.stringContaining('/images/0/source line 3, column 12: invalid reference "a:"')],
    ],
  ])('refuses %s', async (_, images, expected) => {
    expect(await problems(withImages(images))).toEqual(expected);
  });

  it.each([
    ['two of Windows, whose versions the images say', 'windows/amd64', 'windows/amd64'],
    ['two of arm, whose variants the images say', 'linux/arm', 'linux/arm'],
    ['amd64 and a later level of it', 'linux/amd64', 'linux/amd64/v3'],
  ])('takes %s', async (_, one, other) => {
    const text = withImages(`- {source: a, platform: ${one}}\n- {source: b, platform: ${other}}`);
    expect((await parse(text)).images).toHaveLength(2);
  });

  it('takes one index in two parts', async () => {
    const text = withImages(
      '- {source: a, platforms: [linux/amd64]}\n- {source: a, platforms: [linux/arm64]}',
    );
    expect((await parse(text)).images.map(({ source }) => source)).toEqual(['a', 'a']);
  });

  it('refuses annotations in a Docker manifest list, and names the way out', async () => {
    const text =
      'target: app\nformat: docker\nannotations: {a: b}\nimages: [{source: a, annotations: {c: d}}]\n';
    const reason = 'cannot be held by a Docker manifest list: leave them out, or use the format "oci"';
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
      'a name twice',
      'target: app\nimages: [{source: a}]\n"target": b\n',
      ['/target line 3, column 1: is there twice, first on line 1'],
    ],
    [
      'a name that is not text',
      'target: app\nimages: [{source: a}]\nannotations: {1.10: x}\n',
      ['/annotations line 3, column 15: has "1.10" for a name, which is not text to YAML: put it in quotes'],
    ],
    [
      'true and numbers for texts',
      'target: app\nimages: [{source: a, annotations: {b: true, c: 0x10, d: yes}}]\n',
      [
        '/images/0/annotations/b line 2, column 39: is not text to YAML without quotes: write "true"',
        '/images/0/annotations/c line 2, column 48: is not text to YAML without quotes: write "0x10"',
      ],
    ],
    [
      'a merge key',
      'target: app\nimages: [&a {source: a}, {<<: *a}]\n',
      [
        expect.stringContaining('/images/1 line 2, column 27: holds the merge key <<'),
        '/images/1 line 2, column 26: has no "source"',
      ].toReversed(),
    ],
    [
      'an alias of nothing',
      'target: *app\nimages: [{source: a}]\n',
      ['/target line 1, column 9: is the alias "app", but nothing before it has that name'],
    ],
    [
      'an alias of itself',
      'target: app\nimages: &a [*a]\n',
      ['/images/0 line 2, column 13: is the alias "a", but it is within what it stands for'],
    ],
    [
      'types of other languages',
      'target: !!python/object:os.system app\nimages: [{source: a}]\n',
      [expect.stringContaining('/target line 1, column 35: has the type "tag:yaml.org,2002:python/object')],
    ],
    [
      'two documents',
      'target: a\n---\ntarget: b\n',
      [expect.stringContaining(' line 2, column 1: a second document')],
    ],
    [
      'mistakes in the grammar, all of them',
      'target: [a\nimages: }\n',
      [expect.stringMatching(/^ line 2, column 1: /), expect.stringMatching(/^ line 2, column 9: /)],
    ],
  ])('says where there is %s', async (_, text, expected) => {
    expect(await problems(text)).toEqual(expected);
  });

  it('repeats nothing that a terminal would obey', async () => {
    for (const line of await problems('target: "\\x\u001B[31m"\n\u001B[2J: *\u001B[2J\n')) {
      expect(line).not.toMatch(/\p{Cc}/u);
    }
  });

  const deep = (mark: string): string => mark.repeat(200_000);
  const bomb = Array.from({ length: 9 }, (_, level) =>
    level === 0 ? 'a0: &a0 [x, x, x]' : `a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}]`,
  ).join('\n');

  it.each([
    ['aliases that grow without end', bomb, 'more than 20000 values'],
    ['brackets without end', deep('['), 'too many levels'],
    ['lists in lists', deep('- '), 'too many levels'],
    ['names in names', deep('a: '), 'too many levels'],
    ['more than anyone writes', `[${deep('1,')}]`, 'more than 100000 words and marks'],
    ['a longer file than anyone has', '#'.repeat(1_100_000), 'longer than 1048576 characters'],
  ])('survives %s', async (_, text, reason) => {
    await expect(parse(text)).rejects.toThrow(InvalidError);
    await expect(parse(text)).rejects.toThrow(reason);
  });

  it('is the only one to load the YAML reader, and only where there is something to read', () => {
    for (const file of ['yaml-text', 'yaml-value', 'assembly-file']) {
      const source = readFileSync(new URL(`../../src/assemble/${file}.ts`, import.meta.url), 'utf8');
      expect(source).not.toMatch(/^import (?!type).* from 'yaml'/m);
    }
  });
});
