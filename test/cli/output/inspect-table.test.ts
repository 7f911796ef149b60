import { describe, expect, it } from 'vitest';

import { amd64, armv7 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyIndex } from '../../support/tiny-image.mjs';

async function start() {
  const { registry, app, run } = await startCommandLine({ registry: { requireChildren: false } });
  const table = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(['inspect', '--format', 'table', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  return { registry, run, app, table };
}

describe('inspect --format table', () => {
  it('lists the entries of an index after one request', async () => {
    const { registry, app, table } = await start();
    const index = tinyIndex([amd64, armv7], { attestations: true });
    registry.put('app', index, '1');
    const [, , ofAmd64, ofArmv7] = index.images.map(({ manifest }) => manifest.digest);
    const empty = ' '.repeat(65);
    expect(await table(`${app}:1`)).toBe(
      [
        `Name:        ${app}:1`,
        `MediaType:   ${index.mediaType}`,
        `Digest:      ${index.digest}`,
        '',
        `PLATFORM          DIGEST${empty}   SIZE    TYPE`,
        `linux/amd64       ${amd64.manifest.digest}   402 B   image`,
        `linux/arm/v7      ${armv7.manifest.digest}   402 B   image`,
        `unknown/unknown   ${ofAmd64}   465 B   attestation of linux/amd64`,
        `unknown/unknown   ${ofArmv7}   465 B   attestation of linux/arm/v7`,
        '',
      ].join('\n'),
    );
    expect(registry.lines()).toEqual(['GET /v2/app/manifests/1 200']);
  });

  it('lists the layers of an image below its platform', async () => {
    const { registry, app, table } = await start();
    const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
    const manifest = JSON.parse(Buffer.from(armv7.manifest.bytes).toString()) as { layers: object[] };
    manifest.layers.push({ mediaType: foreign, digest: amd64.config.digest, size: 31_400_000 });
    registry.put('app', armv7);
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = registry.putManifest('app', bytes, armv7.manifest.mediaType, '1');
    const [layer] = armv7.layers;
    expect(await table(`${app}:1`)).toBe(
      [
        `Name:        ${app}:1`,
        `MediaType:   ${armv7.manifest.mediaType}`,
        `Digest:      ${digest}`,
        'Platform:    linux/arm/v7',
        `Config:      ${armv7.config.digest} (305 B)`,
        '',
        `LAYER   DIGEST${' '.repeat(65)}   SIZE     TYPE`,
        `1       ${layer?.digest}   2.1 kB   application/vnd.oci.image.layer.v1.tar+gzip`,
        `2       ${amd64.config.digest}   31 MB    ${foreign} (non-distributable)`,
        '',
      ].join('\n'),
    );
  });

  it('marks a draft, and shows the type of entries', async () => {
    const { registry, run, app, table } = await start();
    const entry = (digest: string, rest: object) => ({
      mediaType: amd64.manifest.mediaType,
      digest,
      size: 1,
      ...rest,
    });
    const index = {
      schemaVersion: 2,
      mediaType: tinyIndex([]).mediaType,
      artifactType: 'application/vnd.example.set',
      manifests: [
        entry(amd64.config.digest, { artifactType: 'application/vnd.cncf.helm.config.v1+json' }),
        entry(armv7.config.digest, { mediaType: tinyIndex([]).mediaType }),
        entry(amd64.manifest.digest, { mediaType: 'text/x-odd' }),
        entry(armv7.manifest.digest, {
          platform: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763.1' },
        }),
      ],
    };
    registry.putManifest('app', Buffer.from(JSON.stringify(index)), index.mediaType, '1');
    const rows = (await table(`${app}:1`)).trim().split('\n');
    expect(rows).toContain('ArtifactType:   application/vnd.example.set');
    expect(rows.slice(-4).map((row) => row.split(/ {3,}/).toSpliced(1, 2))).toEqual([
      ['-', 'artifact application/vnd.cncf.helm.config.v1+json'],
      ['-', 'index'],
      ['-', 'text/x-odd'],
      ['windows(10.0.17763.1)/amd64', 'image'],
    ]);

    registry.put('app', amd64, 'amd64');
    await run(['create', `${app}:draft`, `${app}:amd64`]);
    expect(await table(`${app}:draft`)).toMatch(`Name:        ${app}:draft (draft)\n`);
  });

  it('prints no control characters from documents', async () => {
    const { registry, app, table } = await start();
    const platform = { architecture: 'amd64\u001b[2J', os: 'linux\u009b31m' };
    const index = {
      schemaVersion: 2,
      mediaType: tinyIndex([]).mediaType,
      manifests: [
        { mediaType: amd64.manifest.mediaType, digest: amd64.manifest.digest, size: 402, platform },
      ],
    };
    registry.putManifest('app', Buffer.from(JSON.stringify(index)), index.mediaType, '1');
    const shown = await table(`${app}:1`);
    expect(shown).toContain('linux 31m/amd64 [2J');
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it.each([
    ['a terminal', true, {}, true],
    ['a pipe', false, {}, false],
    ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['a terminal with an empty NO_COLOR', true, { NO_COLOR: '' }, true],
  ])('is coloured on %s: %s', async (_where, isTTY, env, expected) => {
    const { registry, run, app } = await start();
    registry.put('app', tinyIndex([amd64]), '1');
    for (const format of ['table', 'tree']) {
      const { stdout } = await run(['inspect', `${app}:1`, '--format', format], { isTTY, env });
      expect(stdout.includes('\u001b[')).toBe(expected);
    }
    const { stdout } = await run(['inspect', `${app}:1`], { isTTY, env });
    expect(stdout).not.toContain('\u001b[');
  });
});
