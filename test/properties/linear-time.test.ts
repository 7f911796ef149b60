import { describe, expect, it } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { selectEntries } from '../../src/assemble/select-entries.js';
import { expandTemplate, fillBarePlaceholders, isTemplate } from '../../src/assemble/template.js';
import {
  decodeAuthField,
  loginKeyHost,
  parseCredentialFile,
} from '../../src/auth/credentials/credential-file.js';
import { withMember, withoutMember } from '../../src/auth/login/json-edit.js';
import { parseChallenges } from '../../src/auth/requests/challenge.js';
import { mergeScopes } from '../../src/auth/requests/scope.js';
import { isFileName } from '../../src/cli/input/input.js';
import { parseAnnotationTargets } from '../../src/cli/input/addressed-annotation.js';
import { indentJson } from '../../src/cli/output/indent-json.js';
import { shownJson, shownLine } from '../../src/cli/output/shown-text.js';
import { annotateEntries } from '../../src/drafts/annotate.js';
import { formatDraft, parseDraft } from '../../src/drafts/draft-file.js';
import { draftProblems } from '../../src/drafts/draft-problems.js';
import { addEntries, amendSource, createDraft, removeEntries } from '../../src/drafts/edits.js';
import { parseErrorText } from '../../src/http/error-text.js';
import { redactHeaders } from '../../src/http/redact.js';
import { parseWarnings } from '../../src/http/warning-header.js';
import { chooseImage } from '../../src/layout/docker-save/image-selection.js';
import { parseManifestJson } from '../../src/layout/docker-save/manifest-json.js';
import { choices, findTag, parseLayoutIndex } from '../../src/layout/core/layout-index.js';
import { parsePaxRecords } from '../../src/layout/tar/tar-headers.js';
import { TarPathIndex } from '../../src/layout/tar/tar-path-index.js';
import { diffIndexes } from '../../src/oci/diff-index.js';
import { printable } from '../../src/oci/errors.js';
import { parseImageConfig } from '../../src/oci/image-config.js';
import { parseImageLocation } from '../../src/oci/image-location.js';
import { parseJson } from '../../src/oci/json.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { serialiseIndex } from '../../src/oci/serialise.js';
import { documentWarnings, validateDocument } from '../../src/oci/validate.js';
import { pushReport } from '../../src/publish/push-report.js';
import { at } from '../support/test-multiarch.js';

/** Work on an input of a size: bytes for a text, entries for a list. */
type Work = (size: number) => unknown;

/** A text of a size that repeats a piece. */
const repeat = (piece: string, size: number): string => piece.repeat(Math.ceil(size / piece.length));

const digest = (number: number): string => `sha256:${number.toString(16).padStart(64, '0')}`;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const AMD64 = { architecture: 'amd64', os: 'linux' };
const failing = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const listOf = (count: number, entry: (number: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, number) => ({
    mediaType: MANIFEST,
    digest: digest(number),
    size: 1,
    platform: AMD64,
    ...entry(number),
  }));
const attestation = (number: number, count: number): object =>
  number < count / 2
    ? { platform: { ...AMD64, variant: `v${number}` } }
    : {
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': digest(count - number - 1),
        },
      };
const indexOf = (count: number, entry?: (number: number) => object) =>
  parseDocument(bytesOf({ schemaVersion: 2, mediaType: INDEX, manifests: listOf(count, entry) })) as never;

const entriesOf = (count: number, entry?: (number: number) => object) =>
  listOf(count, entry).map((descriptor) => ({ descriptor })) as never[];
const draftOf = (count: number, entry?: (number: number) => object) =>
  addEntries(createDraft(at('example.com/app:1')), at('example.com/app:2'), entriesOf(count, entry));

