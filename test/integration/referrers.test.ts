import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { artifact, attach, listTag } from '../support/artifact.js';
import { amd64, arm64, pair as index } from '../support/images.js';
import { describeIntegration, describeOptional } from '../support/integration.js';
import { useRegistries } from '../support/registries.js';
import { requestsDuring } from '../support/registry-log.js';
import type { Repository } from '../support/repository.js';
import { mustRun } from '../support/run.js';
import type { TinyBlob } from '../support/tiny-image.mjs';

const sbom = artifact(amd64.manifest, { type: 'application/spdx+json' });
const signature = artifact(sbom.manifest, { text: 'signature of the sbom' });
const cosigned = artifact(undefined, { text: "cosign's signature of arm64" });

/** distribution 2.8 lists no referrers: clients keep the lists under tags. */
describeIntegration('referrers', ['docker-registry'], () => {
  const setUp = useRegistries();
  let parts: Repository;
  let app: Repository;
  beforeEach(() => {
    parts = setUp.repository('parts');
    app = setUp.repository('app');
  });

  /** @returns the standard output */
  async function succeed(...words: string[]): Promise<string> {
    const result = await setUp.run(...words);
    expect(result).toMatchObject({ code: 0, stderr: expect.not.stringContaining('warning') });
    return result.stdout;
  }

  /** What the list of a digest holds in a repository: digests. */
  async function listIn(place: Repository, subject: TinyBlob): Promise<string[]> {
    const { text } = await place.readManifest(listTag(subject));
    return (JSON.parse(text) as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest);
  }

  async function addSigned(place: Repository): Promise<string> {
    const reference = await place.add(index, '1.2');
    await attach(place, amd64.manifest, sbom);
    await attach(place, sbom.manifest, signature);
    await place.add(cosigned, `${listTag(arm64.manifest)}.sig`);
    return reference;
  }

  async function expectSigned(place: Repository): Promise<void> {
    expect(await listIn(place, amd64.manifest)).toEqual([sbom.manifest.digest]);
    expect(await listIn(place, sbom.manifest)).toEqual([signature.manifest.digest]);
    const cosign = await place.readManifest(`${listTag(arm64.manifest)}.sig`);
    expect(cosign.text).toBe(Buffer.from(cosigned.manifest.bytes).toString());
    for (const { manifest } of [sbom, signature]) {
      expect((await place.readManifest(manifest.digest)).text).toBe(Buffer.from(manifest.bytes).toString());
    }
  }

  it('go along with a push, and are shown where they arrived', async () => {
    const source = await addSigned(parts);
    const list = `${app.name}:1.2`;
    await succeed('create', list, source);
    await succeed('push', list);
    expect(await app.hasManifest(listTag(amd64.manifest))).toBe(false);

    const digest = (await succeed('push', list, '--referrers', '--purge')).trimEnd().split('\n').at(-1);

    await expectSigned(app);
    expect(digest).toMatch(/^sha256:/);
    const tree = await succeed('inspect', '--format', 'tree', list);
    expect(tree).toContain(`referrer application/spdx+json  ${sbom.manifest.digest}`);
    expect(tree).toContain(`cosign signature  ${cosigned.manifest.digest}`);
  });

  it('that are there already are not sent again', async () => {
    const source = await addSigned(parts);
    await succeed('copy', '--referrers', source, `${app.name}:1.2`);
    const { requests } = await requestsDuring(setUp.registry, () =>
      setUp.run('copy', '--referrers', source, `${app.name}:1.2`),
    );
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([]);
  });

  it.each(['oci', 'oci-archive'])('go over an air gap: registry, %s, registry', async (transport) => {
    const source = await addSigned(parts);
    const file = `${transport}:${join(setUp.sandbox.directory, 'carried')}`;
    await succeed('copy', '--referrers', source, `${file}:1.2`);
    // One image, although what refers to it is in there too.
    expect(await succeed('inspect', '--raw', file)).toBe(Buffer.from(index.bytes).toString());
    expect(await succeed('inspect', '--format', 'tree', file)).toContain(sbom.manifest.digest);
    await succeed('copy', '--referrers', `${file}:1.2`, `${app.name}:1.2`);
    await expectSigned(app);
  });

  it('are copied with a warning where the name of their list is taken', async () => {
    const source = await addSigned(parts);
    await app.add(arm64, listTag(amd64.manifest));
    const { code, stderr } = await setUp.run('copy', '--referrers', source, `${app.name}:1.2`);
    expect(code).toBe(0);
    expect(stderr).toContain(`${app.name}:${listTag(amd64.manifest)} is not a referrers index`);
    expect(await app.hasManifest('1.2')).toBe(true);
    const kept = await app.readManifest(listTag(amd64.manifest));
    expect(kept.text).toBe(Buffer.from(arm64.manifest.bytes).toString());
  });

  describeOptional('and oras', ['oras'], () => {
    function oras(...words: string[]): Promise<string> {
      return mustRun('oras', words, { env: setUp.sandbox.env, cwd: setUp.sandbox.directory });
    }

    const attachFlags = ['--artifact-type', 'application/vnd.example.sbom'];
    interface Discovered {
      readonly referrers?: readonly (Discovered & { readonly artifactType: string })[];
    }
    const typesOf = ({ referrers = [] }: Discovered): unknown[] =>
      referrers.map((each) => [each.artifactType, ...typesOf(each)]);

    async function discovered(...words: string[]): Promise<unknown[]> {
      return typesOf(JSON.parse(await oras('discover', '--format', 'json', ...words)) as Discovered);
    }

    beforeEach(() => writeFile(join(setUp.sandbox.directory, 'sbom.json'), '{}'));

    it('find what the other has published in a registry', async () => {
      const source = await parts.add(index, '1.2');
      await oras('attach', '--plain-http', ...attachFlags, source, 'sbom.json');
      const [attached] = await listIn(parts, index);
      const signed = `${parts.name}@${attached}`;
      await oras('attach', '--plain-http', '--artifact-type', 'a/signature', signed, 'sbom.json');

      await succeed('copy', '--referrers', source, `${app.name}:1.2`);

      const expected = [['application/vnd.example.sbom', ['a/signature']]];
      expect(await discovered('--plain-http', `${parts.name}:1.2`)).toEqual(expected);
      expect(await discovered('--plain-http', `${app.name}:1.2`)).toEqual(expected);
      expect(await succeed('inspect', '--format', 'tree', source)).toContain(
        `referrer application/vnd.example.sbom  ${attached}`,
      );
    });

    it('find what the other has put into a layout', async () => {
      const source = await addSigned(parts);
      const layout = join(setUp.sandbox.directory, 'layout');
      // oras finds in a layout what has a tag there: the image alone.
      await succeed('copy', '--referrers', '--platform', 'linux/amd64', source, `oci:${layout}:1.2`);
      const image = `${layout}:1.2`;
      expect(await discovered('--oci-layout', image)).toEqual([
        ['application/spdx+json', ['application/vnd.example.signature']],
      ]);

      await oras('attach', '--oci-layout', ...attachFlags, image, 'sbom.json');
      expect(await succeed('inspect', '--raw', `oci:${layout}`)).toBe(
        Buffer.from(amd64.manifest.bytes).toString(),
      );
      await succeed('copy', '--referrers', `oci:${layout}`, `${app.name}:1.2`);
      expect((await discovered('--plain-http', `${app.name}:1.2`)).toSorted()).toEqual([
        ['application/spdx+json', ['application/vnd.example.signature']],
        ['application/vnd.example.sbom'],
      ]);
    });
  });

  describe('without --referrers', () => {
    it('stay where they are', async () => {
      const source = await addSigned(parts);
      await succeed('copy', source, `${app.name}:1.2`);
      expect(await app.hasManifest(sbom.manifest.digest)).toBe(false);
      expect(await app.hasManifest(listTag(amd64.manifest))).toBe(false);
      expect(await app.hasManifest(`${listTag(arm64.manifest)}.sig`)).toBe(false);
    });
  });
});
