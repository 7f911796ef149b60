import { REF_NAME } from './descriptor.js';
import type { Problem } from './errors.js';
import { isJsonObject } from './json.js';
import { isIndexType, isManifestType } from './media-type.js';
import { formatPlatformFull, isCompletePlatform, platformKey, type Platform } from './platform.js';
import { REFERENCE_TYPE } from './attestation.js';

/** The rule that {@link checkDuplicatePlatforms} reports, so that a caller can make it a warning. */
export const DUPLICATE_PLATFORM = 'platform/duplicate';

/**
 * Entries for the same platform: which of the two a client takes is then a matter of luck. Statements about an image,
 * nested indexes and artifacts of another type may share its platform, and in an image layout every tag is an entry.
 * @param manifests As read from JSON.
 */
export function checkDuplicatePlatforms(manifests: unknown): Problem[] {
  const seen = new Map<string, number>();
  const problems: Problem[] = [];
  for (const [index, entry] of toArray(manifests).entries()) {
    if (!isJsonObject(entry) || !competes(entry) || !isPlatform(entry['platform'])) continue;
    const key = JSON.stringify([platformKey(entry['platform']), entry['artifactType'] ?? null]);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index);
    } else {
      const message = `is ${formatPlatformFull(entry['platform'])}, as is that of entry ${first}`;
      problems.push({ pointer: `/manifests/${index}/platform`, message, rule: DUPLICATE_PLATFORM });
    }
  }
  return problems;
}

/** Whether a client that looks for a platform may take this entry. */
function competes({ annotations, mediaType }: Readonly<Record<string, unknown>>): boolean {
  if (typeof mediaType === 'string' && isIndexType(mediaType)) return false;
  return !(isJsonObject(annotations) && (REFERENCE_TYPE in annotations || REF_NAME in annotations));
}

/** What is known in full. `unknown` is what BuildKit writes where a platform would make no sense. */
function isPlatform(value: unknown): value is Platform {
  if (!isJsonObject(value) || !isCompletePlatform(value) || value.os === 'unknown') return false;
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
 * Entries that no client could select, since they say no platform. Images need one; what is not an image does not:
 * statements about one, artifacts, nested indexes.
 * @param manifests As read from JSON.
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
    const message = 'says no platform: os and architecture are needed';
    return [{ pointer: `/manifests/${index}`, message, rule: 'platform/missing' }];
  });
}

function toArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