const TEXTS: Readonly<Record<string, Work>> = {
  'template: separators': (n) => failing(() => expandTemplate(`${repeat('-', n)}{arch}`, [AMD64])),
  'template: separators 2': (n) =>
    failing(() => expandTemplate(`{variant}${repeat('-._', n)}{arch}`, [AMD64])),
  'template: braces': (n) => isTemplate(repeat('{', n)),
  'template: bare': (n) => fillBarePlaceholders(repeat('ARCHOS', n) + 'A', AMD64),
  'template: variant': (n) => failing(() => expandTemplate(repeat('{variant}', n), [AMD64])),
  'reference: slashes': (n) => failing(() => parseImageLocation(`a${repeat('/', n)}b`)),
  'reference: dashes': (n) => failing(() => parseImageLocation(`a/${repeat('a-', n)}/${repeat('_', n)}`)),
  'reference: at': (n) => failing(() => parseImageLocation(repeat('a@', n))),
  'reference: digest': (n) => failing(() => parseImageLocation(`a@${repeat('sha256:', n)}`)),
  'oci: slashes': (n) => failing(() => parseImageLocation(`oci:a${repeat('/', n)}b`)),
  'oci: ends': (n) => failing(() => parseImageLocation(`oci:a:${repeat('/@sha1:', n)}`)),
  'oci: colons': (n) => failing(() => parseImageLocation(`oci:a${repeat('/:', n)}`)),
  'layout url': (n) => failing(() => parseImageLocation(`ocidir://a${repeat('/', n)}b`)),
  'layout url 2': (n) => failing(() => parseImageLocation(`ocidir://${repeat(':a@a', n)}`)),
  'object url': (n) => failing(() => parseImageLocation(`(${repeat(')', n)}`)),
  platform: (n) => failing(() => parsePlatform(`linux(a${repeat('+a', n)}!)/amd64`)),
  'annotation targets': (n) => failing(() => parseAnnotationTargets([`${repeat('a,', n)}=b`])),
  'annotation targets 2': (n) => failing(() => parseAnnotationTargets([`${repeat('index,', n)}index:a=b`])),
  'annotation targets 3': (n) => failing(() => parseAnnotationTargets([`manifest${repeat('[', n)}:a=b`])),
  'file name': (n) => isFileName(repeat('.json', n) + 'x'),
  'error text: <': (n) => parseErrorText(`<html>${repeat('<', n)}`),
  'error text: script': (n) => parseErrorText(`<html>${repeat('<script>', n)}`),
  'error text: script close': (n) => parseErrorText(`<html>${repeat('<script></style>', n)}`),
  'error text: urls': (n) => parseErrorText(JSON.stringify({ message: repeat('http://a ', n) })),
  'error text: urls 2': (n) => parseErrorText(JSON.stringify({ message: repeat('http://', n) })),
  'error text: spaces': (n) => parseErrorText(repeat(' ', n) + 'x'),
  'error text: list': (n) =>
    parseErrorText(
      JSON.stringify({
        errors: repeat('a', n / 10)
          .split('')
          .map((_, i) => ({ code: `x${i}`, message: `m${i}` })),
      }),
    ),
  warnings: (n) => parseWarnings(repeat('299 - "', n)),
  'warnings 2': (n) => parseWarnings(`299 - "${repeat('\\a', n)}`),
  challenge: (n) => parseChallenges([repeat('Bearer a=b,', n)]),
  'challenge 2': (n) => parseChallenges([`Bearer ${repeat('a ', n)}`]),
  'challenge 3': (n) => parseChallenges([`Bearer a="${repeat('\\"', n)}`]),
  'challenge 4': (n) => parseChallenges([`Bearer ${repeat('=', n)}x`]),
  scopes: (n) => mergeScopes(Array.from({ length: n / 20 }, (_, i) => `repository:a${i}:pull`)),
  redact: (n) => redactHeaders({ location: `/a?${repeat('a=b&', n)}` }),
  'auth field': (n) =>
    failing(() => decodeAuthField(Buffer.from(`a:${repeat('\0', n)}x`).toString('base64'), 'x')),
  'login key': (n) => loginKeyHost(`https://${repeat('/', n)}`),
  'credential file': (n) =>
    failing(() =>
      parseCredentialFile(
        JSON.stringify({
          auths: Object.fromEntries(
            Array.from({ length: n / 20 }, (_, i) => [`a${i}.example`, { auth: 'YTpi' }]),
          ),
        }),
        'x',
      ),
    ),
  'login edit': (n) =>
    failing(() =>
      withMember(
        JSON.stringify({
          auths: Object.fromEntries(
            Array.from({ length: n / 20 }, (_, i) => [`a${i}.example`, { auth: 'YTpi' }]),
          ),
        }),
        ['auths', 'b'],
        {},
      ),
    ),
  'login edit 2': (n) =>
    failing(() =>
      withoutMember(
        JSON.stringify({
          auths: Object.fromEntries(
            Array.from({ length: n / 20 }, (_, i) => [`a${i}.example`, { auth: 'YTpi' }]),
          ),
        }),
        ['auths', 'a7.example'],
      ),
    ),
  'login edit 3': (n) => failing(() => withMember(`${repeat('\n ', n)}{}`, ['auths', 'b'], {})),
  'json: string': (n) => parseJson(Buffer.from(JSON.stringify(repeat('a', n)))),
  'json: escapes': (n) => parseJson(Buffer.from(JSON.stringify(repeat('"\\\n', n)))),
  'json: numbers': (n) => parseJson(Buffer.from(`[${repeat('1,', n)}1]`)),
  'json: one number': (n) => parseJson(Buffer.from(repeat('1', n))),
  'json: nested': (n) => failing(() => parseJson(Buffer.from(repeat('[', n)))),
  'json: nested objects': (n) => failing(() => parseJson(Buffer.from(repeat('{"a":', n)))),
  'json: space': (n) => parseJson(Buffer.from(`${repeat(' ', n)}1${repeat(' \n', n)}`)),
  'json: names': (n) =>
    parseJson(
      Buffer.from(JSON.stringify(Object.fromEntries(Array.from({ length: n / 10 }, (_, i) => [i, 0])))),
    ),
  'json: pairs': (n) => parseJson(Buffer.from(`[${repeat('{"a":1},', n)}1]`)),
  'json: line ends': (n) => parseJson(Buffer.from(`[${repeat('\r\n1,', n)}1]`)),
  'json: broken': (n) => failing(() => parseJson(Buffer.from(`[${repeat('\r\n1,', n)}x]`))),
  indent: (n) => indentJson(`[${repeat('[1,{"a":2}],', n)}1]`, '  '),
  'shown line': (n) => shownLine(repeat('\u001B[31m##::\u202E', n), { color: true }),
  'shown line 2': (n) => shownLine(repeat('##a', n)),
  'shown line 3': (n) => shownLine(repeat(' ', n)),
  'shown json': (n) => shownJson(JSON.stringify(repeat('\u202E##vso[', n))),
  printable: (n) => printable(repeat(' \u0000', n)),
  'index: annotation': (n) =>
    parseDocument(bytesOf({ schemaVersion: 2, manifests: [], annotations: { a: repeat('"', n) } })),
  'index: annotations': (n) =>
    serialiseIndex({
      schemaVersion: 2,
      manifests: [],
      annotations: Object.fromEntries(Array.from({ length: n / 10 }, (_, i) => [`a${i}`, '<'])),
    } as never),
  'index: media type': (n) =>
    failing(() =>
      parseDocument(
        bytesOf({
          schemaVersion: 2,
          mediaType: INDEX,
          manifests: [
            {
              mediaType: repeat('a.', n),
              digest: repeat('a-', n),
              size: 1,
              urls: [repeat('a', n)],
              data: repeat('A', n),
            },
          ],
        }),
      ),
    ),
  'index: empty entries': (n) =>
    failing(() =>
      parseDocument(
        Buffer.from(`{"schemaVersion":2,"mediaType":"${INDEX}","manifests":[${repeat('{},', n)}{}]}`),
      ),
    ),
  'index: nulls': (n) =>
    documentWarnings('image-index', {
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ platform: null }],
      [repeat('a', n / 2)]: Array.from({ length: n / 20 }, () => ({ a: null })),
    }),
  'index: unions': (n) =>
    failing(() =>
      validateDocument('image-config', {
        config: {
          Labels: Object.fromEntries(Array.from({ length: n / 10 }, (_, i) => [i, {}])),
          Env: Array.from({ length: n / 10 }, () => 7),
        },
      }),
    ),
  config: (n) =>
    failing(() =>
      parseImageConfig(
        bytesOf({
          ...AMD64,
          created: repeat('1', n),
          config: { Env: [repeat('a', n)] },
          history: Array.from({ length: n / 100 }, () => ({ created: 'x' })),
        }),
      ),
    ),
  features: (n) =>
    failing(() =>
      parseImageConfig(
        bytesOf({ ...AMD64, 'os.features': Array.from({ length: n / 10 }, (_, i) => `f${i}`) }),
      ),
    ),
  'assembly: yaml': async (n) =>
    parseAssembly(`target: a/b:1\nimages:\n${repeat('  - source: a/b:2\n', n / 10)}`, 'x').catch(() => 0),
  'assembly: yaml 2': async (n) =>
    parseAssembly(`# ${repeat('#', n)}\ntarget: ${repeat(' ', n)}a: ${repeat('a', n)}`, 'x').catch(() => 0),
  'assembly: yaml 3': async (n) => parseAssembly(`target: |\n${repeat(' a\n', n)}`, 'x').catch(() => 0),
  'assembly: yaml 4': async (n) => parseAssembly(`target: "${repeat('\\n', n)}`, 'x').catch(() => 0),
  'assembly: yaml 5': async (n) => parseAssembly(`target:\n${repeat('\n', n)}  a`, 'x').catch(() => 0),
  'assembly: yaml 6': async (n) =>
    parseAssembly(`${repeat('a', n / 2)}: [${repeat('0,', Math.min(n / 2, 30_000))}0]\ntarget: a`, 'x').catch(
      () => 0,
    ),
  'assembly: json': async (n) =>
    parseAssembly(
      JSON.stringify({
        target: 'a/b:1',
        images: Array.from({ length: n / 100 }, () => ({ source: 'a/b:2', platforms: ['linux/amd64'] })),
      }),
      'x',
    ).catch(() => 0),
  'manifest.json': (n) =>
    failing(() =>
      parseManifestJson(
        bytesOf([{ Config: repeat('./', n), Layers: [repeat('./', n)], RepoTags: [repeat('a/', n)] }]),
        'x',
      ),
    ),
  pax: (n) => parsePaxRecords(Buffer.from(repeat('6 a=b\n', n))),
  'pax 2': (n) => parsePaxRecords(Buffer.from(repeat('5 ab\n', n))),
};

