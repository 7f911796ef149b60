import { PassThrough } from 'node:stream';

import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';

import { diffTableLines } from '../../../src/cli/output/diff-table.js';
import { screenOf } from '../../../src/cli/output/terminal.js';
import type { Descriptor } from '../../../src/oci/descriptor.js';
import { diffIndexes, type Comparable } from '../../../src/oci/diff-index.js';
import { digestOf } from '../../../src/oci/digest.js';
import { DOCKER_LIST, OCI_INDEX } from '../../../src/oci/media-type.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { parsePlatform } from '../../../src/oci/platform.js';
import { attestation, image } from '../../support/drafts.js';
import { indexOf } from '../../support/indexes.js';

/** Not a terminal. */
const PIPE = screenOf({ stdout: new PassThrough(), env: {} });
const NAMES = { before: 'app:1', after: 'app:2 (draft)' };
const { descriptor: amd64 } = image('amd64', 'linux/amd64');
const { descriptor: newAmd64 } = image('newer amd64', 'linux/amd64');
const { descriptor: arm64 } = image('arm64', 'linux/arm64');
const { descriptor: armv7 } = image('armv7', 'linux/arm/v7');
const about = (name: string): Descriptor => attestation(name).descriptor;

function table(before: Comparable, after: Comparable, color = false): readonly string[] {
  return diffTableLines(diffIndexes(before, after), NAMES, createColors(color), PIPE);
}

/** The rows below the titles, each as its cells. */
function rows(before: Comparable, after: Comparable): string[][] {
  const lines = table(before, after);
  return lines
    .slice(lines.findIndex((line) => line.startsWith('CHANGE')) + 1)
    .map((line) => line.split(/ {3,}/));
}

