import { describe, expect, it } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import { childrenOf } from '../../src/oci/document.js';
import { parseTag } from '../../src/oci/reference.js';
import { publish } from '../../src/publish/publish.js';
import { artifact } from '../support/artifact.js';
import { failure, type Answer, type LoggedRequest } from '../support/fake-server.js';
import { amd64, pair } from '../support/images.js';
import { connect, startRegistry } from '../support/open-repository.js';
import { storeContent } from '../support/stored.js';

const tag = parseTag('1.2');

/** Claims once that a registry has content which it lacks. */
function claims(name: string, size: number, mediaType = 'application/octet-stream') {
  let asked = 0;
  return ({ method, path }: LoggedRequest, next: () => Promise<Answer>): Answer | Promise<Answer> => {
    if (method !== 'HEAD' || !path.endsWith(name) || (asked += 1) > 1) return next();
    const headers = {
      'content-type': mediaType,
      'content-length': String(size),
      'docker-content-digest': name,
    };
    return { status: 200, headers };
  };
}

async function publishTo(host: string, subjects = false) {
  const source = new MemoryStore('source');
  const document = await storeContent(source, pair);
  if (subjects) await storeContent(source, artifact(pair, { text: 'signed index' }));
  const children = childrenOf(document).map((descriptor) => ({ descriptor, source }));
  return publish({
    document,
    children,
    destinations: [{ target: connect(host)('app'), tag }],
    ...(subjects && { subjects: [{ digest: document.digest, source }] }),
  });
}

describe('content that a registry had and lacks when the manifest is written', () => {
  it.each([
    ['a layer', amd64.layers[0]?.digest ?? '', amd64.layers[0]?.size ?? 0, undefined],
    ['a config', amd64.config.digest, amd64.config.size, undefined],
    ['an image', amd64.manifest.digest, amd64.manifest.size, amd64.manifest.mediaType],
  ])('is copied again: %s', async (_what, name, size, mediaType) => {
    const registry = await startRegistry({ fault: claims(name, size, mediaType) });
    const { descriptor } = await publishTo(registry.host);
    expect(registry.manifest('app', '1.2')?.digest).toBe(descriptor.digest);
    expect(registry.manifest('app', amd64.manifest.digest)).toBeDefined();
  });
});

it('writes the subject of referrers first if a registry requires it', async () => {
  const registry = await startRegistry({
    referrers: {},
    fault: ({ method, path }, next) => {
      const isReferrer =
        method === 'PUT' && path.endsWith(artifact(pair, { text: 'signed index' }).manifest.digest);
      return isReferrer && registry.manifest('app', pair.digest) === undefined
        ? failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
        : next();
    },
  });
  const { referrers } = await publishTo(registry.host, true);
  expect(referrers).toHaveLength(1);
  expect(registry.manifest('app', '1.2')?.digest).toBe(pair.digest);
});
