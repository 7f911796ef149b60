import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { REPOSITORY } from './changelog.js';
import { ROOT } from './checkout.js';
import { PINNED, type PinnedPackages } from './packages/debian-packages.js';
import nodeBinaries from './executables/node-binaries.json' with { type: 'json' };

/** Something that a build reads (`ResourceDescriptor` of in-toto). */
export interface Dependency {
  readonly uri: string;
  /** In hexadecimal, by algorithm. */
  readonly digest: Readonly<Record<string, string>>;
  readonly name?: string;
}

/** Returns what the builders read, in addition to the commit: the packages that run or bundle, and those in the files. */
export async function buildDependencies(version: string): Promise<readonly Dependency[]> {
  const lock = await readFile(join(ROOT, 'package-lock.json'));
  return [
    {
      name: 'package-lock.json',
      uri: `${REPOSITORY}/blob/v${version}/package-lock.json`,
      digest: { sha256: createHash('sha256').update(lock).digest('hex') },
    },
    ...nodeDependencies(),
    ...debianDependencies(PINNED),
  ];
}

/** Returns the packages with the binaries of Node.js in the executables. */
function nodeDependencies(): readonly Dependency[] {
  return Object.values(nodeBinaries.packages).map(({ name, integrity }) => ({
    uri: `pkg:npm/${name}@${nodeBinaries.version}`,
    digest: { sha512: Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex') },
  }));
}

/** Returns the packages of the container image. Those for all architectures are the same for each. */
export function debianDependencies({ suite, packages }: PinnedPackages): readonly Dependency[] {
  const dependencies = Object.entries(packages).flatMap(([architecture, pinned]) =>
    pinned.map(({ name, version, path, sha256 }) => {
      const actual = path.endsWith('_all.deb') ? 'all' : architecture;
      const query = `arch=${actual}&distro=debian-${suite}`;
      return {
        uri: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?${query}`,
        digest: { sha256 },
      };
    }),
  );
  return [...new Map(dependencies.map((dependency) => [dependency.uri, dependency])).values()];
}
