import { compareVersions, isVersion, parseVersion } from './version.js';

/** Where a version is published, so that an older one never replaces a newer one. */
export interface Channel {
  /** The tag of npm. */
  readonly npmTag: string;
  /** The tags of the container image. */
  readonly imageTags: readonly string[];
  readonly prerelease: boolean;
  /** Whether it is the newest of all versions. */
  readonly latest: boolean;
}

/**
 * Returns where a version is published.
 *
 * @param released the released versions, with or without this one
 */
export function channelOf(version: string, released: readonly string[]): Channel {
  const { major, minor, prerelease } = parseVersion(version);
  if (prerelease.length > 0) {
    return { npmTag: 'next', imageTags: [version], prerelease: true, latest: false };
  }
  const stable = released.filter((other) => isVersion(other) && parseVersion(other).prerelease.length === 0);
  const isNewest = (others: readonly string[]): boolean =>
    others.every((other) => compareVersions(other, version) <= 0);
  const ofMajor = stable.filter((other) => parseVersion(other).major === major);
  const ofMinor = ofMajor.filter((other) => parseVersion(other).minor === minor);
  const latest = isNewest(stable);
  const line = `${major}.${minor}`;
  return {
    npmTag: latest ? 'latest' : `release-${line}`,
    imageTags: [
      version,
      ...(isNewest(ofMinor) ? [line] : []),
      ...(isNewest(ofMajor) && major > 0 ? [String(major)] : []),
      ...(latest ? ['latest'] : []),
    ],
    prerelease: false,
    latest,
  };
}
