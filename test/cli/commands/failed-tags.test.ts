import { describe, expect, it } from 'vitest';

import { amd64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const [old, older] = ['old', 'older'].map((text) => tinyIndex([tinyImage({ architecture: 'amd64', text })]));

/** Two tags of an older index, a draft, and a registry that denies writes of these tags. */
async function start() {
  const denied = new Set<string>();
  const { registry, app, run } = await startCommandLine({
    images: { amd64 },
    registry: {
      fault: ({ method, path }, next) => {
        const tag = path.slice(path.lastIndexOf('/') + 1);
        return method === 'PUT' && denied.has(tag) ? { status: 403, body: Buffer.from('{}') } : next();
      },
    },
  });
  if (old === undefined || older === undefined) throw new Error('two indexes');
  const before = { '1': registry.put('app', old, '1'), latest: registry.put('app', older, 'latest') };
  await run(['create', `${app}:1`, `${app}:amd64`]);
  return {
    app,
    before,
    deny: (...tags: readonly string[]): void => tags.forEach((tag) => denied.add(tag)),
    allow: (): void => denied.clear(),
    digest: (tag: string): string | undefined => registry.manifest('app', tag)?.digest,
    run,
  };
}

describe('push, after a tag could not be written', () => {
  it('exits with the code of the failure, and says that the tags before are restored', async () => {
    const { app, before, deny, digest, run } = await start();
    deny('latest');
    const { code, stdout, stderr } = await run(['push', `${app}:1`, '-t', 'latest']);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toContain(`\n  ${app}:1 points to ${before['1']} again\n`);
    expect([digest('1'), digest('latest')]).toEqual([before['1'], before.latest]);
  });

  it('names a tag that it cannot delete', async () => {
    const { app, before, deny, digest, run } = await start();
    deny('latest');
    const { stderr } = await run(['push', `${app}:1`, '-t', 'new', '-t', 'latest']);
    expect(stderr).toContain(`\n  ${app}:new points to ${digest('new')}; no image of it was known before\n`);
    expect(stderr).toContain(`\n  ${app}:1 points to ${before['1']} again\n`);
  });

  it('prints the tags with --json, if one has moved', async () => {
    const { app, before, deny, run } = await start();
    deny('latest');
    const failed = await run(['push', `${app}:1`, '-t', 'latest', '--json']);
    expect(failed.code).toBe(4);
    expect(JSON.parse(failed.stdout)).toEqual({
      schemaVersion: 1,
      ok: false,
      error: expect.objectContaining({
        kind: 'unauthorized',
        message: expect.stringContaining('latest') as unknown,
      }) as unknown,
      tags: [{ reference: `${app}:1`, outcome: 'restored', digest: before['1'], previous: before['1'] }],
    });
    deny('1');
    const unmoved = await run(['push', `${app}:1`, '-t', 'latest', '--json']);
    expect(unmoved.code).toBe(4);
    expect(JSON.parse(unmoved.stdout)).not.toHaveProperty('tags');
  });

  it('is the same for copy', async () => {
    const { app, before, deny, digest, run } = await start();
    deny('latest');
    const copied = await run(['copy', `${app}:amd64`, `${app}:1`, '-t', 'latest', '--json']);
    expect(copied.code).toBe(4);
    expect(JSON.parse(copied.stdout)).toMatchObject({ tags: [{ outcome: 'restored' }] });
    expect(digest('1')).toBe(before['1']);
  });
});

describe('undo, after a tag could not be written', () => {
  it('says which tags have their previous digest and which have not, and can be repeated', async () => {
    const { app, before, deny, allow, digest, run } = await start();
    await run(['push', `${app}:1`, '-t', 'latest']);
    const pushed = digest('1');
    deny('1');
    const failed = await run(['undo', `${app}:1`]);
    expect(failed).toMatchObject({ code: 4, stdout: '' });
    expect(failed.stderr).toContain(`\n  ${app}:latest points to ${before.latest} again\n`);
    expect(failed.stderr).toContain(
      `\n  ${app}:1 points to ${pushed}, and before to ${before['1']}; to move it back: multiarch copy ${app}@${before['1']} ${app}:1\n`,
    );
    expect([digest('1'), digest('latest')]).toEqual([pushed, before.latest]);
    allow();
    expect(await run(['undo', `${app}:1`])).toMatchObject({
      code: 0,
      stdout: `${app}:latest ${before.latest}\n${app}:1 ${before['1']}\n`,
    });
  });
});
