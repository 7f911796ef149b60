import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { describeIntegration } from './integration.js';
import { skopeo } from './peers.js';
import { mustRun, run } from './run.js';
import { makeSandbox, type Sandbox } from './sandbox.js';
import { tinyImage, tinyIndex, writeLayout, type TinyImage } from './tiny-image.mjs';

/** Architecture, variant, and what the ELF header must say (e_machine, class, byte order); then the manifest's digest. */
const machines = [
  ['amd64', undefined, 62, 2, 1, 'sha256:28d457902e2efbd14669ce852d95e0da85b226aac932b40fc66fe41134bcbb68'],
  ['arm64', undefined, 183, 2, 1, 'sha256:614cbb5325a76b09b009f89b3c12ad2c23580de10fb251c5f4d97d28d06aded2'],
  ['arm', 'v7', 40, 1, 1, 'sha256:f89544b7560deb5deb54c20b2d449a97f49ac5e5ad3faa4d16d8392f7467f2df'],
  ['386', undefined, 3, 1, 1, 'sha256:f418a0ff5b36c4c6786424ab9e905b3f46b380c8f0090589f2582d073eac3634'],
  ['ppc64le', undefined, 21, 2, 1, 'sha256:97268b91da27485b5d422ed8fedc7924e87947f201e73b1ef8d4b4b75c9c4080'],
  ['s390x', undefined, 22, 2, 2, 'sha256:92ff93e35202fccfd2c041bd930e7e9717d1bbf55f1c71cfc9cacc5742c38aeb'],
  [
    'riscv64',
    undefined,
    243,
    2,
    1,
    'sha256:bdbf1c76b07a4ba8eaeb3856ecbd933b3899f7ebde892a533f9801e3fcfc6d6f',
  ],
] as const;

const [ELF_CLASS, ELF_DATA, ELF_MACHINE] = [4, 5, 18];

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await makeSandbox();
});
afterEach(() => sandbox.remove());

describe('tinyImage', () => {
  it.each(machines)(
    'is the same on every machine and holds a true executable: %s %s',
    (architecture, variant, machine, elfClass, elfData, digest) => {
      const image = tinyImage({ architecture, ...(variant === undefined ? {} : { variant }) });

      expect(image.manifest.digest).toBe(digest);
      const executable = executableOf(image);
      expect(executable.toString('latin1', 0, 4)).toBe('\x7fELF');
      expect(executable[ELF_CLASS]).toBe(elfClass);
      expect(executable[ELF_DATA]).toBe(elfData);
      expect(executable[elfData === 1 ? ELF_MACHINE : ELF_MACHINE + 1]).toBe(machine);
    },
  );

  it('points from manifest to config and layer by their true digests and sizes', () => {
    const { manifest, config, layers } = tinyImage({ architecture: 'arm64', labels: { team: 'a' } });

    for (const blob of [manifest, config, ...layers]) {
      expect(blob.digest).toBe(sha256(blob.bytes));
      expect(blob.size).toBe(blob.bytes.length);
    }
    expect(documentOf(manifest)).toMatchObject({
      config: { digest: config.digest, size: config.size },
      layers: [{ digest: layers[0]?.digest, size: layers[0]?.size }],
    });
    expect(documentOf(config)).toMatchObject({
      os: 'linux',
      architecture: 'arm64',
      config: { Labels: { team: 'a' } },
      rootfs: { diff_ids: [sha256(gunzipSync(layers[0]?.bytes ?? ''))] },
    });
  });

  it('speaks in Docker media types where asked', () => {
    const { manifest } = tinyImage({ architecture: 'amd64', mediaTypes: 'docker' });

    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    expect(manifest.mediaType).toBe(mediaType);
    expect(documentOf(manifest)).toMatchObject({
      mediaType,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json' },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' }],
    });
  });

  it('says nothing of the platform where asked, neither in the config nor in an index', () => {
    const image = tinyImage({ architecture: 'arm', variant: 'v7', omitPlatform: true });

    for (const field of ['os', 'architecture', 'variant']) {
      expect(documentOf(image.config)).not.toHaveProperty(field);
    }
    expect(documentOf(tinyIndex([image]))).not.toHaveProperty('manifests.0.platform');
  });

  it('refuses a text that its executable cannot hold', () => {
    expect(() => tinyImage({ architecture: 'amd64', text: 'x'.repeat(2048) })).toThrow(RangeError);
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64').for(['amd64', '386'] as const)(
    'holds an executable that runs: %s',
    async (architecture, { skip }) => {
      if (architecture === '386' && !(await runsI386(sandbox)))
        skip('this kernel runs no 32-bit executables');
      const text = `${'x'.repeat(2045)}\n`;
      const file = join(sandbox.directory, 'hello');
      await writeFile(file, executableOf(tinyImage({ architecture, text })), { mode: 0o755 });

      expect(await mustRun(file, [])).toBe(text);
    },
  );
});

