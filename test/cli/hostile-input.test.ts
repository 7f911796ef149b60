import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { formatDraft, parseDraft } from '../../src/drafts/draft-file.js';
import { addEntries, createDraft } from '../../src/drafts/edits.js';
import type { Digest } from '../../src/oci/digest.js';
import { InvalidError } from '../../src/oci/errors.js';
import { OCI_INDEX } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import { validateDocument } from '../../src/oci/validate.js';
import { thrownBy } from '../support/failure.js';
import { amd64 } from '../support/images.js';
import { makeCommandLine, startCommandLine } from '../support/in-process.js';
import { at } from '../support/test-multiarch.js';

const { mediaType, digest, size } = amd64.manifest;
const platform = { architecture: 'amd64', os: 'linux' };
const entry = { mediaType, digest, size, platform };

const index = (manifests: readonly unknown[], members: object = {}): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...members });
/** An entry with other members, as JSON text: an object literal cannot have a member `__proto__`. */
const raw = (members: string): string =>
  index(['?']).replace('"?"', `{"mediaType":"${mediaType}","digest":"${digest}","size":${size},${members}}`);
const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;

const DOCUMENTS: Readonly<Record<string, string>> = {
  'an annotation of escapes': index([entry], { annotations: { a: '"\\'.repeat(50_000) } }),
  'an entry of escapes': index([{ ...entry, annotations: { a: '\u0001'.repeat(50_000) } }]),
  'a long annotation key': index([entry], { annotations: { ['k'.repeat(100_000)]: '' } }),
  'a long os': index([{ ...entry, platform: { ...platform, os: 'x'.repeat(100_000) } }]),
  'a long media type': index([{ ...entry, mediaType: `a/${'b'.repeat(100_000)}` }]),
  'a long digest': index([{ ...entry, digest: `sha256:${'a'.repeat(100_000)}` }]),
  'a digest of many parts': index([{ ...entry, digest: `${'x-'.repeat(100_000)}x:a` }]),
  'a long URL': index([{ ...entry, urls: [`a:${'b'.repeat(100_000)}`] }]),
  'many features': index([
    { ...entry, platform: { ...platform, 'os.features': Array.from({ length: 5_000 }, (_, i) => `f${i}`) } },
  ]),
  'deep arrays': nested(20_000),
  'deep objects': `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  'a huge number': raw('"size2":1').replace(`"size":${size}`, `"size":${'9'.repeat(5000)}`),
  'an infinite number': raw('"size2":1').replace(`"size":${size}`, '"size":1e400'),
  'a fraction': raw('"size2":1').replace(`"size":${size}`, '"size":0.5'),
  'the member __proto__': `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"__proto__":{"manifests":1}}`,
  'the member constructor': `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"constructor":1,"toString":1}`,
  'the annotation __proto__': raw('"annotations":{"__proto__":"x","constructor":"y","hasOwnProperty":"z"}'),
  'the platform __proto__': raw(
    '"platform":{"os":"__proto__","architecture":"constructor","variant":"toString"}',
  ),
  'NUL in values': index([{ ...entry, platform: { os: 'a\0', architecture: '\0' } }], {
    annotations: { '\0': '\0' },
  }),
  'a draft of many values': JSON.stringify({
    version: 1,
    target: 'a'.repeat(10_000),
    format: 'auto',
    entries: Array.from({ length: 2_000 }, () => 1),
  }),
  'an assembly file of many images': JSON.stringify({
    target: 'a/b:1',
    images: Array.from({ length: 2_000 }, () => ({})),
  }),
  'an assembly file of odd platforms': JSON.stringify({
    target: 'a/b:1',
    images: [{ source: 'a/b:2', platforms: ['__proto__/constructor', 'toString/valueOf'] }],
  }),
  'a long name above many values in YAML': `target: a/b:1\n${'n'.repeat(50_000)}: [${'0,'.repeat(2_000)}0]\n`,
};

/** Ends with success, or with an error of this program that says what to do or where the mistake is. */
function expectHandled({ code, stderr }: { code: number; stderr: string }, name: string): void {
  expect(stderr, name).not.toContain('bug in multiarch');
  if (code !== 0 && code !== 1) expect(stderr, name).toMatch(/^(?:hint: |error: .*\n {2}[/(]|error: .+)/m);
}

describe('odd documents end with success or an error of this program', () => {
  it.each(Object.entries(DOCUMENTS))('%s', async (name, text) => {
    const { registry, app, run, directory } = await startCommandLine({ images: { amd64 } });
    registry.putManifest('app', Buffer.from(text), OCI_INDEX, 'odd');
    const file = join(directory, 'odd.json');
    await writeFile(file, text);
    for (const argv of [
      ['validate', file],
      ['inspect', `${app}:odd`, '--format', 'tree'],
      ['create', `${app}:1`, `${app}:odd`],
      ['create', `${app}:2`, '--file', file],
    ]) {
      const result = await run(argv);
      expectHandled(result, `${name}: ${argv[0]}`);
      expect(result.stderr.length).toBeLessThan(2_000_000);
    }
  });

  it('with more mistakes than a call can have arguments', () => {
    const text = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${'{},'.repeat(130_000)}{}]}`;
    expect(thrownBy(() => parseDocument(Buffer.from(text)))).toBeInstanceOf(InvalidError);
  });

  it('of which only the first thousand mistakes are listed', () => {
    const manifests = Array.from({ length: 2_000 }, () => ({}));
    const problems = validateDocument('image-index', { schemaVersion: 2, mediaType: OCI_INDEX, manifests });
    expect(problems).toHaveLength(1001);
    expect(problems.at(-1)).toEqual({
      pointer: '',
      message: 'has more than 1000 mistakes, of which the others are not listed',
      rule: 'document/mistakes',
    });
  });

  it('of which very many tolerated mistakes hide no other', () => {
    const odd = { ...entry, mediaType: 'odd' };
    const manifests = [...Array.from({ length: 2_000 }, () => odd), { ...entry, size: -1 }];
    const tolerated = new Set(['schema/pattern']);
    const problems = validateDocument('image-index', { schemaVersion: 2, manifests }, tolerated);
    expect(problems.map(({ pointer }) => pointer)).toEqual(['/manifests/2000/size']);
    expect(
      validateDocument('image-index', { schemaVersion: 2, manifests: manifests.slice(0, 2_000) }, tolerated),
    ).toEqual([]);
  });
});

