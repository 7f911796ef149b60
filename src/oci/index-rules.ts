import { REF_NAME } from './descriptor.js';
import type { Problem } from './errors.js';
import { isJsonObject } from './json.js';
import { isIndexType, isManifestType } from './media-type.js';
import { formatPlatformFull, isKnownPlatform, platformKey, type Platform } from './platform.js';
import { hasForeignVariant, platformDoubt } from './platform-names.js';
import { REFERENCE_TYPE } from './attestation.js';

/** The rule that {@link checkDuplicatePlatforms} reports, for callers that only warn of it. */
export const DUPLICATE_PLATFORM = 'platform/duplicate';

/**
 * Checks for entries of the same platform that clients cannot tell apart: most take the first (image-spec, "OCI Image
 * Index"). See {@link selectionKey}.
 * @param manifests parsed JSON
 */
export function checkDuplicatePlatforms(manifests: unknown): Problem[] {
  return repeatedPlatforms(manifests, selectionKey).map(({ pointer, message }) => ({
    pointer,
    message,
    rule: DUPLICATE_PLATFORM,
  }));
}

/**
 * Checks for entries that only annotations tell apart by which no known client selects. See {@link clientKey}.
 * @param manifests parsed JSON
 */
export function checkSharedPlatforms(manifests: unknown): Problem[] {
  const duplicates = new Set(repeatedPlatforms(manifests, selectionKey).map(({ pointer }) => pointer));
  return repeatedPlatforms(manifests, clientKey)
    .filter(({ pointer }) => !duplicates.has(pointer))
    .map(({ pointer, message }) => ({
      pointer,
      message: `${message}: only annotations tell them apart, which most clients ignore`,
      rule: 'platform/shared',
    }));
}

/** The entries whose key an earlier entry has. */
function repeatedPlatforms(
  manifests: unknown,
  keyOf: (entry: unknown) => string | undefined,
): Pick<Problem, 'pointer' | 'message'>[] {
  const seen = new Map<string, number>();
  return toArray(manifests).flatMap((entry, index) => {
    const platform = platformIn(entry);
    const key = keyOf(entry);
    if (platform === undefined || key === undefined) return [];
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index);
      return [];
    }
    const message = `is ${formatPlatformFull(platform)}, as is that of entry ${first}`;
    return [{ pointer: `/manifests/${index}/platform`, message }];
  });
}

/**
 * Checks for a variant that belongs to another architecture, such as `arm64/v7`: no client selects the entry.
 * @param pointer the location of the platform
 * @param entry parsed JSON
 */
export function checkVariant(pointer: string, entry: unknown): Problem[] {
  const platform = platformIn(entry);
  if (platform === undefined || !hasForeignVariant(platform)) return [];
  const message = `is ${JSON.stringify(platform.variant)}, which is not a variant of ${platform.architecture}`;
  return [{ pointer: `${pointer}/variant`, message, rule: 'platform/variant' }];
}

/**
 * Checks for a platform that clients do not look for, such as `linux/aarch64`.
 * @param pointer the location of the platform
 * @param entry parsed JSON
 */
export function checkPlatformNames(pointer: string, entry: unknown): Problem[] {
  const platform = platformIn(entry);
  const doubt = platform === undefined || hasForeignVariant(platform) ? undefined : platformDoubt(platform);
  return doubt === undefined ? [] : [{ pointer, message: `is ${doubt}`, rule: 'platform/unknown' }];
}

/** The platform of an entry, if a client may select the entry by it. */
function platformIn(entry: unknown): Platform | undefined {
  if (!isJsonObject(entry) || !isSelectable(entry)) return undefined;
  const { platform } = entry;
  return isPlatform(platform) ? platform : undefined;
}

/**
 * A key that is equal for entries that clients cannot tell apart; `undefined` for an entry that may be repeated.
 * Attestations, nested indexes and artifacts of another type may share the platform of an image, and in an image layout
 * every tag is an entry. Annotations tell entries apart if clients may select by them: those with a reverse domain name
 * (image-spec, "Annotations"), except for the descriptive ones of the image-spec.
 */
export function selectionKey(entry: unknown): string | undefined {
  return platformKeyWith(
    entry,
    (name) => name.includes('.') && !name.startsWith('org.opencontainers.image.'),
  );
}

/** As {@link selectionKey}, by the only annotations that known clients select by: podman's, for zstd layers. */
export function clientKey(entry: unknown): string | undefined {
  return platformKeyWith(entry, (name) => name.startsWith('io.github.containers.'));
}

function platformKeyWith(entry: unknown, isDistinctive: (annotation: string) => boolean): string | undefined {
  const platform = platformIn(entry);
  if (platform === undefined || !isJsonObject(entry)) return undefined;
  const { artifactType, annotations } = entry;
  const distinctive = Object.entries(isJsonObject(annotations) ? annotations : {})
    .filter(([name]) => isDistinctive(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([platformKey(platform), artifactType ?? null, distinctive]);
}

/** Reports whether a client may select the entry by its platform. */
function isSelectable({ annotations, mediaType }: Readonly<Record<string, unknown>>): boolean {
  if (typeof mediaType === 'string' && isIndexType(mediaType)) return false;
  return !(isJsonObject(annotations) && (REFERENCE_TYPE in annotations || REF_NAME in annotations));
}

/** Reports whether a value is a known platform whose members have the right types. */
function isPlatform(value: unknown): value is Platform {
  if (!isJsonObject(value) || !isKnownPlatform(value)) return false;
  const { architecture, os, variant, features, 'os.version': version, 'os.features': osFeatures } = value;
  return (
    [architecture, os, variant ?? '', version ?? ''].every(isText) &&
    [features ?? [], osFeatures ?? []].every((list) => Array.isArray(list) && list.every(isText))
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

/**
 * Checks for images without a platform, which clients cannot select. Attestations, artifacts and nested indexes need
 * none.
 * @param manifests parsed JSON
 */
export function checkMissingPlatforms(manifests: unknown): Problem[] {
  return toArray(manifests).flatMap((entry, index): Problem[] => {
    if (!isJsonObject(entry)) return [];
    const { annotations, artifactType, mediaType, platform } = entry;
    const isImage =
      typeof mediaType === 'string' &&
      isManifestType(mediaType) &&
      artifactType === undefined &&
      !(isJsonObject(annotations) && REFERENCE_TYPE in annotations);
    if (!isImage || platform !== undefined) return [];
    const message = 'has no platform: os and architecture are required';
    return [{ pointer: `/manifests/${index}`, message, rule: 'platform/missing' }];
  });
}

function toArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
