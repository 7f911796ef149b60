import { describe, expect, it, vi } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import type { Selector } from '../../src/content/source.js';
import type { Target } from '../../src/content/target.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { UnauthorizedError } from '../../src/oci/errors.js';
import { parseTag } from '../../src/oci/reference.js';
import {
  digestOfState,
  missingChildren,
  readTagStates,
  type SourcedEntry,
} from '../../src/publish/target-state.js';
import { amd64 } from '../support/images.js';
import { storeNested } from '../support/nested-indexes.js';
import { storeContent } from '../support/stored.js';
import { tinyImage } from '../support/tiny-image.mjs';

/** The selectors that a target is asked to find. */
function asked(target: Target): Selector[] {
  const selectors: Selector[] = [];
  const find = target.find.bind(target);
  target.find = (selector, options) => {
    selectors.push(selector);
    return find(selector, options);
  };
  return selectors;
}

async function childOf(store: MemoryStore, architecture: 'amd64' | 'arm64' | 's390x'): Promise<SourcedEntry> {
  const document = await storeContent(store, tinyImage({ architecture }));
  return { descriptor: documentDescriptor(document), source: store };
}

describe('missingChildren', () => {
  it('requests each distinct child once, except those already read, and returns the missing ones in order', async () => {
    const source = new MemoryStore();
    const target = new MemoryStore();
    const there = await childOf(target, 'amd64');
    const [first, second] = [await childOf(source, 's390x'), await childOf(source, 'arm64')];
    const seen = await childOf(source, 'amd64');
    const selectors = asked(target);

    const missing = await missingChildren(
      target,
      [first, there, second, first],
      new Set([seen.descriptor.digest]),
    );

    expect(missing).toEqual([first, second]);
    expect(selectors).toEqual([first.descriptor.digest, second.descriptor.digest]);
  });

  it('reads an index once, even if it is listed many times', async () => {
    const store = new MemoryStore();
    const { descriptor } = await childOf(store, 'amd64');
    const nested = documentDescriptor(await storeNested(store, descriptor, 3));
    const reads = vi.spyOn(store, 'readManifest');

    const children = [{ descriptor: nested, source: store }];
    expect(await missingChildren(store, children, new Set(), { nondistributable: 'copy' })).toEqual([]);

    expect(reads).toHaveBeenCalledTimes(4);
  });

  it('rejects indexes that nest too deep', async () => {
    const store = new MemoryStore();
    const { descriptor } = await childOf(store, 'amd64');
    const nested = documentDescriptor(await storeNested(store, descriptor, 4));
    const missing = missingChildren(store, [{ descriptor: nested, source: store }], new Set(), {
      nondistributable: 'copy',
    });
    await expect(missing).rejects.toThrow('memory nests image indexes more than 4 deep');
  });
});

describe('content to which a registry denies access', () => {
  const hidden = new MemoryStore();
  hidden.find = () => Promise.reject(new UnauthorizedError('denied'));

  it('counts as missing: the write that follows reports the error', async () => {
    const child = await childOf(new MemoryStore(), 'amd64');
    expect(await missingChildren(hidden, [child], new Set())).toEqual([child]);
    const destination = { target: hidden, tag: parseTag('1.2') };
    expect(await readTagStates([destination])).toEqual(new Map([[destination, 'denied']]));
  });
});

describe('readTagStates', () => {
  it('requests each tag once, and nothing for a destination without a tag', async () => {
    const target = new MemoryStore();
    const document = await storeContent(target, amd64, 'old');
    const destinations = [
      { target, tag: parseTag('old') },
      { target },
      { target, tag: parseTag('new') },
    ] as const;
    const selectors = asked(target);

    const states = await readTagStates(destinations);

    expect(destinations.map((destination) => digestOfState(states.get(destination)))).toEqual([
      document.digest,
      undefined,
      undefined,
    ]);
    expect(selectors).toEqual(['old', 'new']);
  });
});
