import { describe, expect, it } from 'vitest';

import { artifact } from '../../support/artifact.js';
import { makeGate } from '../../support/gate.js';
import { amd64, armv7, s390x } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../../support/memory-registry.js';
import { tinyIndex, type TinyImage } from '../../support/tiny-image.mjs';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

async function start(options: MemoryRegistryOptions = {}) {
  const { registry, app, run } = await startCommandLine({ registry: { requireChildren: false, ...options } });
  const tree = async (...args: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await run(['inspect', '--format', 'tree', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.trimEnd().split('\n');
  };
  return { registry, run, app, tree };
}

const childReads = (registry: MemoryRegistry): readonly string[] =>
  registry.lines().filter((line) => line.includes('/manifests/sha256:'));

/** The line of an image's only layer. */
const layerLine = ({ layers }: TinyImage): string => `${layers[0]?.digest}  2.1 kB  ${LAYER}`;

function putIndex(registry: MemoryRegistry, index: object): void {
  const { mediaType } = tinyIndex([]);
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...index }));
  registry.putManifest('app', bytes, mediaType, '1');
}

const entry = ({ manifest: { mediaType, digest, size }, platform }: TinyImage) => ({
  mediaType,
  digest,
  size,
  platform,
});

/** An entry that says of itself that it is about an image. */
const about = (image: TinyImage, subject: TinyImage) => ({
  ...entry(image),
  platform: { architecture: 'unknown', os: 'unknown' },
  annotations: {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': subject.manifest.digest,
  },
});

