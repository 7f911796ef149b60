import { normalisePlatform, type LoosePlatform, type Platform } from './platform.js';

/**
 * Returns the index of the candidate that fits a machine of the wanted platform best, or `undefined` if none does.
 * The order is containerd's: the exact platform, then compatible ones, newest first (amd64 vN … v1, then 386; arm v8 …
 * v5; arm64 v9.x … v8, then arm). Among equals: the one that uses more of the wanted `os.features`, on Windows the
 * latest compatible `os.version`, then the first.
 *
 * A candidate without a platform is never chosen, because it may not run.
 */
export function selectPlatform(
  wanted: Platform,
  candidates: readonly (LoosePlatform | undefined)[],
): number | undefined {
  const host = normalisePlatform(wanted);
  let best: { readonly index: number; readonly rank: Rank } | undefined;
  for (const [index, candidate] of candidates.entries()) {
    const rank = candidate === undefined ? undefined : rankOf(host, normalisePlatform(candidate));
    if (rank !== undefined && (best === undefined || compareRanks(rank, best.rank) < 0))
      best = { index, rank };
  }
  return best?.index;
}

/**
 * Reports whether a platform is the wanted one, for filters and requirements. Compatible platforms do not match (386
 * is not amd64, arm/v6 not arm/v7). Spelling does not matter (arm64 is arm64/v8), and members that are not wanted match
 * any value: without a wanted `os.version` all match, `10.0.17763` matches every revision of that build. The candidate
 * must have all wanted `os.features` and `features`, and can have more.
 */
export function satisfiesPlatform(candidate: LoosePlatform | undefined, wanted: Platform): boolean {
  if (candidate === undefined) return false;
  const has = normalisePlatform(candidate);
  const asked = normalisePlatform(wanted);
  return (
    has.os === asked.os &&
    has.architecture === asked.architecture &&
    has.variant === asked.variant &&
    (asked['os.version'] === undefined || isVersionWithin(has['os.version'] ?? '', asked['os.version'])) &&
    isSubset(asked['os.features'], has['os.features']) &&
    isSubset(asked.features, has.features)
  );
}

/** How well a candidate fits; smaller is better. */
interface Rank {
  readonly fallback: number;
  readonly unusedFeatures: number;
  /** The Windows version; empty for other systems. Newer is better. */
  readonly version: readonly number[];
}

function rankOf(host: Platform, candidate: Platform): Rank | undefined {
  const cpu = `${candidate.architecture}/${candidate.variant ?? ''}`;
  const fallback = runnableCpus(host).indexOf(cpu);
  if (fallback < 0 || candidate.os !== host.os) return undefined;
  const isWindows = host.os === 'windows';
  // An image lists the features that it needs. Windows images always list win32k, which every Windows has.
  const needed = candidate['os.features']?.filter((feature) => !(isWindows && feature === 'win32k')) ?? [];
  if (!isSubset(needed, host['os.features'])) return undefined;
  const unusedFeatures = (host['os.features']?.length ?? 0) - needed.length;
  const hostVersion = host['os.version'];
  if (!isWindows || hostVersion === undefined) return { fallback, unusedFeatures, version: [] };
  const version = candidate['os.version'];
  if (version !== undefined && !runsOnWindows(hostVersion, version)) return undefined;
  return { fallback, unusedFeatures, version: versionNumbers(version ?? '') };
}

function compareRanks(a: Rank, b: Rank): number {
  return (
    a.fallback - b.fallback || a.unusedFeatures - b.unusedFeatures || compareVersions(b.version, a.version)
  );
}

/** The CPUs whose images a machine runs, its own first, as `architecture/variant` in canonical form. */
function runnableCpus({ architecture, variant = '' }: Platform): string[] {
  const own = `${architecture}/${variant}`;
  switch (architecture) {
    case 'amd64': {
      const level = /^v?([2-9])$/.exec(variant)?.[1];
      const lower = countDown(Number(level ?? 1) - 1, 1).map((n) => (n === 1 ? 'amd64/' : `amd64/v${n}`));
      return [own, ...lower, '386/'];
    }
    case 'arm': {
      const version = /^v([6-9])$/.exec(variant)?.[1];
      return [
        own,
        ...(version === undefined ? [] : countDown(Number(version) - 1, 5).map((n) => `arm/v${n}`)),
      ];
    }
    case 'arm64': {
      const match = /^v([89])(?:\.([0-9]))?$/.exec(variant === '' ? 'v8' : variant);
      if (match === null) return [own];
      const minor = Number(match[2] ?? 0);
      const lower = countDown(minor - 1, 0).map((n) => arm64Cpu(match[1] ?? '', n));
      // Armv9.x is based on Armv8.(x+5); the last v8 version is v8.9.
      const older = match[1] === '9' ? countDown(Math.min(minor + 5, 9), 0).map((n) => arm64Cpu('8', n)) : [];
      return [own, ...lower, ...older, ...countDown(8, 5).map((n) => `arm/v${n}`)];
    }
    default:
      return [own];
  }
}

function arm64Cpu(major: string, minor: number): string {
  if (minor > 0) return `arm64/v${major}.${minor}`;
  return major === '8' ? 'arm64/' : `arm64/v${major}`;
}

/** The integers from the first down to the last; none if the first is smaller. */
function countDown(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, first - last + 1) }, (_, step) => first - step);
}

/** The builds of Windows Server 2022 and 2025. Since 2022, a long-term release runs the images of the previous one. */
const LONG_TERM_BUILDS = [20_348, 26_100] as const;

/** Reports whether a version of Windows runs an image of another. Versions that are not numbers must be equal. */
function runsOnWindows(hostText: string, imageText: string): boolean {
  const host = versionNumbers(hostText);
  const image = versionNumbers(imageText);
  const [, , hostBuild] = host;
  const [, , imageBuild] = image;
  if (hostBuild === undefined || imageBuild === undefined) return isVersionWithin(imageText, hostText);
  if (host[0] !== image[0] || host[1] !== image[1]) return false;
  const [oldest] = LONG_TERM_BUILDS;
  if (hostBuild < oldest) return hostBuild === imageBuild;
  const lowest = LONG_TERM_BUILDS.findLast((build) => build < hostBuild) ?? oldest;
  return imageBuild >= lowest && imageBuild <= hostBuild;
}

/** Reports whether a version is the wanted one or a revision of it: `10.0.17763.4377` of `10.0.17763`. */
function isVersionWithin(version: string, wanted: string): boolean {
  return version === wanted || version.startsWith(`${wanted}.`);
}

function versionNumbers(version: string): number[] {
  return /^\d+(\.\d+)*$/.test(version) ? version.split('.').map(Number) : [];
}

/** Compares for `sort`; a missing number is less than any other. */
function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let part = 0; part < Math.max(a.length, b.length); part += 1) {
    const difference = (a[part] ?? -1) - (b[part] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isSubset(part: readonly string[] = [], whole: readonly string[] = []): boolean {
  return part.every((value) => whole.includes(value));
}
