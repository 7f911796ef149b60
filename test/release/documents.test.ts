import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { buildFiles, type FilesOptions } from '../../release/build-files.js';
import { buildSboms, type Builder } from '../../release/builders.js';
import { filesIn, formatChecksums } from '../../release/checksums.js';
import { releaseNotes } from '../../release/notes.js';
import { toSpdx, type Cyclonedx } from '../../release/spdx.js';
import { failureOf } from '../support/failure.js';
import { mustRun } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const COMMIT = 'c0ffee'.padEnd(40, '0');
const CHANGELOG = '# Changelog\n\n## [1.2.3] - 2027-01-02\n\n### Added\n\n- A thing.\n';

/** A builder of files with their name as content. */
function builderOf(...names: readonly string[]): Builder {
  return async ({ directory }) =>
    Promise.all(
      names.map(async (name) => {
        await writeFile(join(directory, name), name);
        return join(directory, name);
      }),
    );
}

async function build(options: Partial<FilesOptions> = {}): Promise<string> {
  const directory = await temporaryDirectory();
  await buildFiles({
    version: '1.2.3',
    directory,
    sourceDate: 1_800_000_000,
    builders: [builderOf('b.tgz', 'a.deb'), builderOf('c.json')],
    changelog: CHANGELOG,
    commit: COMMIT,
    tools: { node: 'v24.0.0' },
    dependencies: [{ uri: 'pkg:npm/x@1', digest: { sha512: 'ff' } }],
    ...options,
  });
  return directory;
}

