import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Multiarch } from '../../src/client/multiarch.js';
import type { WorkEvent } from '../../src/content/events.js';
import { ConflictError, NotFoundError, UnauthorizedError } from '../../src/oci/errors.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { openMultiarch, temporaryDirectory } from '../support/test-multiarch.js';
import { tinyIndex } from '../support/tiny-image.mjs';

const images = imagesOf(2);
const [amd64, arm64] = images.map((image) => tinyIndex([image]));
if (amd64 === undefined || arm64 === undefined) throw new Error('two images');

interface Scene {
  readonly registry: MemoryRegistry;
  readonly multiarch: Multiarch;
  readonly list: string;
  readonly name: string;
  readonly events: WorkEvent[];
  /** Publishes another index than before, under these tags too; gives its digest. */
  readonly publish: (...tags: readonly string[]) => Promise<string>;
  readonly tag: (tag: string) => string | undefined;
}

async function start(options?: MemoryRegistryOptions): Promise<Scene> {
  const registry = await startRegistry(options);
  const sources = seedImages(registry, 'app', images);
  const events: WorkEvent[] = [];
  const multiarch = await openMultiarch({ onEvent: (event) => events.push(event) });
  const name = `${registry.host}/app`;
  const list = `${name}:1.2`;
  let count = 0;
  const publish = async (...tags: readonly string[]): Promise<string> => {
    const annotations = { count: String((count += 1)) };
    const { publication } = await multiarch.createAndPush(list, sources, { tags, annotations, purge: true });
    return publication.descriptor.digest;
  };
  return {
    registry,
    multiarch,
    list,
    name,
    events,
    publish,
    tag: (tag) => registry.manifest('app', tag)?.digest,
  };
}

function warnings(events: readonly WorkEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
}

describe('undo', () => {
  it('puts each tag back to what it held before, byte for byte, the last first', async () => {
    const { registry, multiarch, list, name, publish, tag } = await start();
    const [first, latest] = [registry.put('app', amd64, '1.2'), registry.put('app', arm64, 'latest')];
    const pushed = await publish('latest');
    expect([tag('1.2'), tag('latest')]).toEqual([pushed, pushed]);
    registry.clearLog();

    const undone = await multiarch.undo(list);

    expect(undone).toEqual({
      undone: pushed,
      tags: [
        { reference: `${name}:latest`, outcome: 'moved', digest: latest },
        { reference: list, outcome: 'moved', digest: first },
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

  it('goes one push further back each time, until none is left', async () => {
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
      hint: expect.stringContaining(`multiarch create ${list} --from REPOSITORY@DIGEST --push`),
    });
    expect(tag('1.2')).toBe(before);
  });

  it('refuses where a tag has moved since, and puts none back', async () => {
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

  it('that stopped half-way can be run again: a tag that is back already is fine', async () => {
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
      { reference: list, outcome: 'moved', digest: first },
    ]);
    expect(tag('1.2')).toBe(first);
  });

  it('leaves a tag that did not exist before, and says so', async () => {
    const { registry, multiarch, list, name, publish, tag, events } = await start();
    const before = registry.put('app', amd64, '1.2');
    const pushed = await publish('new');

    const { tags } = await multiarch.undo(list);

    expect(tags).toEqual([
      { reference: `${name}:new`, outcome: 'kept' },
      { reference: list, outcome: 'moved', digest: before },
    ]);
    expect([tag('1.2'), tag('new')]).toEqual([before, pushed]);
    expect(warnings(events)).toEqual([expect.stringContaining(`${name}:new was created by that push`)]);
  });

  it('fails where no tag existed before', async () => {
    const { multiarch, list, name, publish, tag } = await start();
    const pushed = await publish('new');
    const undone = multiarch.undo(list);
    await expect(undone).rejects.toThrow(NotFoundError);
    await expect(undone).rejects.toThrow(`${name}:new, ${list} did not exist before`);
    expect(tag('1.2')).toBe(pushed);
  });

  it('says that what was there before is gone', async () => {
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

  it('in a dry run says the same, writes nothing, and forgets nothing', async () => {
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

  it('tells a draft that was kept what its tag holds now', async () => {
    const { registry, multiarch, list, name, tag } = await start();
    const before = registry.put('app', amd64, '1.2');
    await multiarch.create(list, [`${name}:1`], { from: list });
    const { descriptor } = await multiarch.push(list);
    await multiarch.undo(list);
    expect(tag('1.2')).toBe(before);
    await multiarch.push(list);
    expect(tag('1.2')).toBe(descriptor.digest);
  });

  it('works across registries and layouts, each tag where it is', async () => {
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
    await (await run()).createAndPush(list, [source], { annotations: { count: '2' }, amend: true });
    expect((await readFile(file)).equals(before)).toBe(false);

    const { tags } = await (await run()).undo(list);

    const { digest } = publication.descriptor;
    expect(tags).toEqual([{ reference: list, outcome: 'moved', digest }]);
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  it('of an archive says that the file is written without what has no tag any more', async () => {
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

  it('of a layout that is gone says that its tag has moved', async () => {
    const { registry, multiarch, list, publish } = await start();
    registry.put('app', amd64, '1.2');
    const directory = join(await temporaryDirectory(), 'layout');
    await publish(`oci:${directory}:stable`);
    await publish(`oci:${directory}:stable`);
    await rm(directory, { recursive: true });
    await expect(multiarch.undo(list)).rejects.toThrow(/oci:.*:stable has moved .* it points to no image/);
  });
});