const LISTS: Readonly<Record<string, Work>> = {
  'draft: one platform': (n) => draftProblems(draftOf(n)),
  'draft: no platform': (n) => draftProblems(draftOf(n, () => ({ platform: undefined }))),
  'draft: variants': (n) =>
    draftProblems(draftOf(n, (number) => ({ platform: { ...AMD64, variant: `x${number}` } }))),
  'draft: annotations': (n) =>
    draftProblems(draftOf(n, (number) => ({ annotations: { 'a.b': `${number}` } }))),
  'draft: amend': (n) =>
    amendSource(
      draftOf(n),
      at('example.com/app:2'),
      entriesOf(n, (number) => ({ digest: digest(number + n) })),
    ),
  'draft: replace': (n) => amendSource(draftOf(n), at('example.com/app:3'), entriesOf(n), { replace: true }),
  'draft: replace others': (n) =>
    amendSource(
      draftOf(n, (i) => ({ platform: { ...AMD64, variant: `x${i}` } })),
      at('example.com/app:3'),
      entriesOf(n, (i) => ({ platform: { ...AMD64, variant: `y${i}` } })),
      { replace: true },
    ),
  'draft: annotate': (n) => {
    const draft = draftOf(n);
    return annotateEntries(draft, draft.entries, { annotations: { a: 'b' } });
  },
  'draft: remove': (n) => removeEntries(draftOf(n), ['linux/amd64']),
  'draft: file': (n) => parseDraft(Buffer.from(formatDraft(draftOf(n))), 'x'),
  'index: check': (n) =>
    validateDocument('image-index', { schemaVersion: 2, mediaType: INDEX, manifests: listOf(n) }),
  'index: invalid': (n) =>
    validateDocument('image-index', {
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: listOf(n, () => ({ size: -1, digest: 'x', platform: { os: 1 } })),
    }),
  'index: warnings': (n) =>
    documentWarnings('image-index', {
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: listOf(n, (i) => ({ annotations: { 'a.b': `${i}` } })),
    }),
  'index: diff': (n) =>
    diffIndexes(
      indexOf(n),
      indexOf(n, (i) => ({ digest: digest(2 * n - i) })),
    ),
  'index: diff attestations': (n) =>
    diffIndexes(
      indexOf(n, (i) => attestation(i, n)),
      indexOf(n),
    ),
  select: (n) =>
    selectEntries(
      entriesOf(n, (i) => attestation(i, n)),
      { platforms: [AMD64] },
    ),
  report: (n) =>
    pushReport({
      document: indexOf(n, (i) => attestation(i, n)),
      publication: { tags: [] } as never,
      destinations: [{ target: { label: 'x' } }],
    }),
  'report: duplicates': (n) =>
    pushReport({
      document: indexOf(n),
      publication: { tags: [] } as never,
      destinations: [{ target: { label: 'x' } }],
    }),
  'layout: choices': (n) =>
    choices({
      manifests: listOf(n, (i) => ({
        annotations: { 'org.opencontainers.image.ref.name': `v${i}` },
      })) as never,
    }),
  'layout: choices 2': (n) =>
    choices({
      manifests: listOf(n, (i) => ({
        annotations: { 'io.containerd.image.name': `example.com/a${i}:1` },
      })) as never,
    }),
  'layout: find': (n) =>
    failing(() =>
      findTag(
        {
          manifests: listOf(n, (i) => ({
            annotations: { 'io.containerd.image.name': `example.com/a${i}:1` },
          })) as never,
        },
        '1' as never,
        'x',
      ),
    ),
  'layout: parse': (n) => parseLayoutIndex(bytesOf({ schemaVersion: 2, manifests: listOf(n) }), 'x'),
  'saved images': (n) =>
    failing(() =>
      chooseImage(
        Array.from({ length: n }, (_, i) => ({ id: digest(i), names: [`a${i}:1`] })) as never[],
        undefined,
        'x',
      ),
    ),
  'tar: names': (n) => {
    const index = new TarPathIndex('x');
    for (let i = 0; i < n; i += 1) index.add({ type: 'file', name: `a/${i}`, target: '', start: 0, size: 0 });
    index.check();
    return index.files();
  },
  'tar: links': (n) => {
    const index = new TarPathIndex('x');
    for (let i = 0; i < n; i += 1)
      index.add({ type: 'symbolic-link', name: `a${i}`, target: `a${i + 1}`, start: 0, size: 0 });
    index.check();
    return index.files();
  },
};

