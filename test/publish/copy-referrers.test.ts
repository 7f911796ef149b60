import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../src/content/events.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { Source } from '../../src/content/source.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { parseDigest, type Digest } from '../../src/oci/digest.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { FailedError, UnauthorizedError } from '../../src/oci/errors.js';
import { parseReference, parseTag, type Tag } from '../../src/oci/reference.js';
import { copyReferrers } from '../../src/publish/copy-referrers.js';
import { artifact, documentOf } from '../support/artifact.js';
import { amd64, arm64 } from '../support/images.js';
import { storeContent } from '../support/stored.js';
import { type TinyImage } from '../support/tiny-image.mjs';

const sbom = artifact(amd64.manifest, { type: 'application/spdx+json' });
const signature = artifact(sbom.manifest, { text: 'signature of the sbom' });
const cosigned = artifact(undefined, { text: 'cosign' });

const digestOf = ({ manifest }: TinyImage): Digest => parseDigest(manifest.digest);
const sigTag = (image: TinyImage): Tag => parseTag(`${image.manifest.digest.replace(':', '-')}.sig`);

/** A store with arbitrary referrers, which logs its writes. */
class Store extends MemoryStore {
  readonly writes: string[] = [];
  lists: ((listed: readonly Descriptor[]) => readonly Descriptor[]) | undefined;
  before: (line: string) => void = () => {};

  override async listReferrers(digest: Digest): Promise<readonly Descriptor[]> {
    const listed = await super.listReferrers(digest);
    return this.lists?.(listed) ?? listed;
  }

  override async copyBlob(...args: Parameters<MemoryStore['copyBlob']>) {
    this.#write(`blob ${args[0].digest}`);
    return super.copyBlob(...args);
  }

  override async writeManifest(...args: Parameters<MemoryStore['writeManifest']>) {
    const [{ digest }, { tag } = {}] = args;
    this.#write(tag === undefined ? `manifest ${digest}` : `tag ${tag} ${digest}`);
    return super.writeManifest(...args);
  }

  #write(line: string): void {
    this.before(line);
    this.writes.push(line);
  }
}

async function storeOf(label: string, ...contents: readonly TinyImage[]): Promise<Store> {
  const store = new Store(label);
  for (const content of contents) await storeContent(store, content);
  store.writes.length = 0;
  return store;
}

async function move(target: Store, ...subjects: readonly (readonly [Source, TinyImage])[]) {
  const events: WorkEvent[] = [];
  const moved = await copyReferrers(
    target,
    subjects.map(([source, image]) => ({ digest: digestOf(image), source })),
    { onEvent: (event) => events.push(event) },
  );
  const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
  return { moved, warnings, events };
}

