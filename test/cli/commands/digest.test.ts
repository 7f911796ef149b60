import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64 } from '../../support/images.js';
import { failure } from '../../support/fake-server.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const INDEX = tinyIndex([amd64, arm64]);
const IMAGES = { list: INDEX, amd64, arm64 };

describe('digest', () => {
  it('prints the digest by one HEAD', async () => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES });
    expect(await run(['digest', `${app}:list`])).toEqual(
      expect.objectContaining({ code: 0, stdout: `${INDEX.digest}\n`, stderr: '' }),
    );
    expect(registry.lines()).toEqual(['HEAD /v2/app/manifests/list 200']);
  });

  it.each([
    ['HEAD is rejected', { status: 405 }],
    ['the response lacks the digest', { status: 200, headers: { 'content-length': '5' } }],
  ])('reads the manifest if %s', async (_why, answer) => {
    const { run, app, registry } = await startCommandLine({
      images: IMAGES,
      registry: { fault: (request, next) => (request.method === 'HEAD' ? answer : next()) },
    });
    expect((await run(['digest', `${app}:amd64`])).stdout).toBe(`${amd64.manifest.digest}\n`);
    expect(registry.lines().map((line) => line.split(' ')[0])).toEqual(['HEAD', 'GET']);
  });

  it('of a platform reads each manifest once, and no image', async () => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES });
    const { stdout } = await run(['digest', `${app}:list`, '--platform', 'linux/arm64']);
    expect(stdout).toBe(`${arm64.manifest.digest}\n`);
    expect(registry.lines()).toEqual(['GET /v2/app/manifests/list 200']);
  });

  it('of a platform that is missing lists those that exist', async () => {
    const { run, app } = await startCommandLine({ images: IMAGES });
    const { code, stdout, stderr } = await run(['digest', `${app}:list`, '--platform', 'linux/s390x']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('has no image for linux/s390x\nhint: It has linux/amd64, linux/arm64');
    const image = await run(['digest', `${app}:amd64`, '--platform', 'linux/amd64']);
    expect(image.stdout).toBe(`${amd64.manifest.digest}\n`);
    expect((await run(['digest', `${app}:amd64`, '--platform', 'linux/arm64'])).code).toBe(3);
  });

  it('prefers a draft, unless --published or docker:// is given', async () => {
    const { run, app } = await startCommandLine({ images: IMAGES });
    await run(['create', `${app}:list`, `${app}:amd64`]);
    const draft = JSON.parse((await run(['digest', `${app}:list`, '--json'])).stdout) as object;
    expect(draft).toMatchObject({ reference: `${app}:list`, state: 'draft' });
    expect(draft).not.toMatchObject({ digest: INDEX.digest });
    const pushed = await run(['push', `${app}:list`, '--dry-run', '-q']);
    expect(draft).toMatchObject({ digest: pushed.stdout.trim() });
    for (const argv of [
      ['digest', `${app}:list`, '--published'],
      ['digest', `docker://${app}:list`],
    ]) {
      expect((await run(argv)).stdout).toBe(`${INDEX.digest}\n`);
    }
    const platform = ['--platform', 'linux/amd64'];
    expect((await run(['digest', `${app}:list`, ...platform])).stdout).toBe(`${amd64.manifest.digest}\n`);
  });

  it('says in JSON what it is', async () => {
    const { run, app } = await startCommandLine({ images: IMAGES });
    const { stdout } = await run(['digest', '--json', `${app}:list`]);
    expect(JSON.parse(stdout)).toMatchObject({
      reference: `${app}:list`,
      state: 'published',
      digest: INDEX.digest,
      descriptor: { mediaType: INDEX.mediaType, digest: INDEX.digest, size: INDEX.bytes.length },
    });
  });

  it('reads layouts and archives', async () => {
    const { run, directory } = await startCommandLine();
    await writeLayout(join(directory, 'layout'), amd64, 'v1');
    const name = `oci:${directory}/layout`;
    for (const each of [name, `${name}:v1`, `${name}@${amd64.manifest.digest}`, `${name}:@0`]) {
      expect((await run(['digest', each])).stdout).toBe(`${amd64.manifest.digest}\n`);
    }
    const archive = `oci-archive:${directory}/app.tar:v1`;
    await run(['copy', `${name}:v1`, archive]);
    expect((await run(['digest', archive])).stdout).toBe(`${amd64.manifest.digest}\n`);
  });

  it.each([
    { status: 404, code: 3, message: /^no such manifest: [^\n]*\/app:none\n/ },
    { status: 403, code: 4, message: /^error: cannot read / },
  ])('fails with exit code $code for $status', async ({ status, code, message }) => {
    const { run, app } = await startCommandLine({
      registry: { fault: () => failure(status, 'X', 'no') },
    });
    const result = await run(['digest', `${app}:none`]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(message);
  });
});
