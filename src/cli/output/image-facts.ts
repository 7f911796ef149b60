import type { Referrer } from '../../content/find-referrers.js';
import { isAttestation } from '../../oci/attestation.js';
import type { Annotations } from '../../oci/descriptor.js';
import { printable } from '../../oci/errors.js';
import { referrerKind, type Details } from './entry-details.js';
import { counted, formatAge, formatTime } from './format.js';

const PREFIX = 'org.opencontainers.image.';
const CREATED = `${PREFIX}created`;
/** The annotation of an in-toto layer that names its type, such as SLSA provenance or SPDX. */
export const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/** The annotations that people look for, with their labels. */
const FACTS: readonly (readonly [label: string, key: string])[] = [
  ['Version:', `${PREFIX}version`],
  ['Revision:', `${PREFIX}revision`],
  ['Source:', `${PREFIX}source`],
  ['Base:', `${PREFIX}base.name`],
  ['Created:', CREATED],
  ['Licenses:', `${PREFIX}licenses`],
];

/** A statement about an image or index, with its label. */
export interface Fact {
  readonly label: string;
  readonly text: string;
}

/**
 * Returns what annotations of an index, or else of its images, state: version, revision, source, base image, creation time and
 * licenses. Labels count where an image has no such annotation; they may have been inherited from its base image.
 * @param own the index or image
 * @param entries of the index
 */
export function imageFacts(own: Details, entries: readonly Details[] = []): Fact[] {
  const images = entries.filter(
    ({ descriptor, document }) => !isAttestation(descriptor) && document !== undefined,
  );
  return FACTS.flatMap(([label, key]): Fact[] => {
    const stated = statedValue(own, key) ?? (key === CREATED ? undefined : commonValue(images, key));
    return stated === undefined || stated === '' ? [] : [{ label, text: printable(stated) }];
  });
}

/** The base image with its digest, or another value. */
function statedValue({ document, descriptor, config }: Details, key: string): string | undefined {
  const annotations: Annotations = { ...descriptor.annotations, ...document?.value.annotations };
  const labels = config?.config?.Labels ?? {};
  const digest = annotations[`${PREFIX}base.digest`];
  const value = annotations[key];
  if (value !== undefined)
    return key.endsWith('base.name') && digest !== undefined ? `${value}@${digest}` : value;
  const label = labels[key];
  return label === undefined ? undefined : `${label} (label)`;
}

/** The value that the images state, with their number if some state none. */
function commonValue(images: readonly Details[], key: string): string | undefined {
  const stated = images.map((image) => statedValue(image, key)).filter((value) => value !== undefined);
  const [first] = stated;
  if (new Set(stated).size > 1) return 'differs between the images';
  return stated.length === images.length
    ? first
    : first && `${first} (${stated.length} of ${images.length} images)`;
}

/** The size of an image: of its config and its layers. `undefined` for an index, and for what was not read. */
export function imageSize({ document }: Pick<Details, 'document'>): number | undefined {
  if (document?.kind !== 'manifest') return undefined;
  const { config, layers } = document.value;
  return layers.reduce((sum, layer) => sum + layer.size, config.size);
}

/** When an image was created, in milliseconds since the epoch; `undefined` if that is unknown. */
export function creationTime({ document, descriptor, config }: Details): number | undefined {
  const text =
    document?.value.annotations?.[CREATED] ?? descriptor.annotations?.[CREATED] ?? config?.created ?? '';
  const time = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  // Builders that do not know the time state the year 1 (Go's zero time).
  return time > Date.UTC(2, 0) && !text.startsWith('0001-') ? time : undefined;
}

/** The age of what was created, or `-`. @param now `undefined` for the time itself, which programs can compare */
export function ageCell(time: number | undefined, now: number | undefined): string {
  if (time === undefined) return '-';
  return now === undefined ? formatTime(time) : formatAge(time, now);
}

/** What the attestation manifests of an image state: `provenance`, `SBOM`, or the predicate type. */
export function predicates({ document }: Pick<Details, 'document'>): string[] {
  if (document?.kind !== 'manifest') return [];
  const kinds = document.value.layers.flatMap(({ annotations }) => {
    const type = annotations?.[PREDICATE_TYPE];
    if (type === undefined) return [];
    if (type.includes('slsa.dev/provenance')) return ['provenance'];
    return /spdx|cyclonedx/i.test(type) ? ['SBOM'] : [printable(type)];
  });
  return [...new Set(kinds)];
}

/** The kinds of referrers with their numbers: `signature`, `2 SBOMs`. */
export function referrerCounts(referrers: readonly Referrer[]): string[] {
  const counts = new Map<string, number>();
  for (const referrer of referrers) {
    const kind = referrerKind(referrer);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => printable(count === 1 ? kind : counted(count, kind)));
}
