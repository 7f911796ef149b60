import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import { parseDigest } from '../../../src/oci/digest.js';
import {
  CancelledError,
  InvalidError,
  NotFoundError,
  UnauthorizedError,
  UnavailableError,
} from '../../../src/oci/errors.js';
import { parseTag } from '../../../src/oci/reference.js';
import { failureOf } from '../../support/failure.js';
import { amd64 as image, arm64 } from '../../support/images.js';
import { connect, startRegistry } from '../../support/open-repository.js';
import type { Answer, LoggedRequest } from '../../support/fake-server.js';
import { tinyIndex } from '../../support/tiny-image.mjs';

const tag = parseTag('1.2');
const index = tinyIndex([image, arm64]);
const descriptor = { mediaType: index.mediaType, digest: index.digest, size: index.size };
const digest = parseDigest(index.digest);
const short = index.digest.slice(0, 15);

/** A fault that changes the responses to manifest requests of one method. */
function change(method: 'HEAD' | 'GET', to: (answer: Answer) => Answer) {
  return async (request: LoggedRequest, next: () => Promise<Answer>): Promise<Answer> =>
    request.method === method && request.path.includes('/manifests/') ? to(await next()) : next();
}

function without(header: string): (answer: Answer) => Answer {
  return (answer) => ({
    ...answer,
    headers: Object.fromEntries(Object.entries(answer.headers ?? {}).filter(([name]) => name !== header)),
  });
}

describe('resolve', () => {
  it('asks with one HEAD', async () => {
    const registry = await startRegistry();
    registry.put('team/app', index, '1.2');
    const repository = connect(registry.host)('team/app');
    expect(await repository.resolve(tag)).toEqual(descriptor);
    expect(await repository.resolve(digest)).toEqual(descriptor);
    expect(registry.lines()).toEqual([
      'HEAD /v2/team/app/manifests/1.2 200',
      `HEAD /v2/team/app/manifests/${short} 200`,
    ]);
  });

  it.each<[string, (answer: Answer) => Answer]>([
    ['answers 405', () => ({ status: 405 })],
    ['answers 501', () => ({ status: 501 })],
    ['answers 400', () => ({ status: 400 })],
    ['answers 403, but not to GET (Artifactory)', () => ({ status: 403 })],
    ['answers 404, but not to GET', () => ({ status: 404 })],
    ['lacks Docker-Content-Digest', without('docker-content-digest')],
    ['lacks Content-Type', without('content-type')],
    [
      'has a malformed digest',
      (answer) => ({ ...answer, headers: { ...answer.headers, 'docker-content-digest': 'sha256:bad' } }),
    ],
    [
      'has a type that says nothing',
      (answer) => ({ ...answer, headers: { ...answer.headers, 'content-type': 'application/octet-stream' } }),
    ],
    ['has no length', (answer) => ({ ...answer, headers: { ...answer.headers, 'content-length': '0' } })],
  ])('reads the manifest if HEAD %s', async (_what, to) => {
    const registry = await startRegistry({ fault: change('HEAD', to) });
    registry.put('app', index, '1.2');
    expect(await connect(registry.host)('app').resolve(tag)).toEqual(descriptor);
    expect(registry.lines().map((line) => line.split(' ')[0])).toEqual(['HEAD', 'GET']);
  });

  it('reads the manifest if HEAD returns another digest', async () => {
    const other = `sha256:${'0'.repeat(64)}`;
    const registry = await startRegistry({
      fault: change('HEAD', (answer) => ({
        ...answer,
        headers: { ...answer.headers, 'docker-content-digest': other },
      })),
    });
    registry.put('app', index);
    expect(await connect(registry.host)('app').resolve(digest)).toEqual(descriptor);
  });

  it("fails with docker's message and the registry's reason for a missing manifest", async () => {
    const registry = await startRegistry();
    registry.put('app', index);
    const error = await failureOf(connect(registry.host)('app').resolve(tag));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({
      message: `no such manifest: ${registry.host}/app:1.2`,
      hint: expect.stringContaining('MANIFEST_UNKNOWN: manifest unknown') as string,
    });
  });

  it('does not repeat the request with GET if the registry is failing', async () => {
    const registry = await startRegistry({ fault: () => ({ status: 503 }) });
    await expect(connect(registry.host)('app').resolve(tag)).rejects.toBeInstanceOf(UnavailableError);
    expect(registry.lines()).toEqual(Array(3).fill('HEAD /v2/app/manifests/1.2 503'));
  });
});