describe('diffTableLines', () => {
  it('reports no difference', () => {
    const index = indexOf([amd64]);
    expect(table(index, index)).toEqual([
      `Before:   app:1           ${index.digest}`,
      `After:    app:2 (draft)   ${index.digest}`,
      '',
      'The two are identical.',
    ]);
  });

  it('reports that only the JSON formatting differs', () => {
    const index = indexOf([amd64]);
    const compact = JSON.stringify(JSON.parse(Buffer.from(index.bytes).toString()));
    expect(table(index, parseDocument(Buffer.from(compact)) as Comparable).slice(3)).toEqual([
      'The two differ only in their JSON formatting; their content is the same.',
    ]);
  });

  it('lists added and removed entries, and changed values', () => {
    const before = indexOf([amd64, armv7, about('amd64')]);
    const after = indexOf([newAmd64, about('newer amd64'), arm64], { annotations: { version: '2' } });
    expect(table(before, after)).toEqual([
      `Before:   app:1           ${before.digest}`,
      `After:    app:2 (draft)   ${after.digest}`,
      '',
      'CHANGE    ENTRY                        FIELD                VALUE',
      `changed   the index                    annotation version   + 2`,
      `added     linux/arm64                  digest               ${arm64.digest} (${arm64.size} B)`,
      `removed   linux/arm/v7                 digest               ${armv7.digest} (${armv7.size} B)`,
      `changed   linux/amd64                  digest               - ${amd64.digest}`,
      `                                                            + ${newAmd64.digest}`,
      `                                       size                 - ${amd64.size}`,
      `                                                            + ${newAmd64.size}`,
      `changed   attestation of linux/amd64   digest               - ${about('amd64').digest}`,
      `                                                            + ${about('newer amd64').digest}`,
      `                                       size                 - ${about('amd64').size}`,
      `                                                            + ${about('newer amd64').size}`,
    ]);
  });

  it('shows a changed order of entries', () => {
    expect(rows(indexOf([amd64, armv7, arm64]), indexOf([arm64, amd64]))).toEqual([
      ['removed', 'linux/arm/v7', 'digest', `${armv7.digest} (${armv7.size} B)`],
      ['moved', 'the index', 'order', '- linux/amd64, linux/arm64'],
      ['', '+ linux/arm64, linux/amd64'],
    ]);
  });

  it('shows digests if the moved entries have the same platform', () => {
    const short = ({ digest }: Descriptor): string => `linux/amd64 (${digest.slice(0, 19)})`;
    expect(rows(indexOf([amd64, newAmd64]), indexOf([newAmd64, amd64]))).toEqual([
      ['moved', 'the index', 'order', `- ${short(amd64)}, ${short(newAmd64)}`],
      ['', `+ ${short(newAmd64)}, ${short(amd64)}`],
    ]);
  });

  it.each<[what: string, before: Partial<Descriptor>, after: Partial<Descriptor>, shown: string[][]]>([
    [
      'the spelling of a platform',
      { platform: parsePlatform('linux/arm64') },
      { platform: parsePlatform('linux/arm64/v8') },
      [
        ['changed', 'linux/arm64/v8', 'platform', '- linux/arm64'],
        ['', '+ linux/arm64/v8'],
      ],
    ],
    [
      'an order that the platform as shown does not have',
      { platform: { os: 'linux', architecture: 'amd64', 'os.features': ['b', 'a'] } },
      { platform: { os: 'linux', architecture: 'amd64', 'os.features': ['a', 'b'] } },
      [
        [
          'changed',
          'linux(+a+b)/amd64',
          'platform',
          '- {"os":"linux","architecture":"amd64","os.features":["b","a"]}',
        ],
        ['', '+ {"os":"linux","architecture":"amd64","os.features":["a","b"]}'],
      ],
    ],
    [
      'what came and what went',
      { annotations: { a: '1' } },
      { urls: ['https://a.example/', 'https://b.example/'] },
      [
        ['changed', 'linux/amd64', 'urls', '+ https://a.example/, https://b.example/'],
        ['', 'annotation a', '- 1'],
      ],
    ],
    [
      'white space',
      { annotations: { a: 'one\ntwo' } },
      { annotations: { a: 'one two' } },
      [
        ['changed', 'linux/amd64', 'annotation a', '- "one\\ntwo"'],
        ['', '+ "one two"'],
      ],
    ],
    [
      'the beginning of a long text',
      {},
      { annotations: { a: 'x'.repeat(161) } },
      [['changed', 'linux/amd64', 'annotation a', `+ ${'x'.repeat(160)}…`]],
    ],
  ])('shows %s', (_what, before, after, shown) => {
    expect(rows(indexOf([{ ...amd64, ...before }]), indexOf([{ ...amd64, ...after }]))).toEqual(shown);
  });

  it('shows a sha512 digest in full', () => {
    const digest = digestOf(Buffer.from('x'), 'sha512');
    expect(rows(indexOf([amd64]), indexOf([{ ...amd64, digest }]))[1]?.at(-1)).toBe(`+ ${digest}`);
  });

  it('shows the type of entries that are not images', () => {
    const chart = image('chart', undefined, { artifactType: 'application/vnd.example.chart' }).descriptor;
    const nested = image('list', undefined, { mediaType: OCI_INDEX }).descriptor;
    const names = rows(indexOf([]), indexOf([chart, nested, about('gone')])).map(([, name]) => name);
    expect(names).toEqual(['artifact application/vnd.example.chart', 'index', 'attestation']);
  });

  it('shows another subject by its digest', () => {
    const rest = { artifactType: 'application/a' };
    expect(rows(indexOf([], { ...rest, subject: amd64 }), indexOf([], { mediaType: DOCKER_LIST }))).toEqual([
      ['changed', 'the index', 'mediaType', `- ${OCI_INDEX}`],
      ['', `+ ${DOCKER_LIST}`],
      ['', 'artifactType', '- application/a'],
      ['', 'subject', `- ${amd64.digest}`],
    ]);
  });

  it('prints no control characters from documents', () => {
    const hostile = {
      ...amd64,
      platform: { os: 'linux\u009b31m', architecture: 'amd64\u001b[2J' },
      annotations: { 'a\u001b[2J': 'b\u001b[2J' },
    };
    const plain = { ...hostile, annotations: {} };
    const shown = [
      ...table(indexOf([hostile]), indexOf([plain])),
      ...table(indexOf([]), indexOf([{ ...hostile, artifactType: '\u001b[2J' }])),
      ...table(indexOf([hostile, arm64]), indexOf([arm64, hostile])),
    ].join('\n');
    expect(shown).toContain('linux 31m/amd64 [2J');
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('is coloured if colours are enabled', () => {
    const { green, red, yellow } = createColors(true);
    const shown = table(indexOf([amd64, armv7]), indexOf([newAmd64, arm64]), true).join('\n');
    for (const name of [green('added'), red('removed'), yellow('changed')]) expect(shown).toContain(name);
    expect(shown).toContain(red(`- ${amd64.digest}`));
    expect(shown).toContain(green(`+ ${newAmd64.digest}`));
  });
});
