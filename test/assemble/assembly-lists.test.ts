import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { parseAssemblies, parseAssembly } from '../../src/assemble/assembly-file.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { parseReferenceIfValid } from '../../src/oci/reference.js';
import { failureOf } from '../support/failure.js';
import { problemLines } from '../support/problem-lines.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const parse = (text: string): ReturnType<typeof parseAssemblies> => parseAssemblies(text, 'app.yaml');

describe('parseAssemblies', () => {
  it('reads the lists of a file in order, with aliases between them', async () => {
    const text = `lists:
  - target: app:1
    tags: [latest]
    require: &both [linux/amd64, linux/arm64]
    images:
      - { source: 'app:1-{arch}', platforms: *both }
  - target: tools:1
    require: *both
    images: [{ source: tools:1-all }]
`;
    const [app, tools, ...others] = await parse(text);
    expect(others).toEqual([]);
    expect(app).toMatchObject({ target: 'app:1', tags: ['latest'] });
    expect(app.images.map(({ source }) => source)).toEqual(['app:1-amd64', 'app:1-arm64']);
    expect(tools).toMatchObject({ target: 'tools:1', tags: [], require: app.require });
  });

  it('reads a file with one list in both forms', async () => {
    const list = `target: app, images: [{ source: a }]`;
    expect(await parse(`{ lists: [{ ${list} }] }`)).toEqual(await parse(`{ ${list} }`));
    expect(await parseAssembly(`{ lists: [{ ${list} }] }`, 'x')).toMatchObject({ target: 'app' });
  });

  it('parseAssembly rejects several lists', async () => {
    const text =
      '{ lists: [{ target: a, images: [{ source: x }] }, { target: b, images: [{ source: x }] }] }';
    const error = await failureOf(parseAssembly(text, 'app.yaml'), ArgumentError);
    expect(error.message).toBe('app.yaml has 2 lists, and only one can be used here');
  });

  it.each<[text: string, problems: string[]]>([
    ['{ lists: [] }', ['/lists line 1, column 10: must have 1 or more elements']],
    ['{ lists: x }', ['/lists line 1, column 10: must be an array']],
    ['{ lists: [x] }', ['/lists/0 line 1, column 11: must be an object']],
    [
      '{ lists: [{}] }',
      ['/lists/0 line 1, column 11: has no "target"', '/lists/0 line 1, column 11: has no "images"'],
    ],
    [
      '{ target: a, lists: [{ target: b, images: [{ source: x }] }] }',
      ['/target line 1, column 11: is a member of one list: move it into each of "lists"'],
    ],
    [
      '{ lists: [{ target: a, images: [{ source: x }], lists: [] }] }',
      ['/lists/0/lists line 1, column 49: is not a known member'],
    ],
    [
      `lists:
  - { target: 'app:1', tags: [latest, '1.0'], images: [{ source: a }, { source: a }] }
  - { target: 'docker.io/library/app:1.0', format: docker, annotations: { a: b }, images: [{ source: 'A B' }] }
  - { target: 'tools:1', tags: ['app:latest', '1'], require: [arm64], images: [{ source: c, platform: linux/x }] }
`,
      [
        '/lists/0/images/1 line 2, column 71: is the same image as /lists/0/images/0',
        '/lists/1/target line 3, column 15: is docker.io/library/app:1.0, as is /lists/0/tags/1',
        expect.stringMatching(
          /^\/lists\/1\/annotations line 3, column \d+: are not supported by a Docker manifest list/,
        ),
        expect.stringMatching(/^\/lists\/1\/images\/0\/source line 3, column \d+: invalid/),
        '/lists/2/tags/0 line 4, column 33: is docker.io/library/app:latest, as is /lists/0/tags/0',
        expect.stringMatching(/^\/lists\/2\/require\/0 line 4, column \d+: "arm64" is only part/),
        expect.stringMatching(
          /^\/lists\/2\/images\/0\/platform line 4, column \d+: "linux\/x" is not a known os/,
        ),
      ] as string[],
    ],
    [
      "{ lists: [{ target: 'oci:d', images: [{ source: x }] }, { target: 'oci:d:latest', images: [{ source: x }] }] }",
      [
        expect.stringContaining('/lists/1/target line 1, column 67: is oci:d:latest, as is /lists/0/target'),
      ] as string[],
    ],
  ])('reports the problems of %.60s', async (text, problems) => {
    expect(await problemLines(() => parse(text))).toEqual(problems);
  });
});

