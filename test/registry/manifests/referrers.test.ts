import { describe, expect, it, vi } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import { parseDigest } from '../../../src/oci/digest.js';
import {
  InvalidError,
  UnauthorizedError,
  UnavailableError,
  type ErrorKind,
} from '../../../src/oci/errors.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { parseTag } from '../../../src/oci/reference.js';
import { artifact, documentOf } from '../../support/artifact.js';
import { amd64 as image, arm64 } from '../../support/images.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../../support/memory-registry.js';
import { connect, startRegistry, type OpenOptions } from '../../support/open-repository.js';
import { failure, json, type Answer, type LoggedRequest } from '../../support/fake-server.js';
import { tinyIndex } from '../../support/tiny-image.mjs';

const subject = parseDigest(image.manifest.digest);
const short = subject.slice(0, 15);
const tag = subject.replace(':', '-');
const signatures = ['a', 'b', 'c', 'd', 'e'].map((text) => artifact(image.manifest, { text }));
const digests = signatures.map(({ manifest }) => manifest.digest);

async function start(options: MemoryRegistryOptions = {}, open: OpenOptions = {}) {
  const registry = await startRegistry(options);
  registry.put('app', image);
  return { registry, repository: connect(registry.host, open)('app') };
}

function list(...manifests: readonly { readonly digest: string }[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
}

/** A response with the type of a list. */
const typed = (body: Uint8Array): Answer => ({ status: 200, headers: { 'content-type': OCI_INDEX }, body });

const entry = ({ manifest: { mediaType, digest, size } }: (typeof signatures)[number]) => ({
  mediaType,
  digest,
  size,
  artifactType: 'application/vnd.example.signature',
});

/** The digests of the tag's list. */
function held(registry: MemoryRegistry): string[] {
  const { bytes } = registry.manifest('app', tag) ?? expect.fail('there is no list');
  return (JSON.parse(bytes.toString()) as { manifests: { digest: string }[] }).manifests.map(
    ({ digest }) => digest,
  );
}

const onReferrers =
  (to: (request: LoggedRequest, next: () => Promise<Answer>) => Answer | Promise<Answer>) =>
  (request: LoggedRequest, next: () => Promise<Answer>) =>
    request.path.includes('/referrers/') ? to(request, next) : next();

describe('listReferrers', () => {
  it.each([1, 2, 5, 100])('reads pages of %i, in order', async (pageSize) => {
    const { registry, repository } = await start({ referrers: { pageSize } });
    for (const signature of signatures) registry.put('app', signature);
    registry.put('app', artifact(arm64.manifest));

    const found = await repository.listReferrers(subject);

    expect(found.map(({ digest }) => digest)).toEqual(digests);
    expect(registry.requests).toHaveLength(Math.ceil(5 / pageSize));
    expect(registry.requests.every(({ headers }) => headers.accept === OCI_INDEX)).toBe(true);
  });

  it('gives what is listed twice once', async () => {
    const { registry, repository } = await start();
    const [first = expect.fail()] = signatures;
    registry.putManifest('app', list(entry(first), entry(first)), OCI_INDEX, tag);
    expect(await repository.listReferrers(subject)).toEqual([entry(first)]);
  });

  it.each<[string, Answer]>([
    ['404', { status: 404, body: Buffer.from('404 page not found') }],
    ['405', failure(405, 'UNSUPPORTED', 'The operation is unsupported.')],
    ['400', failure(400, 'UNSUPPORTED', 'not here')],
    ['406', { status: 406 }],
    ['501', { status: 501 }],
    ['an HTML page', { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<p>') }],
    ['some JSON', json(200, {})],
    ['nothing', { status: 200 }],
    ['the image itself', typed(image.manifest.bytes)],
    [
      'an image manifest of another type',
      { status: 200, headers: { 'content-type': OCI_MANIFEST }, body: image.manifest.bytes },
    ],
    ['an index of images', typed(tinyIndex([image, arm64]).bytes)],
    [
      'a list of another type',
      { status: 200, headers: { 'content-type': 'application/json' }, body: list() },
    ],
    ['JSON that is no object', typed(Buffer.from('[]'))],
  ])('reads the tag if the registry responds with %s, and does not ask again', async (_what, answer) => {
    const { registry, repository } = await start({ fault: onReferrers(() => answer) });
    const [first = expect.fail()] = signatures;
    registry.putManifest('app', list(entry(first)), OCI_INDEX, tag);
    const other = parseDigest(digests[1] ?? '');

    expect(await repository.listReferrers(subject)).toEqual([entry(first)]);
    expect(await repository.listReferrers(other)).toEqual([]);

    expect(registry.lines()).toEqual([
      `GET /v2/app/referrers/${short} ${answer.status}`,
      `GET /v2/app/manifests/${tag} 200`,
      `GET /v2/app/manifests/${other.replace(':', '-')} 404`,
    ]);
  });

  it('asks once for concurrent calls if the registry has no referrers API', async () => {
    const { registry, repository } = await start();
    const asked = digests.map((digest) => repository.listReferrers(parseDigest(digest)));
    expect(await Promise.all(asked)).toEqual(digests.map(() => []));
    expect(registry.lines().filter((line) => line.includes('/referrers/'))).toHaveLength(1);
    expect(registry.requests).toHaveLength(6);
  });

  it('does not learn from a missing repository whether there is a referrers API', async () => {
    const { registry, repository } = await start({
      referrers: {},
      fault: onReferrers((_request, next) =>
        registry.requests.length === 1 ? failure(404, 'NAME_UNKNOWN', 'no such repository') : next(),
      ),
    });
    const [first = expect.fail()] = signatures;
    expect(await repository.listReferrers(subject)).toEqual([]);
    registry.put('app', first);
    expect(await repository.listReferrers(subject)).toEqual([entry(first)]);
  });

  it.each<[string, Answer]>([
    ['MANIFEST_UNKNOWN', failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown')],
    ['NAME_UNKNOWN', failure(404, 'NAME_UNKNOWN', 'no such repository')],
  ])('treats %s as about the digest, not about the registry', async (_code, answer) => {
    const gone = parseDigest(digests[1] ?? '');
    const { registry, repository } = await start({
      referrers: {},
      fault: onReferrers((request, next) => (request.path.includes(gone) ? answer : next())),
    });
    const [first = expect.fail()] = signatures;
    registry.put('app', first);
    const [none, some] = await Promise.all([
      repository.listReferrers(gone),
      repository.listReferrers(subject),
    ]);
    expect({ none, some }).toEqual({ none: [], some: [entry(first)] });
    expect(registry.lines()).toContain(`GET /v2/app/manifests/${gone.replace(':', '-')} 404`);
    // Nor does it make a registry forget that it has lists.
    expect(await repository.listReferrers(gone)).toEqual([]);
    expect(await repository.listReferrers(subject)).toEqual([entry(first)]);
  });

  it.each<[string, Answer]>([
    ['405', failure(405, 'UNSUPPORTED', 'The operation is unsupported.')],
    ['501', { status: 501 }],
    ['an HTML page', { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<p>') }],
  ])('does not treat %s as an empty list if the registry has the referrers API', async (_what, answer) => {
    let asked = 0;
    const { repository } = await start({
      referrers: {},
      fault: onReferrers((_request, next) => ((asked += 1) === 1 ? next() : answer)),
    });
    expect(await repository.listReferrers(subject)).toEqual([]);
    await expect(repository.listReferrers(parseDigest(digests[1] ?? ''))).rejects.toThrow(/the referrers of/);
  });

  it.each<[number, ErrorKind]>([
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [429, 'rate-limited'],
    [503, 'unavailable'],
    [418, 'failed'],
  ])('fails for %i, with the name of the image', async (status, kind) => {
    const { repository } = await start({ fault: onReferrers(() => ({ status })) }, { retries: 0 });
    const listed = repository.listReferrers(subject);
    await expect(listed).rejects.toMatchObject({ kind });
    await expect(listed).rejects.toThrow(`app@${subject}`);
  });

  it('asks again after a failure', async () => {
    let asked = 0;
    const { repository, registry } = await start({
      referrers: {},
      fault: onReferrers((_request, next) => ((asked += 1) === 1 ? { status: 403 } : next())),
    });
    const [first = expect.fail()] = signatures;
    registry.put('app', first);
    await expect(repository.listReferrers(subject)).rejects.toBeInstanceOf(UnauthorizedError);
    expect(await repository.listReferrers(subject)).toEqual([entry(first)]);
  });

  it.each<[string, Answer]>([
    ['is no JSON', { status: 200, body: Buffer.from('{') }],
    [
      'has an entry without a digest',
      { status: 200, body: Buffer.from('{"schemaVersion":2,"manifests":[{}]}') },
    ],
    ['is too long', { status: 200, body: Buffer.alloc((8 << 20) + 1, ' ') }],
  ])('rejects a list that %s', async (_what, answer) => {
    const headers = { 'content-type': OCI_INDEX };
    const { repository } = await start({ fault: onReferrers(() => ({ ...answer, headers })) });
    await expect(repository.listReferrers(subject)).rejects.toBeInstanceOf(InvalidError);
  });

  it('rejects a list without end, and one that is too long in all', async () => {
    const page = (body: Buffer, request: LoggedRequest): Answer => ({
      status: 200,
      headers: { 'content-type': OCI_INDEX, link: `<${request.path}x?>; rel="next"`.replace('x?', '?x') },
      body,
    });
    const endless = await start({ fault: onReferrers((request) => page(list(), request)) });
    await expect(endless.repository.listReferrers(subject)).rejects.toThrow(/more than 100 pages/);
    expect(endless.registry.requests).toHaveLength(100);

    const padded = Buffer.concat([list(), Buffer.alloc(7 << 20, ' ')]);
    const long = await start({ fault: onReferrers((request) => page(padded, request)) });
    await expect(long.repository.listReferrers(subject)).rejects.toThrow(
      /longer than the allowed 33554432 bytes/,
    );
    expect(long.registry.requests).toHaveLength(5);
  });

  it('sends no request to another host that the list names (go-containerregistry#2332)', async () => {
    const other = await startRegistry();
    const link = `<http://${other.host}/v2/app/referrers/${subject}?last=b>; rel="next"`;
    const { registry, repository } = await start({
      fault: onReferrers(() => ({
        status: 200,
        headers: { 'content-type': OCI_INDEX, link },
        body: list(),
      })),
    });
    await expect(repository.listReferrers(subject)).rejects.toThrow(
      `rejected the next page of the referrers list of ${registry.host}: it is at http://${other.host}`,
    );
    expect(other.requests).toEqual([]);
  });

  it.each([
    ['an image', arm64.manifest],
    ['an index of images', tinyIndex([image, arm64])],
    ['a Docker list', tinyIndex([image, arm64], { mediaTypes: 'docker' })],
  ])('ignores a tag that is %s, with a warning', async (_what, { bytes, mediaType }) => {
    const events: WorkEvent[] = [];
    const { registry, repository } = await start({}, { onEvent: (event) => events.push(event) });
    registry.putManifest('app', bytes, mediaType, tag);
    expect(await repository.listReferrers(subject)).toEqual([]);
    expect(events).toEqual([
      {
        kind: 'warning',
        message: expect.stringContaining(`${registry.host}/app:${tag} is not a list of referrers`) as string,
      },
    ]);
  });

  it('has no children of the subject if the registry reads the tag as a digest (GitLab)', async () => {
    const events: WorkEvent[] = [];
    const index = tinyIndex([image, arm64]);
    const { registry, repository } = await start(
      { tagsAsDigests: true },
      { onEvent: (event) => events.push(event) },
    );
    registry.put('app', index);
    expect(await repository.listReferrers(parseDigest(index.digest))).toEqual([]);
    expect(await repository.listReferrers(subject)).toEqual([]);
    expect(events).toEqual([]);
  });
});

describe('writing what has a subject', () => {
  const [first = expect.fail(), second = expect.fail(), third = expect.fail()] = signatures;

  async function startWithBlobs(options: MemoryRegistryOptions = {}, open: OpenOptions = {}) {
    const started = await start(options, open);
    for (const { config, layers } of signatures) {
      for (const { bytes } of [config, ...layers]) started.registry.putBlob('app', bytes);
    }
    return started;
  }

  it('is one request if the registry indexes it', async () => {
    const { registry, repository } = await startWithBlobs({ referrers: {} });
    await repository.writeManifest(documentOf(first));
    expect(registry.requests).toHaveLength(1);
    expect(registry.manifest('app', tag)).toBeUndefined();
  });

  it('adds it to the list of the tag if the registry does not', async () => {
    const { registry, repository } = await startWithBlobs();
    await repository.writeManifest(documentOf(first));
    await repository.writeManifest(documentOf(second));
    expect(held(registry)).toEqual(digests.slice(0, 2).toSorted());
    const at = `/v2/app/manifests/${tag}`;
    expect(registry.lines()).toEqual([
      `PUT /v2/app/manifests/${digests[0]?.slice(0, 15)} 201`,
      `GET ${at} 404`,
      `PUT ${at} 201`,
      `HEAD ${at} 200`,
      `PUT /v2/app/manifests/${digests[1]?.slice(0, 15)} 201`,
      `GET ${at} 200`,
      `PUT ${at} 201`,
      `HEAD ${at} 200`,
    ]);
    expect(await repository.listReferrers(subject)).toContainEqual(entry(first));
  });

  it('does not write a list that has it', async () => {
    const { registry, repository } = await startWithBlobs();
    registry.put('app', first);
    const bytes = list(entry(first));
    registry.putManifest('app', bytes, OCI_INDEX, tag);
    await repository.writeManifest(documentOf(first));
    expect(registry.manifest('app', tag)?.bytes).toEqual(bytes);
    expect(registry.lines().filter((line) => line.startsWith('PUT'))).toHaveLength(1);
  });

  it('loses none that are written concurrently, by several repository objects', async () => {
    const { registry } = await startWithBlobs();
    await Promise.all(
      signatures.map((signature) => connect(registry.host)('app').writeManifest(documentOf(signature))),
    );
    expect(held(registry).toSorted()).toEqual(digests.toSorted());
  });

  it('writes and looks at a list once for many that are written at the same time', async () => {
    const waits: number[] = [];
    const { registry, repository } = await startWithBlobs(
      {
        fault: async (request, next) => {
          const isList = request.path.endsWith(tag);
          // The first read of the list takes until all documents exist.
          if (isList && request.method === 'GET') {
            await vi.waitFor(() => {
              if (digests.some((digest) => registry.manifest('app', digest) === undefined)) throw new Error();
            });
          }
          return next();
        },
      },
      { waits },
    );
    await Promise.all(signatures.map((signature) => repository.writeManifest(documentOf(signature))));
    expect(held(registry)).toEqual(digests.toSorted());
    expect(
      registry.lines().filter((line) => line.startsWith(`PUT /v2/app/manifests/${tag}`)).length,
    ).toBeLessThan(3);
    expect(waits.length).toBeLessThan(3);
  });

  it.each<[string, Answer]>([
    ['400', failure(400, 'TAG_INVALID', 'invalid tag')],
    ['400 without a code', { status: 400 }],
    ['401', { status: 401 }],
    ['403', failure(403, 'DENIED', 'denied')],
    ['404', failure(404, 'NAME_UNKNOWN', 'no')],
    ['405', failure(405, 'UNSUPPORTED', 'unsupported')],
    ['409', failure(409, 'TAG_IMMUTABLE', 'immutable')],
    ['415', { status: 415 }],
    ['422', { status: 422 }],
    ['501', { status: 501 }],
  ])('is published, with a warning, if the registry rejects the list: %s', async (_what, answer) => {
    const events: WorkEvent[] = [];
    const { registry, repository } = await startWithBlobs(
      {
        fault: (request, next) => (request.method === 'PUT' && request.path.endsWith(tag) ? answer : next()),
      },
      { onEvent: (event) => events.push(event) },
    );
    await repository.writeManifest(documentOf(first), { tag: parseTag('1.2') });
    expect(registry.manifest('app', '1.2')?.digest).toBe(first.manifest.digest);
    expect(events).toEqual([
      {
        kind: 'warning',
        message: expect.stringContaining(
          `/app does not list ${first.manifest.digest} as a referrer of ${subject}: `,
        ) as string,
      },
    ]);
  });

  it('is published, with a warning, if the registry reads the tag as a digest (GitLab)', async () => {
    const events: WorkEvent[] = [];
    const { registry, repository } = await startWithBlobs(
      { tagsAsDigests: true },
      { onEvent: (event) => events.push(event) },
    );
    await repository.writeManifest(documentOf(first), { tag: parseTag('1.2') });
    expect(registry.manifest('app', '1.2')?.digest).toBe(first.manifest.digest);
    expect(registry.lines().filter((line) => line.startsWith(`PUT /v2/app/manifests/${tag}`))).toEqual([]);
    expect(events.map(({ kind }) => kind)).toEqual(['warning']);
  });

  it('fails before a tag moves if the registry fails', async () => {
    const { registry, repository } = await startWithBlobs({
      fault: (request, next) =>
        request.method === 'PUT' && request.path.endsWith(tag) ? { status: 503 } : next(),
    });
    const written = repository.writeManifest(documentOf(first), { tag: parseTag('1.2') });
    await expect(written).rejects.toBeInstanceOf(UnavailableError);
    expect(registry.manifest('app', '1.2')).toBeUndefined();
  });

  it('is one warning for all whose list cannot be written, and keeps what has the tag', async () => {
    const events: WorkEvent[] = [];
    const { registry, repository } = await startWithBlobs({}, { onEvent: (event) => events.push(event) });
    registry.put('app', image, tag);
    await Promise.all(signatures.map((signature) => repository.writeManifest(documentOf(signature))));
    const message = expect.stringContaining(` as referrers of ${subject}: `) as string;
    expect(events).toEqual([{ kind: 'warning', message }]);
    for (const each of digests) expect(events[0]).toMatchObject({ message: expect.stringContaining(each) });
    expect(registry.manifest('app', tag)?.digest).toBe(subject);
  });

  it('adds it again if another client has overwritten the list', async () => {
    let puts = 0;
    const waits: number[] = [];
    const { registry, repository } = await startWithBlobs(
      {
        fault: async (request, next) => {
          const response = await next();
          if (request.method === 'PUT' && request.path.endsWith(tag) && (puts += 1) === 1) {
            registry.putManifest('app', list(entry(second), entry(third)), OCI_INDEX, tag);
          }
          return response;
        },
      },
      { waits },
    );
    for (const signature of [second, third]) registry.put('app', signature);
    await repository.writeManifest(documentOf(first));
    expect(held(registry).toSorted()).toEqual(digests.slice(0, 3).toSorted());
    // Looked at a while after each write: the one that was overwritten, and the one that stayed.
    expect(waits).toEqual([375, 375]);
  });

  it('gives up if others do not stop', async () => {
    const events: WorkEvent[] = [];
    const { registry, repository } = await startWithBlobs(
      {
        fault: async (request, next) => {
          const response = await next();
          if (request.method === 'PUT' && request.path.endsWith(tag)) {
            registry.putManifest('app', list(entry(second)), OCI_INDEX, tag);
          }
          return response;
        },
      },
      { onEvent: (event) => events.push(event) },
    );
    registry.put('app', second);
    await repository.writeManifest(documentOf(first), { tag: parseTag('1.2') });
    expect(events).toMatchObject([
      { message: expect.stringContaining(`app:${tag} was overwritten by others`) as string },
    ]);
    expect(registry.manifest('app', '1.2')?.digest).toBe(first.manifest.digest);
  });

  it('does the same for an index, and moves its tag last', async () => {
    const { registry, repository } = await startWithBlobs();
    const { mediaType, manifests } = JSON.parse(Buffer.from(tinyIndex([image]).bytes).toString()) as {
      mediaType: string;
      manifests: object[];
    };
    const index = parseDocument(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          manifests,
          subject: entry(image),
          artifactType: 'a/b',
        }),
      ),
    );
    await repository.writeManifest(index, { tag: parseTag('1.2') });
    expect(held(registry)).toEqual([index.digest]);
    expect(registry.lines().at(-1)).toBe('PUT /v2/app/manifests/1.2 201');
    expect(registry.manifest('app', '1.2')?.digest).toBe(index.digest);
  });
});
