import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ReleaseError } from './release-error.js';

/** A version without build metadata. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** The identifiers after `-`. Empty for a release that is not a pre-release. */
  readonly prerelease: readonly string[];
}

const NUMBER = '(0|[1-9]\\d*)';
const IDENTIFIER = '(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)';
const VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?$`,
  'u',
);

/**
 * Parses a version of Semantic Versioning 2.0.0.
 *
 * @throws {@link ReleaseError} if it is invalid, or has build metadata, which a tag of an image cannot contain
 */
export function parseVersion(text: string): Version {
  const [, major, minor, patch, prerelease] = VERSION.exec(text) ?? [];
  if (major === undefined) {
    throw new ReleaseError(`invalid version "${text}"`, 'Use a version such as 1.2.3 or 1.2.3-rc.1.');
  }
  return {
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch),
    prerelease: prerelease?.split('.') ?? [],
  };
}

/** Reports whether a text is a version that {@link parseVersion} accepts. */
export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** Compares versions by precedence (Semantic Versioning 2.0.0, section 11). */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [parseVersion(left), parseVersion(right)];
  const difference = a.major - b.major || a.minor - b.minor || a.patch - b.patch;
  return difference || comparePrereleases(a.prerelease, b.prerelease);
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  // A version without a pre-release has a higher precedence.
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = compareIdentifiers(a[index], b[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const [isNumberA, isNumberB] = [/^\d+$/u.test(a), /^\d+$/u.test(b)];
  if (isNumberA && isNumberB) return Number(a) - Number(b);
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : 1;
}

/** Returns the version in the `package.json` of a directory. */
export async function readVersion(directory: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  return version;
}

/** Reports whether a file of the repository can quote the version of multiarch. The versions in docs/releasing.md are examples. */
export function quotesVersion(path: string): boolean {
  if (path === 'docs/releasing.md') return false;
  return /^(?:README\.md|docs\/.*|man\/.*\.1|action\/.*\.(?:md|ya?ml)|examples\/.*)$/u.test(path);
}

/**
 * Sets the version in `package.json`, `package-lock.json` and the given files that quote it.
 *
 * @param quoting paths relative to the directory
 * @returns the paths of the changed files
 */
export async function setVersion(
  directory: string,
  version: string,
  quoting: readonly string[],
): Promise<readonly string[]> {
  const previous = await readVersion(directory);
  const paths: string[] = [];
  const change = async (path: string, edit: (text: string) => string): Promise<void> => {
    const file = join(directory, path);
    const text = await readFile(file, 'utf8');
    const changed = edit(text);
    if (changed === text) return;
    await writeFile(file, changed);
    paths.push(path);
  };
  await change('package.json', (text) => withVersion(text, version));
  await change('package-lock.json', (text) => withVersion(text, version));
  for (const path of quoting) await change(path, (text) => replaceVersion(text, previous, version));
  return paths;
}

/** Sets the version in a text of `package.json` or `package-lock.json`. */
function withVersion(text: string, version: string): string {
  const document = JSON.parse(text) as { version: string; packages?: { '': { version: string } } };
  document.version = version;
  if (document.packages !== undefined) document.packages[''].version = version;
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/**
 * Replaces the version of multiarch in a text: `multiarch 1.2.3`, `multiarch@1.2.3`, `multiarch_1.2.3_amd64.deb` and
 * `…/multiarch/releases/download/v1.2.3/…`. The same version of something else stays, such as that of `app:1.2.3`.
 */
export function replaceVersion(text: string, from: string, to: string): string {
  const version = from.replaceAll('.', String.raw`\.`);
  const pattern = new RegExp(
    `(multiarch(?:[^\\s0-9]*[-_@:=/]| |_version[:=] *["']?)v?)${version}(?![0-9A-Za-z]|\\.[0-9])`,
    'giu',
  );
  return text.replaceAll(pattern, (_, before: string) => before + to);
}