describe('copying referrers', () => {
  it('copies the referrers of a subject with their content, and the referrers of those', async () => {
    const source = await storeOf('source', amd64, sbom, signature);
    const target = await storeOf('target');
    const { moved, warnings } = await move(target, [source, amd64]);
    expect(moved.toSorted()).toEqual([digestOf(sbom), digestOf(signature)].toSorted());
    expect(warnings).toEqual([]);
    for (const each of [sbom, signature]) {
      const read = await target.readManifest(digestOf(each));
      expect(Buffer.from(read.bytes)).toEqual(Buffer.from(each.manifest.bytes));
      expect(await target.hasBlob(each.layers[0] as unknown as Descriptor)).toBe(true);
    }
    // The subject itself is copied elsewhere.
    expect(await target.find(digestOf(amd64))).toBeUndefined();
  });

  it('copies each referrer once, however it was found', async () => {
    const source = await storeOf('source', amd64, sbom);
    const other = await storeOf('other', amd64, sbom);
    const target = await storeOf('target');
    await move(target, [source, amd64], [source, amd64], [other, amd64]);
    expect(target.writes.toSorted()).toEqual(
      [
        ...[sbom.config, ...sbom.layers].map(({ digest }) => `blob ${digest}`),
        `manifest ${digestOf(sbom)}`,
      ].toSorted(),
    );
  });

  it('ends if referrers form a cycle', async () => {
    const source = await storeOf('source', amd64, sbom);
    const descriptor = documentDescriptor(documentOf(sbom));
    source.lists = () => [descriptor];
    const { moved, warnings } = await move(await storeOf('target'), [source, amd64]);
    expect(moved).toEqual([digestOf(sbom)]);
    expect(warnings).toEqual([
      `skipping referrer ${digestOf(sbom)} of ${digestOf(sbom)}: source lists it, but its subject is ${digestOf(amd64)}`,
    ]);
  });

  it('follows a limited number of levels', async () => {
    const chain = [amd64];
    for (let level = 1; level <= 8; level += 1) chain.push(artifact(chain.at(-1)?.manifest));
    const { moved } = await move(await storeOf('target'), [await storeOf('source', ...chain), amd64]);
    expect(moved).toEqual(chain.slice(1, 7).map(digestOf));
  });

  it('does not send what the target has, but ensures that it is listed', async () => {
    const source = await storeOf('source', amd64, sbom);
    const listing = await storeOf('target', amd64, sbom);
    expect((await move(listing, [source, amd64])).moved).toEqual([]);
    expect(listing.writes).toEqual([]);

    const forgetful = await storeOf('target', amd64, sbom);
    forgetful.lists = () => [];
    expect((await move(forgetful, [source, amd64])).moved).toEqual([]);
    expect(forgetful.writes).toEqual([`manifest ${digestOf(sbom)}`]);
  });

  it('sends no request if the source is the target, or the same repository', async () => {
    const target = await storeOf('target', amd64, sbom);
    const repository = parseReference('registry.example.com/app');
    const here = Object.assign(await storeOf('here', amd64), { repository });
    const alias = Object.assign(await storeOf('alias', amd64, sbom), { repository });
    target.lists = () => expect.fail('was asked');
    alias.lists = () => expect.fail('was asked');
    expect((await move(target, [target, amd64])).moved).toEqual([]);
    expect((await move(here, [alias, amd64])).moved).toEqual([]);
  });

  it('sends no request to a source without referrers', async () => {
    const source: Source = {
      label: 'docker-archive:x.tar',
      resolve: () => expect.fail('was asked'),
      find: () => expect.fail('was asked'),
      readManifest: () => expect.fail('was asked'),
      openBlob: () => expect.fail('was asked'),
    };
    expect((await move(await storeOf('target'), [source, amd64])).moved).toEqual([]);
  });

  it('skips a referrer that is listed but missing, with a warning', async () => {
    const source = await storeOf('source', amd64, sbom);
    const gone = documentDescriptor(documentOf(signature));
    source.lists = (listed) => [...listed, gone];
    const { moved, warnings } = await move(await storeOf('target'), [source, amd64]);
    expect(moved).toEqual([digestOf(sbom)]);
    expect(warnings).toContain(
      `skipping referrer ${gone.digest} of ${digestOf(amd64)}: source lists it, but does not have it`,
    );
  });

  it('fails before a tag is put, when no write is running any more', async () => {
    const source = await storeOf('source', amd64, sbom);
    await storeContent(source, cosigned, sigTag(amd64));
    const target = await storeOf('target');
    target.before = (line) => {
      if (line === `manifest ${digestOf(sbom)}`) throw new FailedError('disk full');
    };
    await expect(move(target, [source, amd64])).rejects.toThrow('disk full');
    expect(target.writes.filter((line) => line.startsWith('tag'))).toEqual([]);
    const before = target.writes.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(target.writes).toHaveLength(before);
  });
});