describe('odd names end with an error of this program', () => {
  const long = 'x'.repeat(5_000);

  it.each([
    [['inspect', long]],
    [['inspect', `example.com/${'a/'.repeat(50_000)}b`]],
    [['inspect', `example.com/a:${long}`]],
    [['inspect', `oci:${long}:1`]],
    [['inspect', 'oci:a\0b:1']],
    [['inspect', `oci-archive:${long}`]],
    [['inspect', `docker-archive:${long}`]],
    [['validate', `/${long}`]],
    [['validate', './a\0b.json']],
    [['create', 'example.com/a:1', 'oci:a\0b']],
    [['create', 'example.com/a:1', '--file', 'a\0b']],
    [['create', 'example.com/a:1', '--file', long]],
    [['create', 'example.com/a:1', 'example.com/b:1', '--annotation', `${'a,'.repeat(50_000)}=b`]],
    [['create', 'example.com/a:1', `example.com/b:${'-'.repeat(50_000)}{arch}`, '--platform', 'linux/amd64']],
    [['push', 'example.com/a:1', '--digest-file', `/${long}/x`]],
    [['push', 'example.com/a:1', '--metadata-file', 'a\0b/c']],
    [['inspect', 'example.com/a:1', '--cacert', 'a\0b']],
    [['inspect', 'example.com/a:1', '--authfile', 'a\0b']],
    [['inspect', 'example.com/a:1', '--authfile', long]],
    [['ls', '--store', long]],
    [['ls', '--store', 'a\0b']],
    [['ls', '--timeout', '9'.repeat(5_000)]],
    [['ls', '--concurrency', '9'.repeat(5_000)]],
    [['ls', `--${long}`]],
    [['__proto__']],
    [['ls', '--__proto__', 'x']],
    [['ls', '--constructor=1']],
    [['inspect', 'example.com/a:1', '--platform', '__proto__/constructor']],
  ])('%#', async (argv) => {
    const { run, directory } = await makeCommandLine();
    const result = await run(argv, { env: { HOME: directory } });
    expect(result.stderr).not.toContain('bug in multiarch');
    expect(result.stderr).toMatch(/^(?:error|warning): /m);
  });

  it.each([long, '__proto__', 'a b', '../x', ''])('a credential helper: %j', async (credsStore) => {
    const { app, run, directory } = await startCommandLine({
      images: { amd64 },
      registry: { auth: { kind: 'basic', username: 'u', password: 'p' } },
    });
    await mkdir(join(directory, 'docker'));
    await writeFile(join(directory, 'docker', 'config.json'), JSON.stringify({ credsStore }));
    const { code, stderr } = await run(['inspect', `${app}:amd64`]);
    expect(stderr).not.toContain('bug in multiarch');
    expect({ code, hint: /^hint: /m.test(stderr) }).toEqual({ code: 4, hint: true });
  });
});

