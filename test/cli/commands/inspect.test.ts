import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { makeGate } from '../../support/gate.js';
import { amd64, armv7 } from '../../support/images.js';
import { makeCommandLine, OK, startCommandLine } from '../../support/in-process.js';
import { type MemoryRegistryOptions } from '../../support/memory-registry.js';
import { tinyImage, tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const docker = tinyImage({ architecture: 'arm64', mediaTypes: 'docker' });

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const indented = (bytes: Uint8Array, indent: string): string =>
  `${JSON.stringify(JSON.parse(text(bytes)), undefined, indent)}\n`;
const short = (digest: string): string => digest.slice(0, 15);

/** A registry that holds `app:index` with its images and their provenance, and the images as `app:amd64` and so on. */
async function start(options: MemoryRegistryOptions = {}) {
  const index = tinyIndex([amd64, armv7], { attestations: true });
  const images = { index, amd64, armv7, docker };
  return { index, ...(await startCommandLine({ images, registry: options })) };
}

/** The same with a draft `app:draft` of two images; what that took is forgotten. */
async function startWithDraft() {
  const all = await start();
  const { run, app, registry } = all;
  const { code } = await run(['create', `${app}:draft`, `${app}:armv7`, `${app}:amd64`]);
  expect(code).toBe(0);
  registry.clearLog();
  return all;
}

describe('inspect of a published image', () => {
  it('prints an index indented with three spaces, with one request', async () => {
    const { registry, run, app, index } = await start();
    const { code, stdout, stderr } = await run(['inspect', `${app}:index`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(indented(index.bytes, '   '));
    expect(stdout).toContain('vnd.docker.reference.digest');
    expect(registry.lines()).toEqual(['GET /v2/app/manifests/index 200']);
  });

  it('prints an image indented with tabs, with numbers and escapes unchanged', async () => {
    const { registry, run, app } = await start();
    const odd = Buffer.from(
      text(amd64.manifest.bytes).replace(
        '"layers"',
        '"annotations":{"a":"\\u0041<\\/>"},"x":1.50e2,"layers"',
      ) + '\n',
    );
    registry.putManifest('app', odd, amd64.manifest.mediaType, 'odd');
    const { stdout } = await run(['inspect', `${app}:odd`]);
    expect(stdout).toContain(
      '\n\t"annotations": {\n\t\t"a": "\\u0041<\\/>"\n\t},\n\t"x": 1.50e2,\n\t"layers": [\n',
    );
    // docker keeps the new line of the document, and adds its own.
    expect(stdout.endsWith('\n}\n\n')).toBe(true);
  });

  it('prints only the exact bytes with --raw', async () => {
    const { run, app, index } = await start();
    const { bytes } = await run(['inspect', '--raw', `${app}:index`]);
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(index.digest);
  });

  it('reads a layout', async () => {
    const { run, directory } = await makeCommandLine();
    const index = tinyIndex([amd64, armv7]);
    await writeLayout(join(directory, 'a@b'), index, 'v1');
    const location = `oci:${join(directory, 'a@b')}`;
    expect((await run(['inspect', `${location}:v1`])).stdout).toBe(indented(index.bytes, '   '));
    const verbose = await run(['inspect', '-v', `${location}:v1`]);
    expect((JSON.parse(verbose.stdout) as { Ref: string }[]).map(({ Ref }) => Ref)).toEqual([
      `${location}@${amd64.manifest.digest}`,
      `${location}@${armv7.manifest.digest}`,
    ]);
  });

  it("reports a missing image with docker's message", async () => {
    const { run, app } = await start();
    const { code, stdout, stderr } = await run(['inspect', `${app}:none`]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(`no such manifest: ${app}:none\n`);
  });
});

describe('inspect of a draft', () => {
  it('prints the bytes that a push would publish, without requests', async () => {
    const { registry, run, app } = await startWithDraft();
    const shown = await run(['inspect', `${app}:draft`]);
    const raw = await run(['inspect', `${app}:draft`, '--raw']);
    expect(registry.lines()).toEqual([]);
    expect(shown.stdout).toBe(`${raw.stdout}\n`);
    const pushed = await run(['push', `${app}:draft`]);
    expect(pushed.stdout).toBe(`sha256:${createHash('sha256').update(raw.bytes).digest('hex')}\n`);
    expect(registry.manifest('app', 'draft')?.bytes.equals(raw.bytes)).toBe(true);
  });

  it('takes precedence over the published image of the same name', async () => {
    const { run, app, index, registry } = await startWithDraft();
    registry.put('app', index, 'draft');
    const { stdout } = await run(['inspect', `${app}:draft`]);
    expect((JSON.parse(stdout) as { manifests: unknown[] }).manifests).toHaveLength(2);
  });

  it.each([
    ['its source', (app: string) => `${app}:amd64`],
    ['its platform', () => 'linux/amd64'],
    ['its digest', () => amd64.manifest.digest],
  ])('prints one image by %s, only from the draft', async (_what, name) => {
    const { registry, run, app } = await startWithDraft();
    const { stdout } = await run(['inspect', `${app}:draft`, name(app)]);
    expect(stdout).toBe(indented(amd64.manifest.bytes, '\t'));
    expect(registry.lines()).toEqual([]);
  });

  it('reads an image from its source if the draft does not have it', async () => {
    const { registry, run, app } = await start();
    await run(['create', `${app}:draft`, `${app}:index`]);
    registry.clearLog();
    const { stdout } = await run(['inspect', `${app}:draft`, 'linux/amd64', '-v']);
    expect(JSON.parse(stdout)).toMatchObject({ Ref: `${app}:index@${amd64.manifest.digest}` });
    expect(registry.lines()).toEqual([`GET /v2/app/manifests/${short(amd64.manifest.digest)} 200`]);
  });

  it("reports a missing image or draft with docker's message", async () => {
    const { run, app, registry } = await startWithDraft();
    const noImage = await run(['inspect', `${app}:draft`, `${app}:none`]);
    expect(noImage.code).toBe(3);
    expect(noImage.stderr).toMatch(`No such manifest: ${app}:none\n`);
    expect(noImage.stderr).toContain(`${app}:amd64`);
    const noDraft = await run(['inspect', `${app}:index`, `${app}:amd64`]);
    expect(noDraft.code).toBe(3);
    expect(noDraft.stderr).toMatch(/^No such manifest: /);
    expect(registry.lines()).toEqual([]);
  });
});

describe('inspect --verbose', () => {
  it('prints an image with the platform of its config', async () => {
    const { registry, run, app } = await start();
    const { stdout } = await run(['inspect', '-v', `${app}:docker`]);
    const { mediaType, digest, size, bytes } = docker.manifest;
    const expected = {
      Ref: `${app}:docker`,
      Descriptor: { mediaType, digest, size, platform: { architecture: 'arm64', os: 'linux' } },
      Raw: Buffer.from(bytes).toString('base64'),
      SchemaV2Manifest: JSON.parse(text(bytes)) as unknown,
    };
    expect(stdout).toBe(`${JSON.stringify(expected, undefined, '\t')}\n`);
    expect(registry.lines()).toEqual([
      'GET /v2/app/manifests/docker 200',
      `GET /v2/app/blobs/${short(docker.config.digest)} 200`,
    ]);
  });

  it('prints all images of an index, read in parallel without their configs', async () => {
    const everyChild = makeGate(4);
    const { registry, run, app, index } = await start({
      fault: async ({ path }, next) => {
        if (path.includes('sha256')) await everyChild();
        return next();
      },
    });
    const { stdout } = await run(['inspect', '-v', `${app}:index`]);
    const entries = JSON.parse(stdout) as { Ref: string; Descriptor: object; OCIManifest: unknown }[];
    expect(entries).toEqual(
      index.images.map(({ manifest: { mediaType, digest, size, bytes }, platform }) => ({
        Ref: `${app}:index@${digest}`,
        Descriptor: { mediaType, digest, size, platform },
        Raw: Buffer.from(bytes).toString('base64'),
        OCIManifest: JSON.parse(text(bytes)) as unknown,
      })),
    );
    expect(registry.requests).toHaveLength(1 + index.images.length);
  });

  it('prints a draft without requests', async () => {
    const { registry, run, app } = await startWithDraft();
    const { stdout } = await run(['inspect', '-v', `${app}:draft`]);
    expect(JSON.parse(stdout)).toMatchObject([
      { Ref: `${app}:armv7`, Descriptor: { platform: { variant: 'v7' } } },
      { Ref: `${app}:amd64`, Descriptor: { platform: { architecture: 'amd64' } } },
    ]);
    expect(registry.lines()).toEqual([]);
  });

  it('leaves an unknown platform empty, as docker does', async () => {
    const { registry, run, app } = await start();
    registry.put('app', tinyImage({ architecture: 'amd64', omitPlatform: true }), 'bare');
    const { stdout } = await run(['inspect', '-v', `${app}:bare`]);
    expect(JSON.parse(stdout)).toMatchObject({ Descriptor: { platform: { architecture: '', os: '' } } });
  });
});

describe('inspect --require', () => {
  it.each([
    ['index', 'linux/amd64,linux/arm'],
    ['amd64', 'linux/amd64'],
    ['docker', 'linux/arm64/v8'],
  ])('shows %s, which has %s', async (tag, required) => {
    const { run, app } = await startWithDraft();
    const plain = await run(['inspect', `${app}:${tag}`]);
    expect(await run(['inspect', `${app}:${tag}`, '--require', required])).toEqual(plain);
  });

  it.each(['index', 'draft'])('fails for %s if one is missing, and lists the existing ones', async (tag) => {
    const { run, app } = await startWithDraft();
    const { code, stdout, stderr } = await run([
      'inspect',
      `${app}:${tag}`,
      '--require=linux/amd64,linux/s390x',
      '--require=windows/amd64',
    ]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toMatch(
      /:(index|draft) has no image for linux\/s390x, windows\/amd64\nhint: It has linux\/.*linux\/.*\.\n$/,
    );
  });

  it('makes no further request for an index', async () => {
    const { registry, run, app } = await start();
    await run(['inspect', `${app}:index`, '--require', 'linux/amd64']);
    expect(registry.lines()).toEqual(['GET /v2/app/manifests/index 200']);
  });
});

describe('inspect --platform', () => {
  it('reads only that image', async () => {
    const { registry, run, app } = await start();
    const { stdout } = await run(['inspect', '--platform', 'linux/arm/v7', `${app}:index`]);
    expect(stdout).toBe(indented(armv7.manifest.bytes, '\t'));
    expect(registry.lines()).toEqual([
      'GET /v2/app/manifests/index 200',
      `GET /v2/app/manifests/${short(armv7.manifest.digest)} 200`,
    ]);
  });

  it.each(['index', 'amd64'])('lists the existing platforms if it is missing (app:%s)', async (tag) => {
    const { run, app } = await start();
    const { code, stdout, stderr } = await run(['inspect', '--platform', 'linux/s390x', `${app}:${tag}`]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/has no image for linux\/s390x\nhint: It has linux\/amd64/);
  });

  it('accepts an image of the platform', async () => {
    const { run, app } = await start();
    const { stdout } = await run(['inspect', '--platform', 'linux/amd64', `${app}:amd64`]);
    expect(stdout).toBe(indented(amd64.manifest.bytes, '\t'));
  });

  it('is checked before any request', async () => {
    const { registry, run, app } = await start();
    const { code, stderr } = await run(['inspect', '--platform', 'toaster', `${app}:index`]);
    expect(code).toBe(125);
    expect(stderr).toContain('invalid platform "toaster"');
    expect(registry.lines()).toEqual([]);
  });
});

describe('inspect --config', () => {
  it('prints the config with tabs, and its exact bytes with --raw', async () => {
    const { run, app } = await start();
    const shown = await run(['inspect', '--config', `${app}:amd64`]);
    expect(shown.stdout).toBe(indented(amd64.config.bytes, '\t'));
    const raw = await run(['inspect', '--config', '--raw', '--platform', 'linux/arm', `${app}:index`]);
    expect(raw.bytes.equals(armv7.config.bytes)).toBe(true);
  });

  it('has a hint for an index', async () => {
    const { run, app } = await start();
    const { code, stderr } = await run(['inspect', '--config', `${app}:index`]);
    expect(code).toBe(5);
    expect(stderr).toMatch(/is an image index, which has no config\nhint: .*--platform/);
  });

  it('has a hint for a config that is not JSON', async () => {
    const { registry, run, app } = await start();
    const config = Buffer.from('\0asm');
    const digest = registry.putBlob('app', config);
    const manifest = {
      schemaVersion: 2,
      mediaType: amd64.manifest.mediaType,
      config: { mediaType: 'application/wasm', digest, size: config.length },
      layers: [],
    };
    registry.putManifest('app', Buffer.from(JSON.stringify(manifest)), amd64.manifest.mediaType, 'wasm');
    const shown = await run(['inspect', '--config', `${app}:wasm`]);
    expect(shown.code).toBe(5);
    expect(shown.stderr).toMatch(/is not JSON[^]*--raw/);
    expect((await run(['inspect', '--config', '--raw', `${app}:wasm`])).bytes.equals(config)).toBe(true);
  });
});

describe('inspect with flags that exclude each other', () => {
  it.each([
    [['--raw', '--verbose'], '--verbose and --raw'],
    [['--config', '-v'], '--verbose and --config'],
    [['--format', 'table', '--raw'], '--raw and --format table'],
    [['--format', 'tree', '--config'], '--config and --format tree'],
    [['--format', 'tree', '-v'], '--verbose and --format tree'],
    [['--format', 'table', '--json'], '--format table and --json'],
    [['--raw', '--json'], '--raw and --json'],
    [['--raw', '--config', '-v'], '--verbose and --raw'],
  ])('rejects %j', async (flags, message) => {
    const { registry, run, app } = await start();
    const { code, stdout, stderr } = await run(['inspect', `${app}:index`, ...flags]);
    expect(code).toBe(125);
    if (!flags.includes('--json')) expect(stdout).toBe('');
    expect(stderr).toBe(`error: ${message} exclude each other\n`);
    expect(registry.lines()).toEqual([]);
  });

  it('accepts --format json', async () => {
    const { run, app, index } = await start();
    const { stdout } = await run(['inspect', `${app}:index`, '--format', 'json']);
    expect(stdout).toBe(indented(index.bytes, '   '));
  });

  it.each([[['--json']], [['--json', '--format', 'json']]])(
    '%j prints the document as a member',
    async (flags) => {
      const { run, app, index } = await start();
      const { stdout } = await run(['inspect', `${app}:index`, ...flags]);
      const { mediaType, digest, bytes } = index;
      const result = {
        ...OK,
        reference: `${app}:index`,
        state: 'published',
        descriptor: { mediaType, digest, size: bytes.length },
        document: JSON.parse(text(bytes)) as unknown,
      };
      expect(stdout).toBe(`${JSON.stringify(result, undefined, 2)}\n`);
    },
  );

  it.each([[[]], [['a', 'b', 'c']]])('rejects the names %j', async (names) => {
    const { run } = await makeCommandLine();
    const { code, stdout, stderr } = await run(['inspect', ...names]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).not.toBe('');
  });
});
