import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { CreateOptions } from '../../src/client/create-options.js';
import type { Multiarch } from '../../src/client/multiarch.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { digestOf } from '../../src/oci/digest.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import { DOCKER_LIST, OCI_INDEX } from '../../src/oci/media-type.js';
import { InvalidError } from '../../src/oci/errors.js';
import { amd64, arm64, attested, s390x } from '../support/images.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyIndex, type TinyImage } from '../support/tiny-image.mjs';

const entry = ({ manifest, config }: TinyImage, changes: object = {}): object => {
  const { architecture, os } = JSON.parse(Buffer.from(config.bytes).toString()) as Record<string, string>;
  // Members in another order than multiarch writes them.
  return {
    platform: { os, architecture },
    digest: manifest.digest,
    size: manifest.bytes.length,
    mediaType: manifest.mediaType,
    ...changes,
  };
};

/** The bytes of an index as no serialiser of this project writes them, with a member of the future. */
const foreign = (json: object): Buffer =>
  Buffer.from(`${JSON.stringify({ ...json, 'x-future': 1 }, null, 7)}\n`);

const OCI = foreign({
  annotations: { 'org.example.b': '2', 'org.example.a': '1' },
  manifests: [entry(amd64, { annotations: { z: '1', a: '2' } }), entry(arm64)],
  mediaType: OCI_INDEX,
  artifactType: 'application/vnd.example',
  schemaVersion: 2,
});
const DOCKER = foreign({ manifests: [entry(amd64), entry(arm64)], mediaType: DOCKER_LIST, schemaVersion: 2 });
const UNTYPED = foreign({ manifests: [entry(amd64)], schemaVersion: 2 });

const SOURCES: readonly (readonly [name: string, bytes: Buffer, mediaType: string])[] = [
  ['oci', OCI, OCI_INDEX],
  ['docker', DOCKER, DOCKER_LIST],
  ['untyped', UNTYPED, OCI_INDEX],
  ['attested', Buffer.from(attested.bytes), attested.mediaType],
];

async function start() {
  const registry = await startRegistry();
  for (const image of [amd64, arm64, s390x]) registry.put('app', image);
  registry.put('app', s390x, 's390x');
  registry.put('app', attested);
  for (const [tag, bytes, mediaType] of SOURCES) registry.putManifest('app', bytes, mediaType, tag);
  const warnings: string[] = [];
  const store = join(await temporaryDirectory(), 'drafts');
  const open = (): Promise<Multiarch> =>
    openMultiarch({ store, onEvent: (event) => event.kind === 'warning' && warnings.push(event.message) });
  const app = `${registry.host}/app`;
  return { registry, app, list: `${app}:stable`, store, open, client: await open(), warnings };
}

const published = (registry: MemoryRegistry, tag = 'stable'): ImageIndex & { readonly bytes: Buffer } => {
  const bytes = registry.manifest('app', tag)?.bytes ?? Buffer.from('{}');
  return { ...(JSON.parse(bytes.toString()) as ImageIndex), bytes };
};