/** The patterns of the schema, as editors use them. */
const { $defs } = JSON.parse(
  readFileSync(new URL('../../schemas/assembly.schema.json', import.meta.url), 'utf8'),
) as { readonly $defs: Readonly<Record<string, { readonly pattern?: string }>> };

function matches(name: string, text: string): boolean {
  return new RegExp($defs[name]?.pattern ?? '(?!)', 'u').test(text);
}

const DIGEST = `sha256:${'a'.repeat(64)}`;
const REFERENCES = [
  'app',
  'app:1.2',
  `app@${DIGEST}`,
  `app:1@${DIGEST}`,
  'team/app__x/a-b--c.d:V_1.x-y',
  'localhost:5000/app:1',
  '[::1]:5000/app',
  'Registry.Example.com/team/app',
  'oci:DIR with spaces:1.2',
  'oci-archive:C:\\x\\app.tar:1',
  'docker://app:1',
  'docker-daemon:app:1',
  'oci-layout:///srv/x',
];
const VARIABLES = ['$IMAGE', '${IMAGE}:1.2', 'app:${VERSION:-a b}', 'app:1.2-{arch}'];
const BAD = [
  '',
  ' app',
  'app:',
  'a/App',
  'https://a.example/app',
  'a b',

  'app::1',
  'app@sha256',
  '/app',
  '-app',
];

describe('the patterns of the schema', () => {
  it.each(['reference', 'source', 'tag'])('%s accepts names and variables', (name) => {
    expect([...REFERENCES, ...VARIABLES].filter((text) => !matches(name, text))).toEqual([]);
  });

  it.each(['reference', 'source'])('%s rejects what is no name', (name) => {
    expect(BAD.filter((text) => matches(name, text))).toEqual([]);
  });

  it('source accepts a digest alone, tag a tag', () => {
    expect(matches('source', DIGEST)).toBe(true);
    expect(['latest', '1.2', 'v1_2-x', '1.2+b5'].filter((text) => !matches('tag', text))).toEqual([]);
    expect(['', '-x', '.x', 'a b'].filter((text) => matches('tag', text))).toEqual([]);
  });

  it.each(['platformName', 'platform'])('%s accepts platforms and variables', (name) => {
    const good = [
      'linux/amd64',
      'linux/arm/v7',
      'windows(10.0.17763)/amd64',
      'Linux/X86_64',
      '$P',
      'linux/${ARCH}',
    ];
    expect(good.filter((text) => !matches(name, text))).toEqual([]);
    const bad = [
      '',
      ' linux/amd64',
      'linux',
      'amd64',
      'linux/',
      '/amd64',
      'linux/arm/v7/x',
      'linux/amd64,linux/arm64',
      'linux amd64',
    ];
    expect(bad.filter((text) => matches(name, text))).toEqual([]);
  });
});

describeVectors('the patterns of the schema, with the vectors', () => {
  it('accept every reference and platform that is valid', () => {
    const inputs = vectorJson<{ input: unknown }[]>('refs.json').flatMap(({ input }) =>
      typeof input === 'string' ? [input] : [],
    );
    const valid = inputs.filter((input) => parseReferenceIfValid(input) !== undefined);
    expect(valid.length).toBeGreaterThan(50);
    expect(valid.filter((input) => !matches('reference', input) || !matches('source', input))).toEqual([]);
    const platforms =
      JSON.stringify(vectorJson('platforms.json')).match(/"[a-z]+\/[A-Za-z0-9_.()/]+"/g) ?? [];
    const known = platforms.map((text) => JSON.parse(text) as string).filter(isPlatform);
    expect(known.length).toBeGreaterThan(5);
    expect(known.filter((text) => !matches('platformName', text))).toEqual([]);
  });
});

function isPlatform(text: string): boolean {
  try {
    return parsePlatform(text) !== undefined;
  } catch {
    return false;
  }
}