describe('inspect --format tree', () => {
  it('shows images with their layers and provenance, read in parallel', async () => {
    const everyChild = makeGate(4);
    const { registry, app, tree } = await start({
      fault: async ({ path }, next) => {
        if (path.includes('/manifests/sha256:')) await everyChild();
        return next();
      },
    });
    const index = tinyIndex([amd64, armv7], { attestations: true });
    registry.put('app', index, '1');
    const provenance = index.images.slice(2).map(({ manifest, layers }) => ({
      manifest: manifest.digest,
      layer: `${layers[0]?.digest}  350 B  application/vnd.in-toto+json  https://slsa.dev/provenance/v0.2`,
    }));
    expect(await tree(`${app}:1`)).toEqual([
      `${app}:1  ${index.digest}`,
      `├── linux/amd64  ${amd64.manifest.digest}`,
      '│   ├── 1 layer, 2.1 kB',
      `│   │   └── ${layerLine(amd64)}`,
      `│   └── attestation  ${provenance[0]?.manifest}`,
      '│       └── 1 layer, 350 B',
      `│           └── ${provenance[0]?.layer}`,
      `└── linux/arm/v7  ${armv7.manifest.digest}`,
      '    ├── 1 layer, 2.1 kB',
      `    │   └── ${layerLine(armv7)}`,
      `    └── attestation  ${provenance[1]?.manifest}`,
      '        └── 1 layer, 350 B',
      `            └── ${provenance[1]?.layer}`,
    ]);
    expect(childReads(registry)).toHaveLength(4);
  });

  it('shows annotations, and marks a missing image', async () => {
    const { registry, app, tree } = await start();
    registry.put('app', amd64);
    putIndex(registry, {
      manifests: [entry(armv7), entry(amd64)],
      annotations: { 'org.example.title': 'a\nb\u001b[0m', other: '' },
    });
    expect((await tree(`${app}:1`)).slice(1)).toEqual([
      '├── annotations',
      '│   ├── org.example.title: a b [0m',
      '│   └── other:',
      `├── linux/arm/v7  ${armv7.manifest.digest}  missing`,
      `└── linux/amd64  ${amd64.manifest.digest}`,
      '    └── 1 layer, 2.1 kB',
      `        └── ${layerLine(amd64)}`,
    ]);
  });

  it('marks a missing image that is in the cache', async () => {
    let isGone = false;
    const { registry, app, run, tree } = await start({
      fault: (request, next) =>
        isGone && request.path.endsWith(armv7.manifest.digest) ? { status: 404 } : next(),
    });
    registry.put('app', tinyIndex([amd64, armv7]), '1');
    await run(['inspect', '--verbose', `${app}:1`]);
    isGone = true;
    expect(await tree(`${app}:1`)).toContain(`└── linux/arm/v7  ${armv7.manifest.digest}  missing`);
  });

  it('fails if an image cannot be read for another reason', async () => {
    const { registry, run, app } = await start({
      fault: async (request, next) =>
        request.path.includes('/manifests/sha256:') ? { status: 403 } : next(),
    });
    registry.put('app', tinyIndex([amd64]), '1');
    const { code, stdout } = await run(['inspect', '--format', 'tree', `${app}:1`]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
  });

  it('shows an attestation whose image is not in the index, or is itself', async () => {
    const { registry, app, tree } = await start();
    registry.put('app', amd64);
    registry.put('app', armv7);
    putIndex(registry, {
      manifests: [about(amd64, amd64), about(armv7, s390x)],
    });
    expect(
      (await tree(`${app}:1`)).filter((line) => /^. ?─/.test(line) || line.includes('attestation')),
    ).toEqual([`├── attestation  ${amd64.manifest.digest}`, `└── attestation  ${armv7.manifest.digest}`]);
  });

  it('reads a nested index, but not its entries', async () => {
    const { registry, app, tree } = await start();
    const inner = tinyIndex([amd64, armv7]);
    registry.put('app', inner);
    putIndex(registry, {
      manifests: [{ mediaType: inner.mediaType, digest: inner.digest, size: inner.size }],
    });
    expect((await tree(`${app}:1`)).slice(1)).toEqual([
      `└── -  index  ${inner.digest}`,
      `    ├── linux/amd64  ${amd64.manifest.digest}`,
      `    └── linux/arm/v7  ${armv7.manifest.digest}`,
    ]);
    expect(childReads(registry)).toHaveLength(1);
  });

  it('shows one image with its platform, and marks a non-distributable layer', async () => {
    const { registry, app, tree } = await start();
    const foreign = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
    registry.put('app', amd64);
    const text = Buffer.from(amd64.manifest.bytes).toString().replace(LAYER, foreign);
    const digest = registry.putManifest('app', Buffer.from(text), amd64.manifest.mediaType, '1');
    expect(await tree(`${app}:1`)).toEqual([
      `${app}:1  linux/amd64  ${digest}`,
      '└── 1 layer, 2.1 kB',
      `    └── ${amd64.layers[0]?.digest}  2.1 kB  ${foreign} (non-distributable)`,
    ]);
  });

  it('shows a draft without requests for its content', async () => {
    const { registry, run, app, tree } = await start();
    registry.put('app', amd64, 'amd64');
    await run(['create', `${app}:draft`, `${app}:amd64`]);
    registry.clearLog();
    expect((await tree(`${app}:draft`))[0]).toMatch(`${app}:draft (draft)  sha256:`);
    expect(registry.lines()).toEqual([]);
  });
});

describe('inspect --format tree of signed images', () => {
  const index = tinyIndex([amd64, armv7], { attestations: true });
  const sbom = artifact(amd64.manifest, { type: 'application/spdx+json' });
  const signature = artifact(index, { type: 'application/vnd.\u001b[31mexample' });
  const [cosigned, attested, listed] = ['.sig', '.att', '.sbom'].map((text) => artifact(undefined, { text }));
  const referrers = (registry: MemoryRegistry): void => {
    registry.put('app', index, '1');
    for (const each of [sbom, signature]) registry.put('app', each);
    const tag = index.digest.replace(':', '-');
    if (cosigned && attested && listed) {
      registry.put('app', cosigned, `${tag}.sig`);
      registry.put('app', attested, `${tag}.att`);
      registry.put('app', listed, `${amd64.manifest.digest.replace(':', '-')}.sbom`);
    }
  };
  const referrerLines = [
    `│   ├── referrer application/spdx+json  ${sbom.manifest.digest}`,
    `│   └── cosign sbom  ${listed?.manifest.digest}`,
    `├── referrer application/vnd. [31mexample  ${signature.manifest.digest}`,
    `├── cosign signature  ${cosigned?.manifest.digest}`,
    `└── cosign attestation  ${attested?.manifest.digest}`,
  ];
  const isReferrer = (line: string): boolean => /referrer|cosign/.test(line);

  it('shows signatures below their subject, from a registry with the referrers API', async () => {
    const { registry, app, tree } = await start({ referrers: {} });
    referrers(registry);
    expect((await tree(`${app}:1`)).filter(isReferrer)).toEqual(referrerLines);
    // The index; its four entries; the lists of the index and its two images, and three tags for each.
    expect(registry.requests).toHaveLength(1 + 4 + 3 * 4);
  });

  it('shows signatures of a registry without the referrers API, for one more request', async () => {
    const { registry, app, tree } = await start();
    referrers(registry);
    for (const [subject, referrer] of [
      [amd64.manifest.digest, sbom],
      [index.digest, signature],
    ] as const) {
      const { mediaType, digest, size } = referrer.manifest;
      const artifactType = referrer.layers[0]?.mediaType;
      const manifests = [{ mediaType, digest, size, artifactType }];
      const list = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: index.mediaType, manifests }));
      registry.putManifest('app', list, index.mediaType, subject.replace(':', '-'));
    }
    expect((await tree(`${app}:1`)).filter(isReferrer)).toEqual(referrerLines);
    expect(registry.requests).toHaveLength(1 + 4 + 1 + 3 * 4);
  });

  it('shows the signatures of one image', async () => {
    const { registry, app, tree } = await start({ referrers: {} });
    referrers(registry);
    expect(await tree(`${app}@${amd64.manifest.digest}`)).toEqual([
      `${app}@${amd64.manifest.digest}  linux/amd64  ${amd64.manifest.digest}`,
      '├── 1 layer, 2.1 kB',
      `│   └── ${layerLine(amd64)}`,
      `├── referrer application/spdx+json  ${sbom.manifest.digest}`,
      `└── cosign sbom  ${listed?.manifest.digest}`,
    ]);
  });

  it.each([401, 403, 500])(
    'shows the tree without signatures if the registry responds with %i',
    async (status) => {
      const { registry, run, app } = await start({
        fault: async (request, next) => (request.path.includes('/referrers/') ? { status } : next()),
      });
      referrers(registry);
      const { code, stdout, stderr } = await run([
        '--retries',
        '0',
        'inspect',
        '--format',
        'tree',
        `${app}:1`,
      ]);
      expect(code).toBe(0);
      expect(stdout.split('\n').filter(isReferrer)).toEqual([]);
      expect(stdout).toContain(`linux/arm/v7  ${armv7.manifest.digest}`);
      expect(stderr).toMatch(/^warning: referrers are not shown: .*\n$/);
    },
  );

  it('makes no request for referrers for --format json', async () => {
    const { registry, run, app } = await start({ referrers: {} });
    referrers(registry);
    registry.clearLog();
    expect(await run(['inspect', '--format', 'json', `${app}:1`])).toMatchObject({ code: 0, stderr: '' });
    expect(registry.lines().filter((line) => /referrers|sha256-/.test(line))).toEqual([]);
  });

  it('makes no request for referrers of a draft and its entries', async () => {
    const { registry, run, app, tree } = await start({ referrers: {} });
    referrers(registry);
    await run(['create', `${app}:draft`, `${app}@${amd64.manifest.digest}`]);
    registry.clearLog();
    await tree(`${app}:draft`);
    await tree(`${app}:draft`, `${app}@${amd64.manifest.digest}`);
    expect(registry.lines().filter((line) => /referrers|sha256-/.test(line))).toEqual([]);
  });
});