describe("moving what cosign's tags name", () => {
  it.each(['sig', 'att', 'sbom'])('is put under the same tag: .%s', async (suffix) => {
    const tag = `${amd64.manifest.digest.replace(':', '-')}.${suffix}`;
    const source = await storeOf('source', amd64);
    await storeContent(source, cosigned, tag);
    const target = await storeOf('target');
    const { moved, events } = await move(target, [source, amd64]);
    expect(moved).toEqual([digestOf(cosigned)]);
    expect((await target.find(parseTag(tag)))?.digest).toBe(digestOf(cosigned));
    expect(target.writes.at(-1)).toBe(`tag ${tag} ${digestOf(cosigned)}`);
    expect(events.at(-1)).toMatchObject({ kind: 'tagged', repository: 'target', tag, outcome: 'moved' });
  });

  it("takes cosign's signature of an SBOM along too", async () => {
    const source = await storeOf('source', amd64, sbom);
    await storeContent(source, cosigned, sigTag(sbom));
    const target = await storeOf('target');
    await move(target, [source, amd64]);
    expect((await target.find(sigTag(sbom)))?.digest).toBe(digestOf(cosigned));
  });

  it('keeps the content of the tag in the target, with a warning, and copies nothing for it', async () => {
    const source = await storeOf('source', amd64, sbom);
    await storeContent(source, cosigned, sigTag(amd64));
    const target = await storeOf('target');
    const own = artifact(undefined, { text: 'its own' });
    await storeContent(target, own, sigTag(amd64));
    target.writes.length = 0;
    const { moved, warnings } = await move(target, [source, amd64]);
    expect(warnings).toEqual([
      `target:${sigTag(amd64)} has another signature, ${digestOf(own)}, which is kept: ${digestOf(cosigned)} of source is skipped`,
    ]);
    expect((await target.find(sigTag(amd64)))?.digest).toBe(digestOf(own));
    expect(moved).toEqual([digestOf(sbom)]);
    expect(target.writes.join()).not.toContain(cosigned.layers[0]?.digest);
  });

  it('also keeps a tag that was put while content was copied', async () => {
    const source = await storeOf('source', amd64);
    await storeContent(source, cosigned, sigTag(amd64));
    const target = await storeOf('target');
    const own = artifact(undefined, { text: 'its own' });
    const copyBlob = target.copyBlob.bind(target);
    target.copyBlob = async (...args) => {
      target.copyBlob = copyBlob;
      await storeContent(target, own, sigTag(amd64));
      return copyBlob(...args);
    };
    const { warnings } = await move(target, [source, amd64]);
    expect(warnings).toEqual([
      expect.stringContaining(`has another signature, ${digestOf(own)}, which is kept`),
    ]);
    expect((await target.find(sigTag(amd64)))?.digest).toBe(digestOf(own));
  });

  it('copies a manifest that has a subject, even if the tag is taken', async () => {
    const source = await storeOf('source', amd64);
    const both = artifact(amd64.manifest, { text: 'listed and tagged' });
    await storeContent(source, both, sigTag(amd64));
    const target = await storeOf('target');
    const own = artifact(undefined, { text: 'its own' });
    await storeContent(target, own, sigTag(amd64));
    const { moved, warnings } = await move(target, [source, amd64]);
    expect(moved).toEqual([digestOf(both)]);
    expect(warnings).toEqual([
      `target:${sigTag(amd64)} has another signature, ${digestOf(own)}, which is kept: ${digestOf(both)} of source is copied without the tag`,
    ]);
    expect((await target.find(sigTag(amd64)))?.digest).toBe(digestOf(own));
  });

  it('does nothing if the tag is up to date', async () => {
    const source = await storeOf('source', amd64);
    await storeContent(source, cosigned, sigTag(amd64));
    const target = await storeOf('target');
    await storeContent(target, cosigned, sigTag(amd64));
    target.writes.length = 0;
    const { moved, warnings } = await move(target, [source, amd64]);
    expect({ moved, warnings, writes: target.writes }).toEqual({ moved: [], warnings: [], writes: [] });
  });

  it('puts a missing tag for existing content', async () => {
    const source = await storeOf('source', amd64);
    await storeContent(source, cosigned, sigTag(amd64));
    const target = await storeOf('target', cosigned);
    await move(target, [source, amd64]);
    expect(target.writes).toEqual([`tag ${sigTag(amd64)} ${digestOf(cosigned)}`]);
  });

  it('uses the first of two sources that differ, with a warning', async () => {
    const [source, other] = [await storeOf('source', amd64), await storeOf('other', amd64)];
    const second = artifact(undefined, { text: 'another' });
    await storeContent(source, cosigned, sigTag(amd64));
    await storeContent(other, second, sigTag(amd64));
    const target = await storeOf('target');
    const { moved, warnings } = await move(target, [source, amd64], [other, amd64]);
    expect(moved).toEqual([digestOf(cosigned)]);
    expect(warnings).toEqual([
      `source and other have different content under ${sigTag(amd64)}: using ${digestOf(cosigned)}, skipping ${digestOf(second)}`,
    ]);
  });

  it('treats a tag to which access is denied as missing', async () => {
    const source = await storeOf('source', amd64, sbom);
    source.find = () => Promise.reject(new UnauthorizedError('hidden'));
    const { moved } = await move(await storeOf('target'), [source, amd64]);
    expect(moved).toEqual([digestOf(sbom)]);
  });

  it('keeps the tags of several images apart', async () => {
    const source = await storeOf('source', amd64, arm64);
    const second = artifact(undefined, { text: 'another' });
    await storeContent(source, cosigned, sigTag(amd64));
    await storeContent(source, second, sigTag(arm64));
    const target = await storeOf('target');
    await move(target, [source, amd64], [source, arm64]);
    expect((await target.find(sigTag(amd64)))?.digest).toBe(digestOf(cosigned));
    expect((await target.find(sigTag(arm64)))?.digest).toBe(digestOf(second));
  });
});
