import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';

import { artifact, attach, listTag } from '../support/artifact.js';
import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { amd64, arm64, attested as index } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { podmanPull } from '../support/peers.js';
import { Repository } from '../support/repository.js';
import { multiarch } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';

const signature = artifact(index, { text: 'signature of the index' });
const sbom = artifact(arm64.manifest, { type: 'application/spdx+json', text: '{}' });

/** With provenance, a signature and an SBOM: all of it is there on the other side. */
describeIntegration('a release', ['docker-registry', 'podman'], () => {
  let registries: readonly RunningRegistry[];
  let sandbox: Sandbox;
  let staging: Repository;
  let production: Repository;
  let count = 0;

  beforeAll(async () => {
    registries = await Promise.all([startRegistry(), startRegistry()]);
  });
  afterAll(() => Promise.all(registries.map((registry) => registry.stop())));
  beforeEach(async () => {
    sandbox = await makeSandbox();
    count += 1;
    const [first, second] = registries;
    if (first === undefined || second === undefined) throw new Error('no registry was started');
    staging = new Repository(first, `staging-${count}/app`);
    production = new Repository(second, `production-${count}/app`);
    await staging.add(index, '1.2');
    await attach(staging, index, signature);
    await attach(staging, arm64.manifest, sbom);
  });
  afterEach(() => sandbox.remove());

  /** @returns the standard output */
  async function succeed(words: readonly string[], place = sandbox): Promise<string> {
    const { code, stdout, stderr } = await multiarch(place, words);
    if (code !== 0) throw new Error(`it ended with ${String(code)}: ${stderr}`);
    expect(stderr).not.toContain('warning');
    return stdout;
  }

  async function expectRelease(): Promise<void> {
    expect((await production.readManifest('1.2')).text).toBe(Buffer.from(index.bytes).toString());
    for (const [subject, referrer] of [
      [index, signature],
      [arm64.manifest, sbom],
    ] as const) {
      const list = JSON.parse((await production.readManifest(listTag(subject))).text) as {
        manifests: { digest: string }[];
      };
      const { digest, bytes } = referrer.manifest;
      expect(list.manifests.map((entry) => entry.digest)).toEqual([digest]);
      expect((await production.readManifest(digest)).text).toBe(Buffer.from(bytes).toString());
    }
    const tree = await succeed(['inspect', '--format', 'tree', `${production.name}:1.2`]);
    expect(tree).toContain(`referrer application/spdx+json  ${sbom.manifest.digest}`);
    expect(tree).toContain(signature.manifest.digest);
    for (const [architecture, { config }] of Object.entries({ amd64, arm64 })) {
      const pulled = await podmanPull(sandbox, `${production.name}:1.2`, { architecture });
      expect(pulled).toMatchObject({ code: 0, stdout: `${config.digest.replace('sha256:', '')}\n` });
    }
  }

  it('is promoted from one registry to another, latest as well', async () => {
    const words = ['copy', `${staging.name}:1.2`, `${production.name}:1.2`, '--tag', 'latest', '--referrers'];
    expect(await succeed(words)).toBe(`${index.digest}\n`);
    await expectRelease();
    expect(await production.readManifest('latest')).toEqual(await production.readManifest('1.2'));
    expect(await succeed(words)).toBe(`${index.digest}\n`);
  });

  it('goes over an air gap in a file: the same digest on the other side', async () => {
    const file = join(sandbox.directory, 'app-1.2.tar');
    const carried = `oci-archive:${file}:1.2`;
    expect(await succeed(['copy', `${staging.name}:1.2`, carried, '--referrers'])).toBe(`${index.digest}\n`);
    expect(await succeed(['validate', carried])).toContain(
      `valid image-index (${index.digest}, 4 manifests)`,
    );

    // What came over is all that is known there: neither drafts nor the other registry.
    const inside = await makeSandbox();
    onTestFinished(() => inside.remove());
    await copyFile(file, join(inside.directory, 'in.tar'));
    const words = ['copy', 'oci-archive:in.tar', `${production.name}:1.2`, '--referrers'];
    expect(await succeed(words, inside)).toBe(`${index.digest}\n`);
    await expectRelease();

    // Carried once more, it is the same file.
    const again = join(sandbox.directory, 'again.tar');
    await succeed(['copy', `${production.name}:1.2`, `oci-archive:${again}:1.2`, '--referrers']);
    expect((await readFile(again)).equals(await readFile(file))).toBe(true);
  });
});