describe('a draft has a maximum size', () => {
  it('when it is written and when it is read', () => {
    const manifest = 'x'.repeat(8 * 1024 * 1024);
    const entries = Array.from({ length: 9 }, () => ({
      descriptor: { mediaType, digest: digest as Digest, size },
      manifest,
    }));
    const draft = addEntries(createDraft(at('example.com/app:1')), at('example.com/app:2'), entries);
    const error = thrownBy(() => formatDraft(draft));
    expect(error).toBeInstanceOf(InvalidError);
    expect(error).toMatchObject({
      message: 'the draft example.com/app:1 is larger than the maximum of 67108864 bytes',
      hint: 'Use fewer images, or publish without a draft: multiarch create --push.',
    });
    expect(thrownBy(() => parseDraft(Buffer.alloc(64 * 1024 * 1024 + 1), 'x'))).toMatchObject({
      message: 'the draft in x is 67108865 bytes long; the limit is 67108864',
    });
  });
});

describe('a digest of an unknown algorithm', () => {
  const unknown = 'blake3:0123456789abcdef';

  it.each([
    ['in an index', [], `lists ${unknown}, which cannot be verified: unknown digest algorithm`],
    ['in an index that a draft starts from', ['--from'], `lists ${unknown}, which cannot be verified`],
  ])('%s is reported by create', async (_what, flags, message) => {
    const { registry, app, run, directory } = await startCommandLine({ images: { amd64 } });
    registry.putManifest('app', Buffer.from(index([entry, { ...entry, digest: unknown }])), OCI_INDEX, 'odd');
    const { code, stderr } = await run(['create', `${app}:1`, ...flags, `${app}:odd`]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining(`warning: ${app}:odd ${message}`),
    });
    const [file = ''] = await readdir(join(directory, 'drafts'));
    expect(await readFile(join(directory, 'drafts', file), 'utf8')).toContain(unknown);
  });

  it('in an image is reported by create', async () => {
    const { registry, app, run } = await startCommandLine({ images: { amd64 } });
    const manifest = JSON.parse(Buffer.from(amd64.manifest.bytes).toString('utf8')) as { layers: object[] };
    const layers = [...manifest.layers, { mediaType: 'a/b', digest: unknown, size: 1 }];
    registry.putManifest('app', Buffer.from(JSON.stringify({ ...manifest, layers })), mediaType, 'odd');
    const { stderr } = await run(['create', `${app}:1`, `${app}:odd`]);
    expect(stderr).toContain(`warning: ${app}:odd lists ${unknown}, which cannot be verified`);
  });
});
