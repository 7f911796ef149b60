import { describe, expect, it } from 'vitest';

import { digestOf } from '../../../src/oci/digest.js';
import {
  ConflictError,
  FailedError,
  InvalidError,
  MissingContentError,
  NotFoundError,
  type ErrorKind,
  type MultiarchError,
} from '../../../src/oci/errors.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { parseTag } from '../../../src/oci/reference.js';
import { artifact, documentOf } from '../../support/artifact.js';
import { failureOf } from '../../support/failure.js';
import { amd64 as image, arm64 } from '../../support/images.js';
import { connect, startRegistry } from '../../support/open-repository.js';
import { failure, type Answer, type LoggedRequest } from '../../support/fake-server.js';
import { tinyIndex } from '../../support/tiny-image.mjs';

const tag = parseTag('1.2');
const index = tinyIndex([image]);
const other = tinyIndex([image, arm64]);
const document = parseDocument(index.bytes);
const short = index.digest.slice(0, 15);

function onPut(to: (next: () => Promise<Answer>) => Answer | Promise<Answer>) {
  return (request: LoggedRequest, next: () => Promise<Answer>): Answer | Promise<Answer> =>
    request.method === 'PUT' ? to(next) : next();
}

describe('writeManifest', () => {
  it('puts the exact bytes, under the tag or the digest, in one request', async () => {
    const registry = await startRegistry();
    registry.put('app', image);
    const repository = connect(registry.host)('app');
    const bytes = Buffer.from(`\n${Buffer.from(index.bytes).toString()}\n`);
    const spaced = parseDocument(bytes);
    const descriptor = { mediaType: index.mediaType, digest: spaced.digest, size: bytes.length };

    expect(await repository.writeManifest(spaced)).toEqual(descriptor);
    expect(await repository.writeManifest(spaced, { tag })).toEqual(descriptor);
    expect(registry.manifest('app', '1.2')).toEqual({ ...registry.manifest('app', spaced.digest) });
    expect(registry.manifest('app', '1.2')).toEqual({
      mediaType: index.mediaType,
      bytes,
      digest: spaced.digest,
    });
    expect(registry.lines()).toEqual([
      `PUT /v2/app/manifests/${spaced.digest.slice(0, 15)} 201`,
      'PUT /v2/app/manifests/1.2 201',
    ]);
  });

  it('sends nothing that is larger than registries accept', async () => {
    const registry = await startRegistry();
    const padded = parseDocument(Buffer.concat([index.bytes, Buffer.alloc(4 << 20, ' ')]));
    await expect(connect(registry.host)('app').writeManifest(padded)).rejects.toThrow(
      /registries accept at most 4194304/,
    );
    expect(registry.requests).toEqual([]);
  });

  it('sends nothing with another digest than its own', async () => {
    const registry = await startRegistry();
    const forged = { ...document, digest: digestOf(other.bytes) };
    const write = connect(registry.host)('app').writeManifest(forged, { tag });
    await expect(write).rejects.toBeInstanceOf(InvalidError);
    expect(registry.requests).toEqual([]);
  });

  it.each<[string, (answer: Answer) => Answer]>([
    ['responds with 200', (answer) => ({ ...answer, status: 200 })],
    ['responds with 202', (answer) => ({ ...answer, status: 202 })],
    ['responds with 201 without a digest', () => ({ status: 201 })],
    [
      'responds with 201 with a malformed digest',
      () => ({ status: 201, headers: { 'docker-content-digest': 'x' } }),
    ],
  ])('reads back if the registry %s', async (_what, to) => {
    const registry = await startRegistry({ fault: onPut(async (next) => to(await next())) });
    registry.put('app', image);
    await connect(registry.host)('app').writeManifest(document, { tag });
    expect(registry.lines().at(-1)).toBe('HEAD /v2/app/manifests/1.2 200');
  });

  it('fails if the registry returns something else after a success', async () => {
    const registry = await startRegistry({ fault: onPut(() => ({ status: 200 })) });
    registry.put('app', other, '1.2');
    const error = await failureOf(connect(registry.host)('app').writeManifest(document, { tag }));
    expect(error).toBeInstanceOf(FailedError);
    expect(String(error)).toContain(index.digest);
    expect(String(error)).toContain(other.digest);
  });

  it('waits for a registry that returns a tag a moment later', async () => {
    let heads = 0;
    const waits: number[] = [];
    const registry = await startRegistry({
      fault: async ({ method }, next) => {
        if (method === 'PUT') return { ...(await next()), status: 200 };
        heads += 1;
        return heads < 3 ? failure(404, 'MANIFEST_UNKNOWN', 'not yet') : next();
      },
    });
    registry.put('app', image);
    await connect(registry.host, { waits })('app').writeManifest(document, { tag });
    expect(waits).toEqual([250, 1_000]);
  });

  it('fails if the registry stored something else', async () => {
    const registry = await startRegistry({
      fault: onPut(() => ({ status: 201, headers: { 'docker-content-digest': other.digest } })),
    });
    const error = await failureOf(connect(registry.host)('app').writeManifest(document, { tag }));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain(`as ${other.digest}, but ${index.digest} was sent`);
  });

  it.each([
    [400, 'MANIFEST_BLOB_UNKNOWN'],
    [404, 'MANIFEST_BLOB_UNKNOWN'],
    [400, 'BLOB_UNKNOWN'],
    [404, 'BLOB_UNKNOWN'],
    [400, 'MANIFEST_UNKNOWN'],
    [404, 'MANIFEST_UNKNOWN'],
    [400, 'BLOB_UPLOAD_UNKNOWN'],
  ])('tries again while a registry does not find the children yet: %i %s', async (status, code) => {
    let puts = 0;
    const waits: number[] = [];
    const registry = await startRegistry({
      fault: onPut((next) => {
        puts += 1;
        return puts < 4 ? failure(status, code, 'not yet') : next();
      }),
    });
    registry.put('app', image);
    await connect(registry.host, { waits })('app').writeManifest(document, { tag });
    expect(puts).toBe(4);
    // The registry has them, so the last wait is that of a retry.
    expect(waits).toEqual([250, 1_000, 625]);
  });

  it.each([
    [404, 'BLOB_UNKNOWN'],
    [404, 'MANIFEST_UNKNOWN'],
    [400, 'MANIFEST_INVALID'],
    [400, 'UNKNOWN'],
  ])('names the children that a registry lacks, whatever it says: %i %s', async (status, code) => {
    const registry = await startRegistry({ fault: onPut(() => failure(status, code, 'no')) });
    registry.put('app', arm64);
    const error = await failureOf(connect(registry.host)('app').writeManifest(parseDocument(other.bytes)));
    expect(error).toBeInstanceOf(MissingContentError);
    expect((error as MissingContentError).missing).toEqual(new Set([image.manifest.digest]));
    expect(String(error)).toContain(`missing from ${registry.host}/app: ${image.manifest.digest} (`);
  });

  it('names a subject that a registry requires and lacks', async () => {
    const registry = await startRegistry({ fault: onPut(() => failure(404, 'MANIFEST_UNKNOWN', 'no')) });
    const signature = artifact(image.manifest);
    for (const blob of [signature.config, ...signature.layers]) registry.putBlob('app', blob.bytes);
    const error = await failureOf(connect(registry.host)('app').writeManifest(documentOf(signature)));
    expect(error).toBeInstanceOf(MissingContentError);
    expect(String(error)).toContain(
      `its subject is missing from ${registry.host}/app: ${image.manifest.digest}`,
    );
    expect((error as MultiarchError).hint).toBe('Copy its subject first.');
  });

  it('ends as it began if the registry has everything and never finds it', async () => {
    const waits: number[] = [];
    const registry = await startRegistry({ fault: onPut(() => failure(404, 'BLOB_UNKNOWN', 'no')) });
    registry.put('app', image);
    const error = await failureOf(connect(registry.host, { waits })('app').writeManifest(document));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain('a child of it is missing');
    expect(waits).toEqual([250, 1_000, 625, 1_875]);
  });

  it('does not search for children because of a rejection that is about something else', async () => {
    const registry = await startRegistry({ fault: onPut(() => failure(404, 'NAME_UNKNOWN', 'no')) });
    await expect(connect(registry.host)('app').writeManifest(document)).rejects.toBeInstanceOf(NotFoundError);
    expect(registry.requests).toHaveLength(1);
  });

  it('leaves the retries to the HTTP client if the registry reports missing children with a 5xx', async () => {
    let puts = 0;
    const registry = await startRegistry({
      fault: onPut(() => {
        puts += 1;
        return failure(500, 'MANIFEST_BLOB_UNKNOWN', 'not yet');
      }),
    });
    registry.put('app', image);
    const write = connect(registry.host)('app').writeManifest(document, { tag });
    await expect(write).rejects.toBeInstanceOf(InvalidError);
    expect(puts).toBe(3);
  });

  it('names the children that are still missing', async () => {
    const registry = await startRegistry();
    const error = await failureOf(connect(registry.host)('app').writeManifest(document, { tag }));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain(`missing from ${registry.host}/app: ${image.manifest.digest} (`);
    expect(registry.lines()).toEqual([
      ...Array<string>(3).fill('PUT /v2/app/manifests/1.2 400'),
      `HEAD /v2/app/manifests/${image.manifest.digest.slice(0, 15)} 404`,
    ]);
    expect(registry.manifest('app', '1.2')).toBeUndefined();
  });
});

