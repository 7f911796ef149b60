import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { amd64, arm64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';

/** Makes an index larger than registries accept, and one larger than is read from a layout. */
const LARGE = ['--annotation', `note=${'x'.repeat(4 << 20)}`];
const TOO_LARGE = ['--annotation', `note=${'x'.repeat(8 << 20)}`];

/** The images are in one repository; indexes are published in another one, which lacks them. */
async function start() {
  const made = await startCommandLine({ images: { amd64, arm64 }, path: 'source' });
  const source = `${made.host}/source`;
  const layout = `oci:${join(made.directory, 'layout')}`;
  const writes = () => made.registry.requests.filter(({ method }) => !['GET', 'HEAD'].includes(method));
  return {
    ...made,
    writes,
    layout,
    target: `${made.host}/target:1`,
    sources: [`${source}:amd64`, `${source}:arm64`],
  };
}

const REJECTED = {
  code: 5,
  stdout: '',
  stderr: expect.stringMatching(/ is 4\d{6} bytes long; registries .*accept at most 4194304/),
};

it.each(['create --push', 'push', 'push to a further tag', 'copy'])(
  '%s uploads nothing of an index that is larger than registries accept',
  async (how) => {
    const { run, sources, target, layout, writes } = await start();
    const made = (name: string) => ['create', ...LARGE, name, ...sources];
    if (how === 'create --push') expect(await run([...made(target), '--push'])).toMatchObject(REJECTED);
    if (how === 'push') {
      await run(made(target));
      expect(await run(['push', target])).toMatchObject(REJECTED);
    }
    if (how === 'push to a further tag') {
      await run(made(`${layout}:1`));
      expect(await run(['push', `${layout}:1`, '-t', target])).toMatchObject(REJECTED);
    }
    if (how === 'copy') {
      await run([...made(`${layout}:1`), '--push']);
      expect(await run(['copy', `${layout}:1`, target])).toMatchObject(REJECTED);
    }
    expect(writes()).toEqual([]);
  },
);

it('an image layout takes an index that is larger than registries accept', async () => {
  const { run, sources, layout, target } = await start();
  const created = await run(['create', '--push', ...LARGE, `${layout}:1`, ...sources]);
  expect(created).toMatchObject({ code: 0, stderr: expect.not.stringContaining('warning') });
  expect(await run(['copy', `${layout}:1`, `${layout}-2:1`])).toMatchObject({ code: 0 });
  expect(await run(['validate', `${layout}-2:1`])).toMatchObject({ code: 0 });
  // One of its images can still be published.
  expect(await run(['copy', '--platform', 'linux/arm64', `${layout}:1`, target])).toMatchObject({ code: 0 });
});

it('an image layout takes no index that is too large to be read', async () => {
  const { run, sources, directory, layout } = await start();
  expect(await run(['create', '--push', ...TOO_LARGE, `${layout}:1`, ...sources])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('bytes long; the limit for image layouts is 8388608'),
  });
  expect(existsSync(join(directory, 'layout'))).toBe(false);
});