describe('the files of a release', () => {
  it('are those of the builders, their provenance, checksums and notes', async () => {
    const directory = await build();
    expect((await filesIn(directory)).map(({ name }) => name)).toEqual([
      'NOTES.md',
      'SHA256SUMS',
      'a.deb',
      'b.tgz',
      'c.json',
      'multiarch-1.2.3.intoto.jsonl',
    ]);
  });

  it('have checksums that sha256sum accepts', async () => {
    const directory = await build();
    const stdout = await mustRun('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: directory });
    expect(stdout).toBe('a.deb: OK\nb.tgz: OK\nc.json: OK\nmultiarch-1.2.3.intoto.jsonl: OK\n');
  });

  it('have a provenance statement of their digests and sources', async () => {
    const directory = await build();
    const text = await readFile(join(directory, 'multiarch-1.2.3.intoto.jsonl'), 'utf8');
    expect(text.endsWith('\n') && !text.trimEnd().includes('\n')).toBe(true);
    const home = 'https://github.com/multiarch-cli/multiarch';
    const source = `git+${home}@refs/tags/v1.2.3`;
    const files = await filesIn(directory);
    expect(JSON.parse(text)).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: files
        .filter(({ name }) => /^[abc]\./u.test(name))
        .map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: `${home}/blob/v1.2.3/docs/releasing.md#the-build`,
          externalParameters: { version: '1.2.3', source },
          internalParameters: { tools: { node: 'v24.0.0' } },
          resolvedDependencies: [
            { uri: source, digest: { gitCommit: COMMIT } },
            { uri: 'pkg:npm/x@1', digest: { sha512: 'ff' } },
          ],
        },
        runDetails: { builder: { id: `${home}/blob/v1.2.3/docs/releasing.md#the-builder` } },
      },
    });
  });

  it('are the same in each build', async () => {
    const [first, second] = [await build(), await build()];
    expect(await filesIn(first)).toEqual(await filesIn(second));
  });

  it.each<[string, Partial<FilesOptions>, string]>([
    ['no section of the version', { changelog: '# Changelog\n' }, 'CHANGELOG.md has no section 1.2.3'],
    [
      'an unreported file',
      { builders: [async (o) => (await builderOf('a', 'b')(o)).slice(1)] },
      'other files',
    ],
    ['a missing file', { builders: [async ({ directory }) => [join(directory, 'a')]] }, 'other files'],
  ])('are an error with %s', async (_, options, message) => {
    expect(await failureOf(build(options))).toMatchObject({
      name: 'ReleaseError',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('the notes', () => {
  const files = [{ name: 'a.deb', size: 1_234_567, sha256: 'ab' }];
  const notes = (changes: string): string => releaseNotes({ version: '1.2.3', changes, files });

  it('have the command to install, the changes and the checksums', () => {
    const text = notes('### Added\n\n- A thing.');
    expect(text).toContain('npm install --global multiarch@1.2.3\n');
    expect(text).toContain('## Changes\n\n### Added\n\n- A thing.\n\n## Files\n');
    expect(text).toContain('| `a.deb` | 1.2 MB | `ab` |\n');
  });

  it.each([
    ['- One\n  line.\n- Two\n  `code` lines\n  here.', '- One line.\n- Two `code` lines here.'],
    ['A text\nof two lines.\n\nAnother.', 'A text of two lines.\n\nAnother.'],
    ['- One\n  - Two\n    more', '- One\n  - Two more'],
    ['A text\n\n```sh\na\nb\n```\n\nThe\nend', 'A text\n\n```sh\na\nb\n```\n\nThe end'],
    ['| a |\n| - |', '| a |\n| - |'],
    [
      'See [JSON](docs/json.md#a).',
      'See [JSON](https://github.com/multiarch-cli/multiarch/blob/v1.2.3/docs/json.md#a).',
    ],
    ['See [a](https://example.com/b).', 'See [a](https://example.com/b).'],
  ])('show %j as %j', (changes, shown) => {
    expect(notes(changes)).toContain(`\n\n${shown}\n\n## Files`);
  });
});

it('checksums are lines of a digest and a name', () => {
  expect(formatChecksums([{ name: 'a', size: 1, sha256: 'ab' }])).toBe('ab  a\n');
});

describe('the SPDX document', () => {
  interface Spdx {
    readonly packages: readonly Readonly<Record<string, unknown>>[];
    readonly relationships: readonly Readonly<Record<string, string>>[];
    readonly [name: string]: unknown;
  }

  /** The SBOMs of the build. */
  async function sboms(): Promise<{ cyclonedx: Cyclonedx; spdx: Spdx }> {
    const directory = await temporaryDirectory();
    const paths = await buildSboms({ version: '1.2.3', directory, sourceDate: 1_800_000_000 });
    expect(paths.map((path) => basename(path))).toEqual([
      'multiarch-1.2.3.cdx.json',
      'multiarch-1.2.3.spdx.json',
    ]);
    const [cyclonedx, spdx] = await Promise.all(
      paths.map(async (path) => JSON.parse(await readFile(path, 'utf8')) as unknown),
    );
    return { cyclonedx: cyclonedx as Cyclonedx, spdx: spdx as Spdx };
  }

  it('has the members that SPDX 2.3 requires of a document', async () => {
    const { spdx } = await sboms();
    expect(spdx).toMatchObject({
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name: expect.stringMatching(/^multiarch-\d/u) as string,
      documentNamespace: expect.stringMatching(/^https:\/\/[^#\s]+-[0-9a-f]{64}$/u) as string,
      creationInfo: { created: '2027-01-15T08:00:00Z' },
    });
  });

  it('has each component of the CycloneDX document', async () => {
    const { cyclonedx, spdx } = await sboms();
    const components = [cyclonedx.metadata.component, ...cyclonedx.components];
    expect(components.length).toBeGreaterThan(10);
    expect(spdx.packages).toEqual(
      components.map(({ name, version, licenses, hashes, purl }) => ({
        SPDXID: expect.stringMatching(/^SPDXRef-[A-Za-z0-9.-]+$/u) as string,
        name,
        versionInfo: version,
        downloadLocation: expect.stringContaining(`registry.npmjs.org/${name}/-/`) as string,
        filesAnalyzed: false,
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: (licenses[0] as { license: { id: string } }).license.id,
        copyrightText: 'NOASSERTION',
        primaryPackagePurpose: name === 'multiarch' ? 'APPLICATION' : 'LIBRARY',
        externalRefs: [
          { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl },
        ],
        ...(hashes === undefined
          ? {}
          : { checksums: [{ algorithm: 'SHA512', checksumValue: hashes[0]?.content }] }),
      })),
    );
    expect(new Set(spdx.packages.map(({ SPDXID }) => SPDXID)).size).toBe(components.length);
  });

  it('has each dependency of the CycloneDX document', async () => {
    const { cyclonedx, spdx } = await sboms();
    const purls = new Map(
      spdx.packages.map(({ SPDXID, externalRefs }) => [
        SPDXID as string,
        (externalRefs as [{ referenceLocator: string }])[0].referenceLocator,
      ]),
    );
    const [describes, ...others] = spdx.relationships.map(
      ({ spdxElementId = '', relationshipType, relatedSpdxElement = '' }) =>
        [purls.get(spdxElementId) ?? spdxElementId, relationshipType, purls.get(relatedSpdxElement)] as const,
    );
    expect(describes).toEqual(['SPDXRef-DOCUMENT', 'DESCRIBES', cyclonedx.metadata.component.purl]);
    expect(others).toEqual(
      cyclonedx.dependencies.flatMap(({ ref, dependsOn }) => dependsOn.map((to) => [ref, 'DEPENDS_ON', to])),
    );
  });

  it('tells packages apart whose names differ in other characters only', () => {
    const component = (name: string) =>
      ({
        'bom-ref': name,
        name,
        version: '1.0.0',
        licenses: [{ expression: 'MIT OR ISC' }],
        purl: name,
      }) as const;
    const document = {
      metadata: { component: component('own') },
      components: [component('@a/b'), component('a-b')],
      dependencies: [],
    };
    const { packages } = toSpdx(document, 0) as Spdx;
    expect(new Set(packages.map(({ SPDXID }) => SPDXID)).size).toBe(3);
    expect(packages[1]).toMatchObject({ licenseDeclared: 'MIT OR ISC' });
  });
});
