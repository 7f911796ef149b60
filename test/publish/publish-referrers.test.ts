import { beforeEach, expect, it, vi } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import type { Digest } from '../../src/oci/digest.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { FailedError } from '../../src/oci/errors.js';
import { parseTag } from '../../src/oci/reference.js';
import { copyReferrers } from '../../src/publish/copy-referrers.js';
import { publish } from '../../src/publish/publish.js';
import { digest } from '../support/drafts.js';
import { amd64 } from '../support/images.js';
import { indexOf } from '../support/indexes.js';
import { storeContent } from '../support/stored.js';
import { WatchedStore } from '../support/watched-store.js';

vi.mock(import('../../src/publish/copy-referrers.js'), () => ({ copyReferrers: vi.fn() }));

const V1 = parseTag('v1');

beforeEach(() => {
  vi.mocked(copyReferrers).mockReset();
});

async function prepare() {
  const source = new MemoryStore('source');
  const descriptor = documentDescriptor(await storeContent(source, amd64));
  const document = indexOf([descriptor]);
  return { document, children: [{ descriptor, source }], subjects: [{ digest: document.digest, source }] };
}

it('copies the referrers of the subjects to each target, after the content and before any tag', async () => {
  const request = await prepare();
  const targets = ['one', 'other'].map((label) => new WatchedStore(label));
  const moved = new Map<unknown, Digest[]>(targets.map((target) => [target, [digest('signature')]]));
  const states: string[][] = [];
  vi.mocked(copyReferrers).mockImplementation((target) => {
    states.push(targets.map(({ writes }) => writes.map((line) => line.split(' ')[0] ?? '').join(' ')));
    return Promise.resolve(moved.get(target) ?? []);
  });
  const destinations = targets.map((target) => ({ target, tag: V1 }));

  const publication = await publish({ ...request, destinations });

  expect(vi.mocked(copyReferrers).mock.calls.map(([target, subjects]) => [target.label, subjects])).toEqual([
    ['one', request.subjects],
    ['other', request.subjects],
  ]);
  expect(states).toEqual([
    ['blob blob manifest', ''],
    ['blob blob manifest', 'blob blob manifest'],
  ]);
  expect(publication.referrers).toEqual([digest('signature')]);
  expect(publication.tags).toHaveLength(2);
});

it('moves no tag if they cannot be copied', async () => {
  const request = await prepare();
  const target = new WatchedStore();
  vi.mocked(copyReferrers).mockRejectedValue(new FailedError('no space left'));
  const published = publish({ ...request, destinations: [{ target, tag: V1 }] });
  await expect(published).rejects.toThrow('no space left');
  expect(target.writes.filter((line) => line.startsWith('tag '))).toEqual([]);
});

it('sends no request if none are requested', async () => {
  const { document, children } = await prepare();
  const target = new WatchedStore();
  const publication = await publish({ document, children, destinations: [{ target, tag: V1 }] });
  expect(copyReferrers).not.toHaveBeenCalled();
  expect(publication).not.toHaveProperty('referrers');
});