describe('find', () => {
  it('gives what resolve gives', async () => {
    const registry = await startRegistry();
    registry.put('app', index, '1.2');
    expect(await connect(registry.host)('app').find(tag)).toEqual(descriptor);
  });

  it('needs one request for a missing manifest', async () => {
    const registry = await startRegistry();
    expect(await connect(registry.host)('app').find(tag)).toBeUndefined();
    expect(registry.lines()).toEqual(['HEAD /v2/app/manifests/1.2 404']);
  });

  it.each([401, 403])('treats %i as unknown', async (status) => {
    const registry = await startRegistry({ fault: () => ({ status }) });
    await expect(connect(registry.host)('app').find(tag)).rejects.toBeInstanceOf(UnauthorizedError);
  });

  it('does not treat a failing registry as a missing manifest', async () => {
    const registry = await startRegistry({ fault: () => ({ status: 500 }) });
    await expect(connect(registry.host)('app').find(tag)).rejects.toBeInstanceOf(UnavailableError);
  });
});

describe('readManifest', () => {
  it('keeps the exact bytes', async () => {
    const registry = await startRegistry();
    const bytes = Buffer.from(
      Buffer.from(index.bytes).toString().replaceAll('"mediaType":', '\t"mediaType" :\n'),
    );
    registry.putManifest('app', bytes, index.mediaType, '1.2');
    const document = await connect(registry.host)('app').readManifest(tag);
    expect(Buffer.from(document.bytes)).toEqual(bytes);
    expect(document).toMatchObject({ kind: 'index', digest: registry.manifest('app', '1.2')?.digest });
    expect(registry.lines()).toEqual(['GET /v2/app/manifests/1.2 200']);
  });

  it('accepts all formats in one header with every request, so that no registry converts (ECR, Quay, distribution)', async () => {
    const registry = await startRegistry();
    registry.put('app', index, '1.2');
    const repository = connect(registry.host)('app');
    await repository.resolve(tag);
    await repository.readManifest(tag);
    await repository.readManifest(digest);
    const accepted = new Set(registry.requests.map(({ headers }) => headers.accept));
    expect([...accepted]).toEqual([
      'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, ' +
        'application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json',
    ]);
  });

  it('hashes the bytes if the registry returns no digest', async () => {
    const registry = await startRegistry({ fault: change('GET', without('docker-content-digest')) });
    registry.put('app', index, '1.2');
    expect((await connect(registry.host)('app').readManifest(tag)).digest).toBe(index.digest);
  });

  it.each([
    ['a tag, against the digest that the registry states', tag],
    ['a digest, against what was asked for', digest],
  ])('rejects tampered bytes of %s', async (_what, selector) => {
    const bytes = Buffer.from(Buffer.from(index.bytes).toString().replace('arm64', 'arm65'));
    const registry = await startRegistry({
      fault: change('GET', (answer) => ({ ...answer, body: bytes })),
    });
    registry.put('app', index, '1.2');
    const error = await failureOf(connect(registry.host)('app').readManifest(selector));
    expect(error).toBeInstanceOf(InvalidError);
    expect(String(error)).toContain(index.digest);
    expect(String(error)).toContain(createHash('sha256').update(bytes).digest('hex'));
  });

  it('verifies sha512 too', async () => {
    const sha512 = `sha512:${createHash('sha512').update(index.bytes).digest('hex')}`;
    const registry = await startRegistry({
      fault: change('GET', (answer) => ({
        ...answer,
        status: 200,
        headers: { 'content-type': index.mediaType, 'docker-content-digest': sha512 },
        body: Buffer.from(index.bytes),
      })),
    });
    const repository = connect(registry.host)('app');
    expect((await repository.readManifest(parseDigest(sha512))).digest).toBe(sha512);
    expect((await repository.readManifest(tag)).digest).toBe(sha512);
    const other = parseDigest(`sha512:${'0'.repeat(128)}`);
    await expect(repository.readManifest(other)).rejects.toBeInstanceOf(InvalidError);
  });

  it('reports content that cannot be verified', async () => {
    const unknown = parseDigest('blake3:0123456789abcdef0123456789abcdef');
    const events: WorkEvent[] = [];
    const registry = await startRegistry({
      fault: () => ({
        status: 200,
        headers: { 'content-type': index.mediaType },
        body: Buffer.from(index.bytes),
      }),
    });
    const repository = connect(registry.host, { onEvent: (event) => events.push(event) })('app');
    expect((await repository.readManifest(unknown)).digest).toBe(unknown);
    expect(events).toEqual([
      { kind: 'warning', message: expect.stringContaining('cannot verify') as string },
    ]);
  });

  it('rejects a body of another media type than Content-Type (CVE-2021-41190)', async () => {
    const registry = await startRegistry();
    registry.putManifest('app', index.bytes, image.manifest.mediaType, '1.2');
    await expect(connect(registry.host)('app').readManifest(tag)).rejects.toBeInstanceOf(InvalidError);
  });

  it('rejects a document that is both manifest and index (CVE-2021-41190)', async () => {
    const registry = await startRegistry();
    const manifest = JSON.parse(Buffer.from(image.manifest.bytes).toString()) as object;
    const both = Buffer.from(JSON.stringify({ ...manifest, manifests: [] }));
    registry.putManifest('app', both, image.manifest.mediaType, '1.2');
    await expect(connect(registry.host)('app').readManifest(tag)).rejects.toBeInstanceOf(InvalidError);
  });

  it('gives up on a cancelled signal', async () => {
    const registry = await startRegistry();
    const signal = AbortSignal.abort();
    await expect(connect(registry.host)('app').readManifest(tag, { signal })).rejects.toBeInstanceOf(
      CancelledError,
    );
    expect(registry.requests).toEqual([]);
  });
});