describe('an index that is the only source', () => {
  it.each(SOURCES)('keeps its bytes: %s', async (tag, bytes, mediaType) => {
    const { registry, app, list, client, open, warnings } = await start();
    const plan = await client.planCreateAndPush(list, [`${app}:${tag}`]);
    const { publication } = await client.createAndPush(list, [`${app}:${tag}`]);
    expect([plan.digest, publication.descriptor.digest]).toEqual([digestOf(bytes), digestOf(bytes)]);
    expect(registry.manifest('app', 'stable')).toMatchObject({ mediaType, digest: digestOf(bytes) });

    // The draft remembers them for another process.
    await client.create(`${app}:later`, [`${app}:${tag}`]);
    const other = await open();
    const { document } = await other.inspect(`${app}:later`);
    expect(Buffer.from(document.bytes).equals(bytes)).toBe(true);
    expect((await other.planPush(`${app}:later`)).digest).toBe(digestOf(bytes));
    expect((await other.push(`${app}:later`)).descriptor.digest).toBe(digestOf(bytes));
    expect(warnings).toEqual([]);
  });

  it.each<[how: string, tag: string, options: CreateOptions]>([
    ['its own media type', 'oci', { format: 'oci' }],
    ['auto', 'docker', { format: 'auto' }],
    ['its own media type', 'docker', { format: 'docker' }],
    ['all of its platforms', 'oci', { platforms: ['linux/amd64', 'linux/arm64'] }],
    ['attestations that it does not have', 'oci', { attestations: 'drop' }],
    ['required platforms', 'oci', { require: ['linux/amd64'] }],
    ['further tags', 'oci', { draftTags: ['more'] }],
    ['an annotation that it has', 'oci', { annotations: { 'org.example.a': '1' } }],
  ])('keeps its bytes with %s: %s', async (_, tag, options) => {
    const { registry, app, list, client } = await start();
    await client.createAndPush(list, [`${app}:${tag}`], options);
    expect(registry.manifest('app', 'stable')?.digest).toBe(registry.manifest('app', tag)?.digest);
  });

  it('keeps its bytes if it is named twice, by digest, or with --from', async () => {
    const { registry, app, client } = await start();
    const digest = digestOf(OCI);
    await client.createAndPush(`${app}:twice`, [`${app}:oci`, `${app}:oci`]);
    await client.createAndPush(`${app}:digest`, [`${app}@${digest}`]);
    await client.createAndPush(`${app}:from`, [], { from: `${app}:oci` });
    await client.createAndPush(`${app}:oci`, [`${app}:oci`]);
    for (const tag of ['twice', 'digest', 'from', 'oci']) {
      expect(registry.manifest('app', tag)?.digest).toBe(digest);
    }
  });

  it.each(['oci', 'oci-archive'])('keeps its bytes in %s, and from there', async (transport) => {
    const { registry, app, client } = await start();
    const there = `${transport}:${join(await temporaryDirectory(), 'there')}:1`;
    await client.createAndPush(there, [`${app}:oci`]);
    expect((await client.inspect(there, { published: true })).document.digest).toBe(digestOf(OCI));
    await client.createAndPush(`${app}:back`, [there]);
    expect(registry.manifest('app', 'back')?.digest).toBe(digestOf(OCI));
  });

  it('of the Docker type becomes an OCI index in an image layout, as before', async () => {
    const { app, client } = await start();
    const there = `oci:${join(await temporaryDirectory(), 'there')}:1`;
    await client.createAndPush(there, [`${app}:docker`]);
    expect((await client.inspect(there, { published: true })).document.mediaType).toBe(OCI_INDEX);
  });

  it.each<[start: string, options: CreateOptions, kept: boolean]>([
    ['an empty draft', {}, true],
    ['an empty draft with an annotation that it has', { annotations: { 'org.example.a': '1' } }, true],
    ['an empty draft with another annotation', { annotations: { added: 'here' } }, false],
    ['an empty draft of the Docker type', { format: 'docker' }, false],
  ])('is taken as a whole into %s', async (_, options, kept) => {
    const { registry, app, list, client } = await start();
    await client.create(`${app}:direct`, [`${app}:oci`], options);
    await client.create(list, [], options);
    await client.create(list, [`${app}:oci`], { amend: true });
    const { descriptor } = await client.push(list);
    expect(descriptor.digest).toBe((await client.push(`${app}:direct`)).descriptor.digest);
    expect(published(registry).bytes.equals(OCI)).toBe(kept);
  });

  it('keeps its bytes if it is read again after its tag has moved', async () => {
    const { registry, app, list, client } = await start();
    await client.create(list, [`${app}:oci`]);
    registry.putManifest('app', UNTYPED, OCI_INDEX, 'oci');
    await client.create(list, [`${app}:oci`], { amend: true });
    await client.push(list);
    expect(published(registry).bytes.equals(UNTYPED)).toBe(true);
  });
});