/** Tries a minimal i386 executable, exit(42): kernels may be built or started without 32-bit support. */
async function runsI386({ directory }: Sandbox): Promise<boolean> {
  const header =
    '7f454c46010101000000000000000000020003000100000054800408340000000000000000000000340020000100000000000000';
  const segment = '0100000000000000008004080080040860000000600000000500000000100000';
  const code = 'b801000000bb2a000000cd80';
  const file = join(directory, 'exit42');
  await writeFile(file, Buffer.from(header + segment + code, 'hex'), { mode: 0o755 });
  return (await run(file, [])).code === 42;
}

describe('tinyIndex', () => {
  const images = [tinyImage({ architecture: 'amd64' }), tinyImage({ architecture: 'arm64' })];

  it.each([
    ['oci', false, 'sha256:2d7c022575c768d9b32f71a4b41470e8966d4987fc0e0bf1be020bab2e3b0324'],
    ['docker', false, 'sha256:48155769c94757a590f54ab5b5ed3b7bf4aa1fb967c89e8c129aa3ed15e65a92'],
    ['oci', true, 'sha256:a5feafb24d3b5be4a4458575d531ded6b1d5137fdfb52f14a1cad1bc60949ea3'],
  ] as const)('is the same on every machine: %s, attestations %s', (mediaTypes, attestations, digest) => {
    const index = tinyIndex(images, { mediaTypes, attestations });

    expect(index.digest).toBe(digest);
    expect(sha256(index.bytes)).toBe(digest);
  });

  it('binds each attestation to its image as BuildKit does', () => {
    const index = tinyIndex(images, { attestations: true });

    expect(index.images).toHaveLength(4);
    expect(documentOf(index)).toMatchObject({
      manifests: [
        { platform: { os: 'linux', architecture: 'amd64' } },
        { platform: { os: 'linux', architecture: 'arm64' } },
        ...images.map(({ manifest }) => ({
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': manifest.digest,
          },
        })),
      ],
    });
    expect(index.images.map(({ manifest }) => manifest.digest)).toEqual(
      (documentOf(index) as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest),
    );
  });
});

describeIntegration('writeLayout', ['skopeo'], () => {
  it('writes what skopeo can copy, blob by blob, and keeps the tags that were there', async () => {
    const layout = join(sandbox.directory, 'layout');
    const amd64 = tinyImage({ architecture: 'amd64' });
    const index = tinyIndex([amd64, tinyImage({ architecture: 's390x' })], { attestations: true });
    await writeLayout(layout, amd64, 'one');
    await writeLayout(layout, amd64, 'all');
    await writeLayout(layout, index, 'all');

    const rawOf = (tag: string) => skopeo(sandbox, ['inspect', '--raw', `oci:${layout}:${tag}`]);
    expect((await rawOf('one')).stdout).toBe(textOf(amd64.manifest.bytes));
    expect((await rawOf('all')).stdout).toBe(textOf(index.bytes));
    const copied = join(sandbox.directory, 'copied');
    expect(await skopeo(sandbox, ['copy', '--all', `oci:${layout}:all`, `oci:${copied}:all`])).toMatchObject({
      code: 0,
    });
  });
});

/** The one file in an image's layer. */
function executableOf(image: TinyImage): Buffer {
  const archive = gunzipSync(image.layers[0]?.bytes ?? '');
  const size = Number.parseInt(archive.toString('latin1', 124, 135), 8);
  return archive.subarray(512, 512 + size);
}

function documentOf({ bytes }: { readonly bytes: Uint8Array }): unknown {
  return JSON.parse(textOf(bytes));
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