it('says why a registry may reject an image whose layers are at URLs', async () => {
  const layer = `sha256:${'b'.repeat(64)}`;
  const registry = await startRegistry({
    fault: onPut(() => failure(400, 'MANIFEST_BLOB_UNKNOWN', `blob unknown: ${layer}`)),
  });
  const { mediaType, digest, size } = image.config;
  const foreign = {
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    digest: layer,
    size: 9,
    urls: ['https://elsewhere.example.com/layer'],
  };
  const value = {
    schemaVersion: 2,
    mediaType: image.manifest.mediaType,
    config: { mediaType, digest, size },
    layers: [foreign],
  };
  const windows = parseDocument(Buffer.from(JSON.stringify(value)));
  await expect(connect(registry.host)('app').writeManifest(windows)).rejects.toMatchObject({
    hint: expect.stringContaining('non-distributable') as string,
  });
});

describe('an immutable tag', () => {
  const rejections: readonly (readonly [string, Answer])[] = [
    ['ECR', failure(400, 'TAG_INVALID', 'already exists and is immutable')],
    ['ECR by exception', { status: 400, body: 'ImageTagAlreadyExistsException' }],
    ['Quay', failure(409, 'TAG_IMMUTABLE', 'immutable')],
    ['Harbor', failure(412, 'PRECONDITION', 'immutable tag rule')],
    ['Docker Hub', failure(403, 'DENIED', 'cannot be updated due to immutability settings')],
    ['GitLab', failure(403, 'DENIED', 'tag is immutable')],
    [
      'Nexus',
      failure(400, 'BLOB_UPLOAD_INVALID', 'invalid', 'Repository does not allow updating assets: docker'),
    ],
    ['Nexus, newer', failure(409, 'CONFLICT', 'cannot be updated as asset already exists')],
    ['Azure', failure(405, 'REGISTRY_DISALLOWED_OPERATION', 'The operation is disallowed on this image.')],
    ['Alibaba', failure(400, 'UNKNOWN', 'The requested tag already exists and cannot be overwritten')],
    [
      'Mirantis',
      { status: 400, body: 'tag=1.2 cannot be overwritten because app is an immutable repository' },
    ],
    ['Artifact Registry', failure(400, 'FAILED_PRECONDITION', 'failed precondition')],
    ['a bare 409', { status: 409 }],
    ['a bare 412', { status: 412 }],
  ];

  it.each(rejections)('that has this digest already is no failure (%s)', async (_name, answer) => {
    const registry = await startRegistry({ fault: onPut(() => answer) });
    registry.put('app', index, '1.2');
    await connect(registry.host)('app').writeManifest(document, { tag });
    expect(registry.lines()).toEqual([
      `PUT /v2/app/manifests/1.2 ${answer.status}`,
      'HEAD /v2/app/manifests/1.2 200',
    ]);
  });

  it.each(rejections)('that has another digest is a conflict that names both (%s)', async (_name, answer) => {
    const registry = await startRegistry({ fault: onPut(() => answer) });
    registry.put('app', other, '1.2');
    const error = await failureOf(connect(registry.host)('app').writeManifest(document, { tag }));
    expect(error).toBeInstanceOf(ConflictError);
    const { message, hint, exchange } = error as ConflictError;
    expect(message).toContain(`1.2 is ${other.digest}, not ${index.digest}`);
    expect(hint).toContain('another tag');
    expect(exchange?.status).toBe(answer.status);
  });

  it.each([400, 405, 422])('is recognised by a %i for the tag alone', async (status) => {
    const registry = await startRegistry({
      fault: ({ method, path }, next) =>
        method === 'PUT' && path.endsWith('/1.2') ? { status, body: 'frozen' } : next(),
    });
    registry.put('app', image);
    registry.put('app', other, '1.2');
    const write = connect(registry.host)('app').writeManifest(document, { tag });
    await expect(write).rejects.toBeInstanceOf(ConflictError);
    await expect(write).rejects.toThrow('frozen');
  });

  it.each<[string, Answer, ErrorKind]>([
    ['a 403 without a reason', { status: 403 }, 'unauthorized'],
    [
      'a missing permission',
      failure(403, 'DENIED', 'requested access to the resource is denied'),
      'unauthorized',
    ],
    ['a 401', { status: 401 }, 'unauthorized'],
    ['a read-only registry', failure(405, 'UNSUPPORTED', 'The operation is unsupported.'), 'unauthorized'],
    ['an invalid manifest', failure(400, 'MANIFEST_INVALID', 'manifest invalid'), 'invalid'],
    ['a 400 for any document', { status: 400, body: 'no' }, 'failed'],
  ])('is not the reason for %s', async (_what, answer, kind) => {
    const registry = await startRegistry({ fault: onPut(() => answer) });
    registry.put('app', image);
    registry.put('app', other, '1.2');
    const error = await failureOf(connect(registry.host)('app').writeManifest(document, { tag }));
    expect((error as MultiarchError).kind).toBe(kind);
  });

  it.each<[string, Answer, ErrorKind]>([
    ['405', failure(405, 'UNSUPPORTED', 'The operation is unsupported.'), 'unauthorized'],
    ['400', failure(400, 'MANIFEST_INVALID', 'manifest already exists'), 'invalid'],
    ['409', { status: 409 }, 'conflict'],
  ])('is not claimed for a tag that does not exist (%s)', async (_what, answer, kind) => {
    const registry = await startRegistry({ fault: onPut(() => answer) });
    registry.put('app', image);
    const error = await failureOf(connect(registry.host)('app').writeManifest(document, { tag }));
    expect((error as MultiarchError).kind).toBe(kind);
  });

  it('does not prevent a write by digest', async () => {
    const registry = await startRegistry({ immutableTags: true });
    registry.put('app', index, '1.2');
    await connect(registry.host)('app').writeManifest(document);
    expect(registry.lines()).toEqual([`PUT /v2/app/manifests/${short} 201`]);
  });
});

describe('an attestation that a registry rejects', () => {
  const attestation = artifact(undefined, { type: 'application/vnd.in-toto+json' });
  it.each<[string, Answer]>([
    ['415', { status: 415 }],
    ['an unsupported config', failure(400, 'MANIFEST_INVALID', 'unsupported config media type')],
    ['UNSUPPORTED', failure(405, 'UNSUPPORTED', 'unsupported')],
    ['400', { status: 400, body: 'unknown config' }],
  ])('gets a hint to drop it (%s)', async (_what, answer) => {
    const registry = await startRegistry({ fault: onPut(() => answer) });
    for (const blob of [attestation.config, ...attestation.layers]) registry.putBlob('app', blob.bytes);
    const error = await failureOf(connect(registry.host)('app').writeManifest(documentOf(attestation)));
    expect((error as MultiarchError).hint).toContain('--attestations drop');
  });

  it('is not an image: that gets another hint', async () => {
    const registry = await startRegistry({ fault: onPut(() => ({ status: 415 })) });
    registry.put('app', image);
    const error = await failureOf(connect(registry.host)('app').writeManifest(documentOf(image)));
    expect((error as MultiarchError).hint).not.toContain('--attestations');
  });
});
