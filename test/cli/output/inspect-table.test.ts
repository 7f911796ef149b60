import { describe, expect, it } from 'vitest';

import { formatBytes } from '../../../src/cli/output/format.js';
import { artifact } from '../../support/artifact.js';
import { amd64, armv7 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import type { MemoryRegistryOptions } from '../../support/memory-registry.js';
import { tinyImage, tinyIndex, type TinyImage } from '../../support/tiny-image.mjs';

/** The size of an image as a table shows it. */
const sizeOf = ({ config, layers }: TinyImage): string =>
  formatBytes(layers.reduce((sum, { size }) => sum + size, config.size));

async function start(options: MemoryRegistryOptions = {}) {
  const { registry, app, run } = await startCommandLine({ registry: { requireChildren: false, ...options } });
  const table = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(['inspect', '--format', 'table', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  return { registry, run, app, table };
}

describe('inspect --format table', () => {
  it('lists the entries of an index with the sizes of the images', async () => {
    const { registry, app, table } = await start();
    const index = tinyIndex([amd64, armv7], { attestations: true });
    registry.put('app', index, '1');
    const [, , ofAmd64, ofArmv7] = index.images.map(({ manifest }) => manifest.digest);
    const empty = ' '.repeat(65);
    const created = '2024-01-01T00:00:00Z';
    const none = `-${' '.repeat(19)}`;
    expect(await table(`${app}:1`)).toBe(
      [
        `Name:        ${app}:1`,
        `MediaType:   ${index.mediaType}`,
        `Digest:      ${index.digest}`,
        '',
        `PLATFORM       DIGEST${empty}   SIZE     LAYERS   CREATED                TYPE`,
        `linux/amd64    ${amd64.manifest.digest}   ${sizeOf(amd64)}   1        ${created}   image`,
        `linux/arm/v7   ${armv7.manifest.digest}   ${sizeOf(armv7)}   1        ${created}   image`,
        `-              ${ofAmd64}   517 B    1        ${none}   attestation of linux/amd64: provenance`,
        `-              ${ofArmv7}   517 B    1        ${none}   attestation of linux/arm/v7: provenance`,
        '',
      ].join('\n'),
    );
  });

  it('reads each manifest and config once, and what refers to the index and its images', async () => {
    const { registry, app, table } = await start({ referrers: {} });
    registry.put('app', tinyIndex([amd64, armv7], { attestations: true }), '1');
    await table(`${app}:1`);
    const lines = registry.lines();
    expect(lines.filter((line) => /^GET .*\/manifests\//.test(line))).toHaveLength(1 + 4);
    expect(lines.filter((line) => line.includes('/blobs/'))).toHaveLength(2);
    expect(lines.filter((line) => /referrers|sha256-/.test(line))).toHaveLength(3 * 4);
    expect(lines).toHaveLength(1 + 4 + 2 + 3 * 4);
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
        'Size:        31 MB',
        'Created:     2024-01-01T00:00:00Z',
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
    expect(rows.slice(-4).map((row) => row.split(/ {3,}/).toSpliced(1, 4))).toEqual([
      ['-', 'artifact application/vnd.cncf.helm.config.v1+json, missing'],
      ['-', 'index, missing'],
      ['-', 'text/x-odd, missing'],
      ['windows(10.0.17763.1)/amd64', 'image, missing'],
    ]);

    registry.put('app', amd64, 'amd64');
    await run(['create', `${app}:draft`, `${app}:amd64`]);
    expect(await table(`${app}:draft`)).toMatch(`Name:        ${app}:draft (draft)\n`);
  });

  it('marks signatures and SBOMs, and an image that is missing', async () => {
    const { registry, app, table } = await start({
      referrers: {},
      fault: ({ path }, next) => (path.endsWith(armv7.manifest.digest) ? { status: 404 } : next()),
    });
    const index = tinyIndex([amd64, armv7]);
    registry.put('app', index, '1');
    const types = ['application/vnd.cncf.notary.signature', 'application/spdx+json', 'application/spdx+json'];
    for (const [text, type] of types.entries()) {
      registry.put('app', artifact(amd64.manifest, { type, text: String(text) }));
    }
    const bundle = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    registry.put('app', artifact(index, { type: bundle }));
    const lines = (await table(`${app}:1`)).split('\n');
    expect(lines).toContain('Referrers:   signature');
    expect(lines.find((line) => line.startsWith('linux/amd64'))).toMatch(/ {3}image, signature, 2 SBOMs$/);
    expect(lines.find((line) => line.startsWith('linux/arm/v7'))).toMatch(/- +- +- +image, missing$/);
  });

  it('shows the version, source, base image and licenses of the index, else of its images', async () => {
    const { registry, app, table } = await start();
    const name = (key: string): string => `org.opencontainers.image.${key}`;
    const labels = {
      [name('version')]: '1.2',
      [name('licenses')]: 'MIT',
      [name('base.name')]: 'alpine:3.20',
    };
    const images = (['amd64', 'arm64'] as const).map((architecture) =>
      tinyImage({ architecture, labels: { ...labels, [name('revision')]: architecture } }),
    );
    const annotations = { [name('source')]: 'https://example.com/app', [name('version')]: '1.2.3' };
    registry.put('app', tinyIndex(images), 'plain');
    const index = JSON.parse(Buffer.from(tinyIndex(images).bytes).toString()) as object;
    const bytes = Buffer.from(JSON.stringify({ ...index, annotations }));
    registry.putManifest('app', bytes, tinyIndex([]).mediaType, '1');
    expect((await table(`${app}:1`)).split('\n').slice(3, 8)).toEqual([
      'Version:     1.2.3',
      'Revision:    differs between the images',
      'Source:      https://example.com/app',
      'Base:        alpine:3.20 (label)',
      'Licenses:    MIT (label)',
    ]);
    expect(await table(`${app}:plain`, '--platform', 'linux/arm64')).toContain(
      '\nRevision:    arm64 (label)\n',
    );
  });

  it.each([
    ['config', 'creation times are not shown: ', / {3}1 {8}- +image$/],
    ['manifests/sha256:', 'images that cannot be read are not shown: ', / {3}- {6}- {8}- {9}image$/],
    ['referrers/', 'referrers are not shown: ', / {3}image$/],
  ])('shows an index of which %s cannot be read, with a warning', async (part, warning, row) => {
    const { registry, run, app } = await start({
      referrers: {},
      fault: ({ path }, next) =>
        path.includes(part === 'config' ? amd64.config.digest : part) ? { status: 403 } : next(),
    });
    registry.put('app', tinyIndex([amd64]), '1');
    const { code, stdout, stderr } = await run(['inspect', '--format', 'table', `${app}:1`]);
    expect(code).toBe(0);
    expect(stderr).toMatch(new RegExp(`^warning: ${warning}.*\n$`));
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(row);
  });

  it('shows a draft without requests', async () => {
    const { registry, run, app, table } = await start({ referrers: {} });
    registry.put('app', amd64, 'amd64');
    await run(['create', `${app}:draft`, `${app}:amd64`]);
    registry.clearLog();
    expect(await table(`${app}:draft`)).toContain(`   ${sizeOf(amd64)}   1        -         image\n`);
    expect(registry.lines()).toEqual([]);
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
