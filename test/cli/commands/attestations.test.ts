import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { artifact, listTag } from '../../support/artifact.js';
import { amd64, arm64, attested, pair } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import type { MemoryRegistry } from '../../support/memory-registry.js';
import type { TinyImage } from '../../support/tiny-image.mjs';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const BUILDKIT = 'application/vnd.docker.attestation.manifest.v1+json';
const IN_TOTO = 'application/vnd.in-toto+json';

const provenance = artifact(amd64.manifest, { type: BUILDKIT, text: 'provenance', annotations: { a: 'b' } });
const signature = artifact(amd64.manifest);
const bundle = artifact(amd64.manifest, { type: 'application/vnd.dev.sigstore.bundle.v0.3+json' });

const entryOf = ({ manifest: { mediaType, digest, size } }: TinyImage, more: object = {}) => ({
  mediaType,
  digest,
  size,
  ...more,
});

function attestationOf(image: TinyImage, attestation: TinyImage, annotations: object = {}) {
  return entryOf(attestation, {
    annotations: {
      ...annotations,
      'vnd.docker.reference.digest': image.manifest.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
    platform: { architecture: 'unknown', os: 'unknown' },
  });
}

function entriesIn(registry: MemoryRegistry, tag = '1.2'): unknown[] {
  const bytes = registry.manifest('app', tag)?.bytes ?? expect.fail('the tag does not exist');
  return (JSON.parse(bytes.toString()) as { manifests: unknown[] }).manifests;
}

/** Puts a list under the referrers tag, as clients do in a registry without the referrers API. */
function putList(
  registry: MemoryRegistry,
  path: string,
  subject: TinyImage,
  entries: readonly object[],
): void {
  const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries };
  registry.putManifest(path, Buffer.from(JSON.stringify(list)), OCI_INDEX, listTag(subject.manifest));
}

const expected = [
  entryOf(amd64, { platform: { architecture: 'amd64', os: 'linux' } }),
  attestationOf(amd64, provenance, { a: 'b' }),
  entryOf(arm64, { platform: { architecture: 'arm64', os: 'linux' } }),
];

describe('create --attestations from-referrers', () => {
  const images = { amd64, arm64 };
  const create = ['--attestations', 'from-referrers', '--push'];

  it('adds what is attached to an image by the referrers API', async () => {
    const { registry, app, run } = await startCommandLine({ images, registry: { referrers: {} } });
    for (const each of [signature, provenance, bundle]) registry.put('app', each);
    const { code, stderr } = await run(['create', `${app}:1.2`, `${app}:amd64`, `${app}:arm64`, ...create]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(entriesIn(registry)).toEqual(expected);
  });

  it.each([
    ['with artifact types', { artifactType: BUILDKIT, annotations: { a: 'b' } }],
    ['without', { annotations: { a: 'b' } }],
  ])('adds what is listed under the referrers tag, %s', async (_what, listed) => {
    const { registry, app, run } = await startCommandLine({ images });
    for (const each of [signature, provenance]) registry.put('app', each);
    const artifactType = 'application/vnd.example.signature';
    putList(registry, 'app', amd64, [entryOf(signature, { artifactType }), entryOf(provenance, listed)]);
    const { code } = await run(['create', `${app}:1.2`, `${app}:amd64`, `${app}:arm64`, ...create]);
    expect(code).toBe(0);
    expect(entriesIn(registry)).toEqual(expected);
  });

  it('copies the attestation to another repository', async () => {
    const { registry, host, app, run } = await startCommandLine({
      images,
      path: 'source',
      registry: { referrers: {} },
    });
    registry.put('source', provenance);
    const sources = [`${host}/source:amd64`, `${host}/source:arm64`];
    expect((await run(['create', `${app}:1.2`, ...sources, ...create])).code).toBe(0);
    expect(entriesIn(registry)).toEqual(expected);
    expect(registry.manifest('app', provenance.manifest.digest)).toBeDefined();
  });

  it('takes any in-toto attestation, in the order of the digests', async () => {
    const { registry, app, run } = await startCommandLine({ images, registry: { referrers: {} } });
    const all = ['one', 'two', 'three'].map((text) => artifact(amd64.manifest, { type: IN_TOTO, text }));
    for (const each of all) registry.put('app', each);
    await run(['create', `${app}:1.2`, `${app}:amd64`, ...create]);
    const sorted = all.toSorted((a, b) => (a.manifest.digest < b.manifest.digest ? -1 : 1));
    expect(entriesIn(registry).slice(1)).toEqual(sorted.map((each) => attestationOf(amd64, each)));
  });

  it('keeps the attestations that an index has, and adds none for their images', async () => {
    const { registry, app, run } = await startCommandLine({
      images: { attested },
      registry: { referrers: {} },
    });
    registry.put('app', provenance);
    await run(['create', `${app}:1.2`, `${app}:attested`, ...create]);
    const { manifests } = JSON.parse(Buffer.from(attested.bytes).toString()) as { manifests: unknown[] };
    expect(entriesIn(registry)).toEqual(manifests);
  });

  it('adds to an index that is the only source', async () => {
    const { registry, app, run } = await startCommandLine({ images: { pair }, registry: { referrers: {} } });
    registry.put('app', provenance);
    await run(['create', `${app}:1.2`, `${app}:pair`, ...create]);
    const { manifests } = JSON.parse(Buffer.from(pair.bytes).toString()) as { manifests: unknown[] };
    expect(entriesIn(registry)).toEqual([...manifests, expected[1]]);
  });

  it('adds none for an image that is not selected', async () => {
    const { registry, app, run } = await startCommandLine({ images, registry: { referrers: {} } });
    registry.put('app', provenance);
    const sources = [`${app}:amd64`, `${app}:arm64`];
    await run(['create', `${app}:1.2`, ...sources, '--platform', 'linux/arm64', ...create]);
    expect(entriesIn(registry)).toEqual([expected[2]]);
  });

  it('skips, with a warning, what is listed but missing, and what has another subject', async () => {
    const { registry, app, run } = await startCommandLine({ images });
    const other = artifact(arm64.manifest, { type: IN_TOTO });
    registry.put('app', other);
    putList(registry, 'app', amd64, [entryOf(provenance), entryOf(other)]);
    const { code, stderr } = await run(['create', `${app}:1.2`, `${app}:amd64`, ...create]);
    expect(code).toBe(0);
    expect(stderr).toContain(`skipping attestation ${provenance.manifest.digest}`);
    expect(entriesIn(registry)).toEqual([expected[0]]);
  });

  it('can be set in an assembly file', async () => {
    const { registry, app, run, directory } = await startCommandLine({ images, registry: { referrers: {} } });
    registry.put('app', provenance);
    const file = join(directory, 'assembly.json');
    const assembly = {
      target: `${app}:1.2`,
      attestations: 'from-referrers',
      images: [{ source: `${app}:amd64` }, { source: `${app}:arm64` }],
    };
    await writeFile(file, JSON.stringify(assembly));
    expect((await run(['create', '-f', file, '--push'])).code).toBe(0);
    expect(entriesIn(registry)).toEqual(expected);
  });
});

it.each([[[]], [['--attestations', 'keep']], [['--attestations', 'drop']]])(
  'adds no referrers with %j',
  async (options) => {
    const { registry, app, run } = await startCommandLine({ images: { amd64 }, registry: { referrers: {} } });
    registry.put('app', provenance);
    await run(['create', `${app}:1.2`, `${app}:amd64`, ...options, '--push']);
    expect(entriesIn(registry)).toEqual([expected[0]]);
  },
);
