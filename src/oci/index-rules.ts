import { REF_NAME } from './descriptor.js';
import type { Problem } from './errors.js';
import { isJsonObject } from './json.js';
import { isIndexType, isManifestType } from './media-type.js';
import { formatPlatformFull, isKnownPlatform, platformKey, type Platform } from './platform.js';
import { REFERENCE_TYPE } from './attestation.js';

/** The rule that {@link checkDuplicatePlatforms} reports, for callers that only warn of it. */
export const DUPLICATE_PLATFORM = 'platform/duplicate';

/**
 * Checks for entries of the same platform: clients may pick either. Attestations, nested indexes and artifacts of
 * another type may share the platform of an image, and in an image layout every tag is an entry.
 * @param manifests parsed JSON
 */
export function checkDuplicatePlatforms(manifests: unknown): Problem[] {
  const seen = new Map<string, number>();
  const problems: Problem[] = [];
  for (const [index, entry] of toArray(manifests).entries()) {
    if (!isJsonObject(entry) || !isSelectable(entry) || !isPlatform(entry['platform'])) continue;
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
