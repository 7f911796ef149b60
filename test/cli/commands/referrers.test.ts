import { describe, expect, it } from 'vitest';

import { artifact, listTag } from '../../support/artifact.js';
import { failure, type Answer, type LoggedRequest } from '../../support/fake-server.js';
import { amd64, arm64, pair } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../../support/memory-registry.js';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** An attestation of an image that names it as its subject, as BuildKit writes artifacts. */
const attestation = artifact(amd64.manifest, { type: 'application/vnd.in-toto+json', text: 'provenance' });

/** Puts the index of an image and its attestation. */
function putAttested(registry: MemoryRegistry, path: string, tag: string): string {
  for (const each of [amd64, attestation]) registry.put(path, each);
  const platform = { architecture: 'amd64', os: 'linux' };
  const unknown = { architecture: 'unknown', os: 'unknown' };
  const annotations = {
    'vnd.docker.reference.digest': amd64.manifest.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  };
  const [image, other] = [amd64, attestation].map(({ manifest: { mediaType, digest, size } }) => ({
    mediaType,
    digest,
    size,
  }));
  const index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      { ...image, platform },
      { ...other, annotations, platform: unknown },
    ],
  };
  return registry.putManifest(path, Buffer.from(JSON.stringify(index)), OCI_INDEX, tag);
}

const rejecting =
  (answer: Answer) =>
  ({ method, path }: LoggedRequest, next: () => Promise<Answer>): Answer | Promise<Answer> =>
    method === 'PUT' && /\/manifests\/sha256-/.test(path) ? answer : next();

describe('a registry without lists of referrers', () => {
  it.each<[string, MemoryRegistryOptions]>([
    ['reads the tag as a digest (GitLab)', { tagsAsDigests: true }],
    ['rejects the tag with 400', { fault: rejecting({ status: 400 }) }],
    ['rejects the tag with 403', { fault: rejecting(failure(403, 'DENIED', 'denied')) }],
    ['rejects the tag with 405', { fault: rejecting({ status: 405 }) }],
    ['has an immutable tag', { fault: rejecting(failure(409, 'TAG_IMMUTABLE', 'immutable')) }],
  ])('gets images with attestations, the first time and again, if it %s', async (_what, registry) => {
    const line = await startCommandLine({ registry });
    putAttested(line.registry, 'source', '1.2');
    for (const name of ['first', 'again']) {
      const { code, stderr } = await line.run([
        'create',
        `${line.app}:${name}`,
        `${line.host}/source:1.2`,
        '--push',
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) as string });
      expect(line.registry.manifest('app', name)).toBeDefined();
    }
    const first = await line.run(['copy', '--referrers', `${line.host}/source:1.2`, `${line.host}/copy:1.2`]);
    expect(first.code).toBe(0);
    expect(first.stderr).toContain(`does not list ${attestation.manifest.digest} as a referrer`);
  });

  it('shows no children of an index as its referrers', async () => {
    const line = await startCommandLine({ images: { '1.2': pair }, registry: { tagsAsDigests: true } });
    const { code, stdout, stderr } = await line.run(['inspect', '--format', 'tree', `${line.app}:1.2`]);
    expect(code).toBe(0);
    expect(stdout.split(amd64.manifest.digest)).toHaveLength(2);
    expect(stdout.split(arm64.manifest.digest)).toHaveLength(2);
    expect(stderr).toBe('');
  });
});

describe('a tag in the form of a referrers tag', () => {
  it.each([
    ['an image', arm64],
    ['an index', pair],
  ])('that is %s is left alone by --referrers, with a warning', async (_what, content) => {
    const line = await startCommandLine({ images: { '1.2': amd64 } });
    line.registry.put('app', content, listTag(amd64.manifest));
    line.registry.put('copy', content, listTag(amd64.manifest));
    line.registry.put('signed', amd64, '1.2');
    line.registry.put('signed', attestation);
    const entry = { ...attestation.manifest, bytes: undefined, artifactType: 'application/vnd.in-toto+json' };
    const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] };
    line.registry.putManifest(
      'signed',
      Buffer.from(JSON.stringify(list)),
      OCI_INDEX,
      listTag(amd64.manifest),
    );
    const before = line.registry.manifest('copy', listTag(amd64.manifest))?.digest;

    const read = await line.run(['copy', '--referrers', `${line.app}:1.2`, `${line.host}/other:1.2`]);
    expect(read.code).toBe(0);
    expect(read.stderr).toContain(`app:${listTag(amd64.manifest)} is not a list of referrers`);

    const written = await line.run([
      'copy',
      '--referrers',
      `${line.host}/signed:1.2`,
      `${line.host}/copy:1.2`,
    ]);
    expect(written.code).toBe(0);
    expect(written.stderr).toContain(`does not list ${attestation.manifest.digest} as a referrer`);
    expect(line.registry.manifest('copy', attestation.manifest.digest)).toBeDefined();
    expect(line.registry.manifest('copy', listTag(amd64.manifest))?.digest).toBe(before);
  });
});