describe('access', () => {
  const auth = { kind: 'bearer', username: 'me', password: 'secret' } as const;
  const credential = { kind: 'basic', username: 'me', password: 'secret' } as const;

  it('asks for pull alone to read (docker/cli#4345)', async () => {
    const registry = await startRegistry({ auth: { ...auth, anonymousPull: true } });
    registry.put('app', index, '1.2');
    await connect(registry.host)('app', 'pull').resolve(tag);
    const scopes = registry.requests.flatMap(({ path }) =>
      new URL(path, 'http://x').searchParams.getAll('scope'),
    );
    expect(scopes).toEqual(['repository:app:pull']);
  });

  it('requests the right to push with the first request, so that one token serves all', async () => {
    const registry = await startRegistry({ auth });
    registry.put('app', index, '1.2');
    const repository = connect(registry.host, { credential })('app');
    const document = await repository.readManifest(tag);
    await repository.writeManifest(document, { tag: parseTag('1.3') });
    expect(registry.lines().map((line) => line.replace(/\?.*(?= )/, ''))).toEqual([
      'GET /v2/app/manifests/1.2 401',
      'GET /token 200',
      'GET /v2/app/manifests/1.2 200',
      'PUT /v2/app/manifests/1.3 201',
    ]);
  });

  it('reports a missing login', async () => {
    const registry = await startRegistry({ auth });
    const error = await failureOf(connect(registry.host)('app', 'pull').readManifest(tag));
    expect(error).toBeInstanceOf(UnauthorizedError);
    expect((error as UnauthorizedError).hint).toContain(`multiarch login ${registry.host}`);
  });
});
