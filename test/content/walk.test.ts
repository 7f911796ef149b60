import { describe, expect, it } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import type { Source } from '../../src/content/source.js';
import { distinctResults, readNode, walkGraph, type WalkOptions } from '../../src/content/walk.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { parseDigest, type Digest } from '../../src/oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../../src/oci/document.js';
import { CancelledError, InvalidError, NotFoundError } from '../../src/oci/errors.js';
import { OCI_INDEX } from '../../src/oci/media-type.js';
import { createIndexDocument } from '../../src/oci/serialise.js';
import { storeNested } from '../support/nested-indexes.js';
import { storeContent } from '../support/stored.js';
import { tinyImage } from '../support/tiny-image.mjs';

const TOO_DEEP = new InvalidError('memory nests image indexes more than 4 deep');

async function storeImage(store: MemoryStore, architecture: 'amd64' | 'arm64'): Promise<Descriptor> {
  return documentDescriptor(await storeContent(store, tinyImage({ architecture })));
}

/** An index of these entries, without repetitions. */
async function storeIndex(store: MemoryStore, manifests: readonly Descriptor[]): Promise<Descriptor> {
  return store.writeManifest(createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
}

/** Walks, and returns the digests in the order of the visits. */
async function visits(
  source: Source,
  roots: readonly Descriptor[],
  options?: WalkOptions,
): Promise<readonly Digest[]> {
  const visited: Digest[] = [];
  await walkGraph(
    roots.map((descriptor) => ({ descriptor, source })),
    { read: readNode, visit: ({ document }) => visited.push(document.digest) },
    options,
  );
  return visited;
}

/** A source in which every digest leads to an index of these entries, as with an algorithm that cannot be verified. */
function unverifiableSource(entries: Readonly<Record<string, readonly string[]>>) {
  const digestOf = (name: string): Digest => parseDigest(`blake3:${name.repeat(64)}`);
  const descriptorOf = (name: string): Descriptor => ({
    mediaType: OCI_INDEX,
    digest: digestOf(name),
    size: 2,
  });
  const documents = new Map(
    Object.entries(entries).map(([name, listed]) => {
      const value = { schemaVersion: 2 as const, mediaType: OCI_INDEX, manifests: listed.map(descriptorOf) };
      const { digest, size: _, ...descriptor } = descriptorOf(name);
      const document: ManifestOrIndex = {
        kind: 'index',
        ...descriptor,
        digest,
        bytes: Buffer.from('{}'),
        value,
      };
      return [digest, document];
    }),
  );
  const source = Object.assign(new MemoryStore(), {
    readManifest: async (digest: Digest) => documents.get(digest) ?? expect.fail(digest),
  });
  return { source, descriptorOf };
}

describe('walkGraph', () => {
  it('visits children before parents, and returns the results of the roots in order', async () => {
    const store = new MemoryStore();
    const [amd64, arm64] = [await storeImage(store, 'amd64'), await storeImage(store, 'arm64')];
    const inner = await storeIndex(store, [arm64]);
    const outer = await storeIndex(store, [amd64, inner]);

    const order = await visits(store, [outer]);
    expect(order.slice(-2)).toEqual([inner.digest, outer.digest]);
    expect(order.toSorted()).toEqual([amd64, arm64, inner, outer].map(({ digest }) => digest).toSorted());

    const counts = await walkGraph(
      [outer, arm64].map((descriptor) => ({ descriptor, source: store })),
      { read: readNode, visit: ({ below }): number => 1 + below.reduce((sum, count) => sum + count, 0) },
    );
    expect(counts).toEqual([4, 1]);
  });

  it('reads and visits a node once, however many paths lead to it', async () => {
    const store = new MemoryStore();
    const nested = documentDescriptor(await storeNested(store, await storeImage(store, 'amd64'), 4));
    expect(await visits(store, [nested, nested])).toHaveLength(5);
  });

  it('reads a document again that is listed with another size, which fails', async () => {
    const store = new MemoryStore();
    const image = await storeImage(store, 'amd64');
    const wrong = { ...image, size: image.size + 1 };
    await expect(visits(store, [image, wrong])).rejects.toThrow(`but its index says ${wrong.size}`);
  });

  it.each([
    [4, 0],
    [3, 1],
  ])('accepts %i nested indexes below %i others, and no more', async (levels, depth) => {
    const store = new MemoryStore();
    const image = await storeImage(store, 'amd64');
    const deepest = documentDescriptor(await storeNested(store, image, levels));
    expect(await visits(store, [deepest], { depth })).toHaveLength(levels + 1);
    await expect(visits(store, [await storeIndex(store, [deepest])], { depth })).rejects.toThrow(TOO_DEEP);
  });

  it.each(['first', 'last'])('counts the longest path to a node, listed %s', async (position) => {
    const store = new MemoryStore();
    const inner = documentDescriptor(await storeNested(store, await storeImage(store, 'amd64'), 3));
    const deeper = await storeIndex(store, [inner]);
    const entries = position === 'first' ? [deeper, inner] : [inner, deeper];
    const root = await storeIndex(store, entries);
    await expect(visits(store, [root])).rejects.toThrow(TOO_DEEP);
  });

  it.each([
    ['an index that lists itself', { a: ['a'] }, ['a']],
    ['two indexes that list each other', { a: ['b'], b: ['a'] }, ['a']],
    ['a cycle with several roots', { a: ['b'], b: ['c'], c: ['a'] }, ['a', 'b', 'c']],
    ['a cycle below a root', { a: ['b', 'c'], b: ['c'], c: ['b'] }, ['a']],
  ])('ends at %s', async (_, entries, roots) => {
    const { source, descriptorOf } = unverifiableSource(entries);
    await expect(visits(source, roots.map(descriptorOf))).rejects.toThrow(TOO_DEEP);
  });

  it('does not descend below a node that is not read', async () => {
    const store = new MemoryStore();
    const image = await storeImage(store, 'amd64');
    const inner = await storeIndex(store, [image]);
    const outer = await storeIndex(store, [inner]);
    const seen: (string | undefined)[] = [];
    await walkGraph<unknown, ManifestOrIndex | undefined>([{ descriptor: outer, source: store }], {
      read: async (node, tasks) =>
        node.descriptor.digest === inner.digest ? undefined : readNode(node, tasks),
      visit: ({ document }) => seen.push(document?.digest),
    });
    expect(seen).toEqual([undefined, outer.digest]);
  });

  it('does not read what is known, and counts each read against the limit', async () => {
    const store = new MemoryStore();
    const image = await storeImage(store, 'amd64');
    const document = createIndexDocument({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [image, image],
    });
    let limited = 0;
    await walkGraph(
      [{ descriptor: documentDescriptor(document), source: store, document }],
      { read: readNode, visit: () => undefined },
      {
        limit: (task) => {
          limited += 1;
          return task();
        },
      },
    );
    expect(limited).toBe(1);
  });

  it('throws the first failure when everything else has stopped', async () => {
    const store = new MemoryStore();
    const [amd64, arm64] = [await storeImage(store, 'amd64'), await storeImage(store, 'arm64')];
    const gone = { ...amd64, digest: parseDigest(`sha256:${'0'.repeat(64)}`) };
    const log: string[] = [];
    const walk = walkGraph<void>(
      [arm64, gone, amd64].map((descriptor) => ({ descriptor, source: store })),
      {
        read: async (node, tasks) => {
          // Fails when the others are being visited.
          if (node.descriptor === gone) await new Promise((resolve) => setTimeout(resolve, 20));
          return readNode(node, tasks);
        },
        visit: async ({ document }, { signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          await new Promise((resolve) => setTimeout(resolve, 20));
          log.push(document.digest);
        },
      },
    );
    await expect(walk).rejects.toThrow(NotFoundError);
    expect(log).toEqual([arm64.digest, amd64.digest]);
  });

  it('stops when the caller cancels', async () => {
    const store = new MemoryStore();
    const index = await storeIndex(store, [await storeImage(store, 'amd64')]);
    const controller = new AbortController();
    let reads = 0;
    const walk = walkGraph([{ descriptor: index, source: store }], {
      read: (node, tasks) => {
        reads += 1;
        controller.abort();
        return readNode({ ...node, source: store }, tasks);
      },
      visit: () => undefined,
    }, { signal: controller.signal }); // prettier-ignore
    await expect(walk).rejects.toBeInstanceOf(CancelledError);
    expect(reads).toBe(1);
  });
});

describe('distinctResults', () => {
  it('gives each result once, children first', () => {
    const leaf = { name: 'leaf', below: [] };
    const left = { name: 'left', below: [leaf, leaf] };
    const root = { name: 'root', below: [left, leaf, left] };
    expect([...distinctResults<typeof root | typeof left | typeof leaf>([root, left])]).toEqual([
      leaf,
      left,
      root,
    ]);
  });
});
