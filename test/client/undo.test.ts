import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Multiarch } from '../../src/client/multiarch.js';
import type { WorkEvent } from '../../src/content/events.js';
import { ConflictError, NotFoundError, UnauthorizedError } from '../../src/oci/errors.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import type { MemoryRegistryOptions } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch, startMultiarch } from '../support/test-multiarch.js';
import { tinyIndex } from '../support/tiny-image.mjs';

const images = imagesOf(2);
const [amd64, arm64] = images.map((image) => tinyIndex([image]));
if (amd64 === undefined || arm64 === undefined) throw new Error('two images');

async function start(registry?: MemoryRegistryOptions) {
  const { app: name, ...setUp } = await startMultiarch({ images, registry });
  const { multiarch, list, sources } = setUp;
  let count = 0;
  /** Publishes another index than before, also under these tags. Returns its digest. */
  const publish = async (...tags: readonly string[]): Promise<string> => {
    const annotations = { count: String((count += 1)) };
    const { publication } = await multiarch.createAndPush(list, sources, { tags, annotations, purge: true });
    return publication.descriptor.digest;
  };
  return { ...setUp, name, publish };
}

function warnings(events: readonly WorkEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
}

describe('undo', () => {
  it('moves each tag back to its previous manifest, byte for byte, the last first', async () => {
    const { registry, multiarch, list, name, publish, tag } = await start();
    const [first, latest] = [registry.put('app', amd64, '1.2'), registry.put('app', arm64, 'latest')];
    const pushed = await publish('latest');
    expect([tag('1.2'), tag('latest')]).toEqual([pushed, pushed]);
    registry.clearLog();

    const undone = await multiarch.undo(list);

    expect(undone).toEqual({
      undone: pushed,
      tags: [
        { reference: `${name}:latest`, outcome: 'moved', digest: latest, previous: pushed },
        { reference: list, outcome: 'moved', digest: first, previous: pushed },
      ],
    });
    expect([tag('1.2'), tag('latest')]).toEqual([first, latest]);
    expect(registry.manifest('app', '1.2')?.bytes.equals(amd64.bytes)).toBe(true);
    expect(registry.manifest('app', '1.2')?.mediaType).toBe(amd64.mediaType);
    expect(registry.lines().filter((line) => line.startsWith('PUT '))).toEqual([
      'PUT /v2/app/manifests/latest 201',
      'PUT /v2/app/manifests/1.2 201',
    ]);
  });

  it('undoes one more push on each call, until none is left', async () => {
    const { registry, multiarch, list, publish, tag } = await start();
    const before = registry.put('app', amd64, '1.2');
    const first = await publish();
    await publish();
    await multiarch.undo(list);
    expect(tag('1.2')).toBe(first);
    await multiarch.undo(list);
    expect(tag('1.2')).toBe(before);
    const none = multiarch.undo(list);
    await expect(none).rejects.toThrow(NotFoundError);
    await expect(none).rejects.toMatchObject({
      message: `no push of ${list} is recorded on this machine`,
      hint: expect.stringContaining(`multiarch copy ${list.slice(0, list.lastIndexOf(':'))}@DIGEST ${list}`),
    });
    expect(tag('1.2')).toBe(before);
  });

  it('fails if a tag has moved since, and moves none', async () => {
    const { registry, multiarch, list, name, publish, tag } = await start();
    registry.put('app', amd64, '1.2');
    registry.put('app', amd64, 'latest');
    const pushed = await publish('latest');
    const moved = registry.put('app', arm64, '1.2');
    registry.clearLog();

    const undone = multiarch.undo(list);

    await expect(undone).rejects.toThrow(ConflictError);
    await expect(undone).rejects.toThrow(
      `${name}:1.2 has moved since that push: it points to ${moved}, not ${pushed}`,
    );
    expect([tag('1.2'), tag('latest')]).toEqual([moved, pushed]);
    expect(registry.lines().filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([]);
  });

  it('can be repeated after a failure: a tag that was moved back already is accepted', async () => {
    let isRefusing = false;
    const { registry, multiarch, list, name, publish, tag } = await start({
      fault: (request, next) =>
        isRefusing && request.method === 'PUT' && request.path.endsWith('/1.2')
          ? { status: 403, body: Buffer.from('{}') }
          : next(),
    });
    const [first, latest] = [registry.put('app', amd64, '1.2'), registry.put('app', arm64, 'latest')];
    const pushed = await publish('latest');
    isRefusing = true;
    await expect(multiarch.undo(list)).rejects.toThrow(UnauthorizedError);
    expect([tag('1.2'), tag('latest')]).toEqual([pushed, latest]);
    isRefusing = false;

    const { tags } = await multiarch.undo(list);

    expect(tags).toEqual([
      { reference: `${name}:latest`, outcome: 'unchanged', digest: latest },
      { reference: list, outcome: 'moved', digest: first, previous: pushed },
    ]);
    expect(tag('1.2')).toBe(first);
  });

  it('leaves a tag that did not exist before, with a warning', async () => {
    const { registry, multiarch, list, name, publish, tag, events } = await start();
    const before = registry.put('app', amd64, '1.2');
    const pushed = await publish('new');

    const { tags } = await multiarch.undo(list);

    expect(tags).toEqual([
      { reference: `${name}:new`, outcome: 'kept' },
      { reference: list, outcome: 'moved', digest: before, previous: pushed },
    ]);
    expect([tag('1.2'), tag('new')]).toEqual([before, pushed]);
    expect(warnings(events)).toEqual([expect.stringContaining(`${name}:new was created by that push`)]);
  });

  it('fails if no tag existed before', async () => {
    const { multiarch, list, name, publish, tag } = await start();
    const pushed = await publish('new');
    const undone = multiarch.undo(list);
    await expect(undone).rejects.toThrow(NotFoundError);
    await expect(undone).rejects.toThrow(`${name}:new, ${list} did not exist before`);
    expect(tag('1.2')).toBe(pushed);
  });

  it('reports that the previous image is gone', async () => {
    let gone = '';
    const { registry, multiarch, list, publish, tag } = await start({
      fault: (request, next) =>
        gone !== '' && request.path.endsWith(gone) ? { status: 404, body: Buffer.from('{}') } : next(),
    });
    const before = registry.put('app', amd64, '1.2');
    const pushed = await publish();
    gone = before;
    const undone = multiarch.undo(list);
    await expect(undone).rejects.toThrow(NotFoundError);
    await expect(undone).rejects.toMatchObject({
      message: expect.stringContaining(before),
      hint: expect.stringContaining('No tag was moved'),
    });
    expect(tag('1.2')).toBe(pushed);
  });

  it('in a dry run returns the same, writes nothing, and keeps the record', async () => {
    const { registry, multiarch, list, publish, tag } = await start();
    const before = registry.put('app', amd64, '1.2');
    const pushed = await publish();
    registry.clearLog();

    const planned = await multiarch.undo(list, { dryRun: true });

    expect(tag('1.2')).toBe(pushed);
    expect(registry.lines().filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([]);
    expect(await multiarch.undo(list)).toEqual(planned);
    expect(tag('1.2')).toBe(before);
  });

  it('records in a kept draft what its tag points to', async () => {
    const { registry, multiarch, list, name, tag } = await start();
    const before = registry.put('app', amd64, '1.2');
    await multiarch.create(list, [`${name}:1`], { from: list });
    const { descriptor } = await multiarch.push(list);
    await multiarch.undo(list);
    expect(tag('1.2')).toBe(before);
    await multiarch.push(list);
    expect(tag('1.2')).toBe(descriptor.digest);
  });

  it('moves tags in registries and layouts', async () => {
    const { registry, multiarch, list, publish, tag } = await start();
    const far = await startRegistry();
    const layout = `oci:${join(await temporaryDirectory(), 'layout')}:stable`;
    const before = registry.put('app', amd64, '1.2');
    const farBefore = far.put('mirror', arm64, '1.2');
    const first = await publish(layout, `${far.host}/mirror:1.2`);
    await publish(layout, `${far.host}/mirror:1.2`);

    await multiarch.undo(list);
    expect((await multiarch.inspect(layout)).document.digest).toBe(first);
    expect([tag('1.2'), far.manifest('mirror', '1.2')?.digest]).toEqual([first, first]);

    const { tags } = await multiarch.undo(list);
    expect(tags.map(({ reference, outcome }) => `${reference} ${outcome}`)).toEqual([
      `${far.host}/mirror:1.2 moved`,
      `${layout} kept`,
      `${list} moved`,
    ]);
    expect([tag('1.2'), far.manifest('mirror', '1.2')?.digest]).toEqual([before, farBefore]);
  });

  it('of an archive replaces the file once more', async () => {
    const registry = await startRegistry();
    const [source = ''] = seedImages(registry, 'app', images);
    const file = join(await temporaryDirectory(), 'file.tar');
    const list = `oci-archive:${file}:1.2`;
    const store = await temporaryDirectory();
    const run = (): Promise<Multiarch> => openMultiarch({ store });
    // Another tag keeps what the first push has put there.
    const { publication } = await (await run()).createAndPush(list, [source], { tags: ['old'] });
    const before = await readFile(file);
    const again = await (
      await run()
    ).createAndPush(list, [source], { annotations: { count: '2' }, amend: true });
    expect((await readFile(file)).equals(before)).toBe(false);

    const { tags } = await (await run()).undo(list);

    const { digest } = publication.descriptor;
    expect(tags).toEqual([
      { reference: list, outcome: 'moved', digest, previous: again.publication.descriptor.digest },
    ]);
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  it('of an archive reports that the file was written without untagged images', async () => {
    const registry = await startRegistry();
    const [source = ''] = seedImages(registry, 'app', images);
    const list = `oci-archive:${join(await temporaryDirectory(), 'file.tar')}:1.2`;
    const store = await temporaryDirectory();
    const run = (): Promise<Multiarch> => openMultiarch({ store });
    const { publication } = await (await run()).createAndPush(list, [source]);
    await expect((await run()).undo(list)).rejects.toMatchObject({
      message: expect.stringContaining(`${list} did not exist before`),
      hint: 'To remove the image, delete the file if it contains nothing else.',
    });
    await (await run()).createAndPush(list, [source], { annotations: { count: '2' }, amend: true });

    await expect((await run()).undo(list)).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining(publication.descriptor.digest),
      hint: 'An archive is rewritten without untagged images. No tag was moved. Publish the image again.',
    });
  });

  it('of a missing layout reports that its tag has moved', async () => {
    const { registry, multiarch, list, publish } = await start();
    registry.put('app', amd64, '1.2');
    const directory = join(await temporaryDirectory(), 'layout');
    await publish(`oci:${directory}:stable`);
    await publish(`oci:${directory}:stable`);
    await rm(directory, { recursive: true });
    await expect(multiarch.undo(list)).rejects.toThrow(/oci:.*:stable has moved .* it points to no image/);
  });
});
