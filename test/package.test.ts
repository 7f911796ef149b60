import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(join(root, file), 'utf8')) as T;
}

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly ({ license: { id: string } } | { expression: string })[];
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
}

interface Sbom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      {
        version: string;
        integrity?: string;
        license?: string;
        hasInstallScript?: boolean;
        dependencies?: Readonly<Record<string, string>>;
        peerDependencies?: Readonly<Record<string, string>>;
      }
    >
  >;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
}

/** The names of packages that the bundles show: esbuild puts the path before each file, or names its function by it. */
async function shownNames(): Promise<readonly string[]> {
  const files = (await readdir(dist)).filter((file) => /\.c?js$/.test(file));
  const texts = await Promise.all(files.map((file) => readFile(join(dist, file), 'utf8')));
  const names = texts.flatMap((text) =>
    [
      ...text.matchAll(
        /(?:^\/\/ |")(?:[^"\n]*\/)?node_modules\/((?:@[^/"\n]+\/)?[^@/"\n][^/"\n]*)\/[^"\n]+(?:$|"\()/gm,
      ),
    ].map(([, name = '']) => name),
  );
  return [...new Set(names)].toSorted();
}

/** The names of the packages that the source imports. */
async function importedNames(): Promise<readonly string[]> {
  const source = join(root, 'src');
  const files = (await readdir(source, { recursive: true })).filter((file) => /(?<!\.d)\.ts$/.test(file));
  const texts = await Promise.all(files.map((file) => readFile(join(source, file), 'utf8')));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/^(?:import|export) (?!type )[^'";]*?from '((?:@[^/']+\/)?[a-z][^:/']*)[/']/gm)].map(
      ([, name = '']) => name,
    ),
  );
  return [...new Set(names)].toSorted();
}

/** The names of packages and of all that they depend on, by the lockfile. */
function withDependencies(names: readonly string[]): ReadonlySet<string> {
  const reached = new Set(names);
  for (const name of reached) {
    for (const [key, { dependencies = {}, peerDependencies = {} }] of Object.entries(lock.packages)) {
      if (!key.endsWith(`node_modules/${name}`)) continue;
      for (const next of Object.keys({ ...dependencies, ...peerDependencies })) reached.add(next);
    }
  }
  return reached;
}

const sbom = await readJson<Sbom>('dist/sbom.cdx.json');
const lock = await readJson<Lock>('package-lock.json');
const manifest = await readJson<Manifest>('package.json');

describe('the SBOM', () => {
  it('is a CycloneDX document of this version, and is published', () => {
    const { name, version, files } = manifest;
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' });
    expect(sbom.metadata.component).toMatchObject({ name, version, purl: `pkg:npm/${name}@${version}` });
    expect(files).toContain('dist/sbom.cdx.json');
  });

  it('has every package with code in the bundle, and no other', async () => {
    const [shown, imported] = [await shownNames(), await importedNames()];
    expect(imported).toContain('got');
    const listed = new Set(sbom.components.map(({ name }) => name));
    expect([...shown, ...imported].filter((name) => !listed.has(name))).toEqual([]);
    // The generated validators have code of ajv.
    const possible = withDependencies([...imported, 'ajv']);
    expect([...listed].filter((name) => !possible.has(name))).toEqual([]);
  });

  it('has the packages whose licences are published', async () => {
    const licences = await readFile(join(dist, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const { name, version } of sbom.components) expect(licences).toContain(`${name} ${version}\n`);
  });

  it.each(sbom.components)('identifies $name $version by URL, licence and hash', (component) => {
    const { name, version, purl, licenses, hashes } = component;
    expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`);
    expect(component['bom-ref']).toBe(purl);
    expect(licenses).toEqual([{ license: { id: expect.stringMatching(/^[A-Za-z0-9.-]+$/) as string } }]);
    const locked = Object.entries(lock.packages).filter(
      ([key, found]) => key.endsWith(`node_modules/${name}`) && found.version === version,
    );
    const integrities = locked.map(([, { integrity }]) =>
      Buffer.from(integrity?.replace('sha512-', '') ?? '', 'base64').toString('hex'),
    );
    expect(hashes).toEqual([{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) as string }]);
    expect(integrities).toContain(hashes[0]?.content);
  });

  it('connects all packages to multiarch', () => {
    const graph = new Map(sbom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const reached = new Set([sbom.metadata.component.purl]);
    for (const ref of reached) for (const next of graph.get(ref) ?? []) reached.add(next);
    expect([...reached].toSorted()).toEqual([...graph.keys()].toSorted());
    expect(reached.size).toBe(sbom.components.length + 1);
  });
});

describe('the installation', () => {
  // 'prepare' is run in a checkout and for a git dependency only, where it builds. npm runs 'dependencies' after each change of
  // node_modules.
  it.each([
    'preinstall',
    'install',
    'postinstall',
    'preprepare',
    'postprepare',
    'prepublish',
    'dependencies',
  ])('runs no script %s', (script) => {
    expect(manifest.scripts).not.toHaveProperty(script);
  });

  it('builds no add-on, for which npm has a script of its own', () => {
    expect(existsSync(join(root, 'binding.gyp'))).toBe(false);
  });

  it.each([
    'dependencies',
    'optionalDependencies',
    'peerDependencies',
    'bundleDependencies',
    'bundledDependencies',
  ])('installs no %s', (member) => {
    expect(manifest).not.toHaveProperty(member);
  });

  it('of the development dependencies runs only these scripts, and none of a bundled package', () => {
    const scripted = Object.entries(lock.packages).flatMap(([key, { hasInstallScript }]) =>
      hasInstallScript === true ? [key.replace(/^.*node_modules\//, '')] : [],
    );
    // It replaces its launcher by the program for this machine.
    expect([...new Set(scripted)].toSorted()).toEqual(['esbuild']);
    const names = new Set(sbom.components.map(({ name }) => name));
    expect(scripted.filter((name) => names.has(name))).toEqual([]);
  });
});

/** Licences that allow to publish the code, and ask for no more than the notice in THIRD-PARTY-LICENSES.txt. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];

describe('the licences', () => {
  it('of bundled packages are permissive', () => {
    const others = sbom.components.filter(({ licenses: [licence] }) => {
      return licence === undefined || !('license' in licence) || !PERMISSIVE.includes(licence.license.id);
    });
    expect(others.map(({ name }) => name)).toEqual([]);
  });

  it('of development dependencies are permissive, or concern only their own files', () => {
    const allowed = new Set([...PERMISSIVE, 'MPL-2.0', '(MIT OR CC0-1.0)']);
    const others = Object.entries(lock.packages).flatMap(([key, { license }]) =>
      key === '' || (license !== undefined && allowed.has(license)) ? [] : [[key, license]],
    );
    expect(others).toEqual([]);
  });
});