describe('an index that is the only source, and is changed', () => {
  const MEMBERS = {
    mediaType: OCI_INDEX,
    artifactType: 'application/vnd.example',
    annotations: { 'org.example.a': '1', 'org.example.b': '2' },
  };

  it.each<[change: string, options: CreateOptions]>([
    ['an annotation', { annotations: { added: 'here' } }],
    ['an annotation of its entries', { entryAnnotations: [{ annotations: { added: 'here' } }] }],
    ['fewer platforms', { platforms: ['linux/arm64'] }],
  ])('keeps its annotations and its type: %s', async (_, options) => {
    const { registry, app, list, client, warnings } = await start();
    await client.createAndPush(list, [`${app}:oci`], options);
    const index = published(registry);
    expect(index).toMatchObject({
      ...MEMBERS,
      annotations: { ...MEMBERS.annotations, ...options.annotations },
    });
    expect(index.bytes.toString().startsWith('{\n   "schemaVersion": 2')).toBe(true);
    expect(warnings).toEqual([]);
  });

  it.each<[change: string, edit: (client: Multiarch, list: string, app: string) => Promise<unknown>]>([
    ['annotate', (client, list) => client.annotate(list, 'linux/arm64', { variant: 'v8' })],
    ['annotate the index', (client, list) => client.annotateIndex(list, { annotations: { more: 'x' } })],
    ['unset', (client, list) => client.annotateIndex(list, { unsetAnnotations: ['org.example.a'] })],
    ['remove', (client, list) => client.removeEntries(list, ['linux/arm64'])],
    ['amend', (client, list, app) => client.create(list, [`${app}:s390x`], { amend: true })],
    ['another format', (client, list) => client.create(list, [], { amend: true, format: 'docker' })],
  ])('is a new index after %s', async (change, edit) => {
    const { registry, app, list, client } = await start();
    await client.create(list, [`${app}:${change === 'another format' ? 'untyped' : 'oci'}`]);
    await edit(client, list, app);
    await client.push(list);
    expect(published(registry).bytes.toString()).not.toContain('x-future');
    expect(registry.manifest('app', 'stable')?.digest).not.toBe(digestOf(OCI));
  });

  it('has its bytes again once the change is undone', async () => {
    const { app, list, client } = await start();
    await client.create(list, [`${app}:oci`]);
    await client.annotateIndex(list, { annotations: { more: 'x' } });
    await client.annotateIndex(list, { unsetAnnotations: ['more'] });
    expect((await client.inspect(list)).document.digest).toBe(digestOf(OCI));
  });

  it('says which members a Docker manifest list does not have', async () => {
    const { registry, app, list, client, warnings } = await start();
    await client.createAndPush(list, [`${app}:oci`], { format: 'docker' });
    expect(published(registry)).toMatchObject({ mediaType: DOCKER_LIST });
    expect(warnings).toEqual([
      `the new index does not have these members of the index ${app}:oci: annotation org.example.b, annotation org.example.a, artifactType`,
    ]);
  });

  it('says that nested indexes are replaced by their images, and missing platforms added', async () => {
    const { registry, app, client, warnings } = await start();
    const nested: Descriptor = { mediaType: OCI_INDEX, digest: digestOf(UNTYPED), size: UNTYPED.length };
    registry.putManifest('app', foreign({ schemaVersion: 2, manifests: [nested] }), OCI_INDEX, 'nested');
    const bare = foreign({ schemaVersion: 2, manifests: [entry(amd64, { platform: undefined })] });
    registry.putManifest('app', bare, OCI_INDEX, 'bare');
    for (const tag of ['nested', 'bare']) {
      await client.createAndPush(`${app}:${tag}-2`, [`${app}:${tag}`]);
      expect(published(registry, `${tag}-2`).manifests).toMatchObject([
        { digest: amd64.manifest.digest, platform: { os: 'linux', architecture: 'amd64' } },
      ]);
    }
    expect(warnings).toEqual([
      expect.stringMatching(/app:nested byte for byte: the images of its nested indexes/),
      expect.stringMatching(/app:bare byte for byte: it does not state the platform/),
    ]);
  });
});

describe('several sources', () => {
  it('say which members of an index are dropped', async () => {
    const { registry, app, list, client, warnings } = await start();
    const options = { annotations: { 'org.example.a': 'mine' } };
    await client.createAndPush(list, [`${app}:oci`, `${app}:s390x`], options);
    expect(published(registry)).toMatchObject({ annotations: options.annotations });
    expect(warnings).toEqual([
      `the new index does not have these members of the index ${app}:oci: annotation org.example.b, artifactType`,
    ]);
  });

  it('say nothing of indexes without such members', async () => {
    const { registry, app, list, client, warnings } = await start();
    registry.put('app', tinyIndex([s390x], { attestations: true }), 'other');
    await client.createAndPush(list, [`${app}:attested`, `${app}:other`]);
    expect(published(registry).manifests).toHaveLength(6);
    expect(warnings).toEqual([]);
  });
});

it('a draft whose text was changed by hand is damaged', async () => {
  const { app, list, client, store } = await start();
  await client.create(list, [`${app}:oci`]);
  const [name = ''] = await readdir(store);
  const text = await readFile(join(store, name), 'utf8');
  await writeFile(join(store, name), text.replace('x-future', 'x-past'));
  await expect(client.push(list)).rejects.toThrow(InvalidError);
  await expect(client.push(list)).rejects.toThrow('the source index in the draft');
});