/** In milliseconds of CPU time. Shorter times are mostly noise. */
const MIN_TIME = 2;
/** Ten times the input may take this many times as long. Quadratic work takes a hundred times as long. */
const MAX_RATIO = 40;
const TRIES = 4;
/** The characters of the longest text, and the entries of the longest list. */
const SCALE = Number(process.env['MULTIARCH_LINEAR_SCALE'] ?? 1);
const TEXT_LENGTH = 50_000 * SCALE;
const LIST_LENGTH = 2_500 * SCALE;

/** CPU time rather than elapsed time, and the best of several tries: other processes do not count. */
async function cpuTime(work: Work, size: number): Promise<number> {
  const start = process.cpuUsage();
  await work(size);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

async function expectLinear(work: Work, size: number): Promise<void> {
  let [short, long] = [Infinity, Infinity];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    short = Math.min(short, await cpuTime(work, size / 10));
    long = Math.min(long, await cpuTime(work, size));
    if (long <= MAX_RATIO * Math.max(short, MIN_TIME)) return;
  }
  expect.fail(`an input of ${size} takes ${long} ms, one of ${size / 10} takes ${short} ms`);
}

describe('work on a text is linear in its length', () => {
  it.each(Object.entries(TEXTS))('%s', (_name, work) => expectLinear(work, TEXT_LENGTH), 120_000);
});

describe('work on a list is linear in its length', () => {
  it.each(Object.entries(LISTS))('%s', (_name, work) => expectLinear(work, LIST_LENGTH), 120_000);
});
