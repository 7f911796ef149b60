import type { Colors } from 'picocolors/types.js';

import type { Inspection } from '../../client/inspection.js';
import { isAttestation } from '../../oci/attestation.js';
import { printable } from '../../oci/errors.js';
import { attestedImages, entryType, inspectedPlatform, layerCell, nameCell, platformCell } from './cells.js';
import { DetailReader, type Details } from './entry-details.js';
import { formatBytes } from './format.js';
import { ageCell, creationTime, imageFacts, imageSize, predicates, referrerCounts } from './image-facts.js';
import { fieldLines, tableLines, type Cell, type Field, type Row } from './tables.js';
import type { Screen } from './terminal.js';

/** How a table is shown. */
export interface TableOptions {
  readonly colors: Colors;
  readonly screen: Screen;
  readonly warn: (message: string) => void;
  /** The current time in milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Formats an index as a table of its entries, or an image as a table of its layers. Reads the entries of an index with their
 * configs and referrers. What cannot be read is `-`, with a warning.
 * @param isEntry whether the image is an entry of an index; then the platform is not that of its config
 * @returns the lines
 */
export async function inspectTableLines(
  inspection: Inspection,
  isEntry: boolean,
  { colors, screen, warn, now }: TableOptions,
): Promise<readonly string[]> {
  const { document } = inspection;
  const { mediaType, digest, value } = document;
  const reader = new DetailReader({ configs: true, warn, onUnreadable: warn });
  const [details, entries] = await Promise.all([reader.details(inspection), reader.entries(inspection)]);
  const shownNow = screen.isTerminal ? now : undefined;
  const header: Field[] = [
    { label: 'Name:', text: nameCell(inspection, isEntry) },
    { label: 'MediaType:', text: printable(mediaType) },
    { label: 'Digest:', text: digest },
    ...(value.artifactType === undefined
      ? []
      : [{ label: 'ArtifactType:', text: printable(value.artifactType) }]),
  ];
  const facts = imageFacts(details, entries);
  const referrers = referrerCounts(details.referrers);
  const marks = referrers.length === 0 ? [] : [{ label: 'Referrers:', text: referrers.join(', ') }];
  const headerLines = (fields: readonly Field[]): string[] =>
    fieldLines([...header, ...fields, ...facts, ...marks], screen, { paint: colors.bold });
  if (document.kind === 'index') {
    const imageOf = attestedImages(entries);
    const rows = entries.map((entry) => entryRow(entry, imageOf(entry.descriptor), colors, shownNow));
    const age = shownNow === undefined ? 'CREATED' : 'AGE';
    const titles = ['PLATFORM', 'DIGEST', 'SIZE', 'LAYERS', age, 'TYPE'];
    return [...headerLines([]), '', ...tableLines(titles, rows, screen, colors.bold)];
  }
  const { config, layers } = document.value;
  const created = creationTime(details);
  const isStated = facts.some(({ label }) => label === 'Created:');
  const fields = [
    { label: 'Platform:', text: platformCell(await inspectedPlatform(inspection, isEntry)) },
    { label: 'Config:', text: `${config.digest} (${formatBytes(config.size)})` },
    { label: 'Size:', text: formatBytes(imageSize(details) ?? 0) },
    ...(created === undefined || isStated ? [] : [{ label: 'Created:', text: ageCell(created, undefined) }]),
  ];
  const rows = layers.map((layer, index) => [
    String(index + 1),
    layer.digest,
    formatBytes(layer.size),
    layerCell(layer),
  ]);
  return [
    ...headerLines(fields),
    '',
    ...tableLines(['LAYER', 'DIGEST', 'SIZE', 'TYPE'], rows, screen, colors.bold),
  ];
}

/** A row of an entry. @param image that of an attestation */
function entryRow(entry: Details, image: Details | undefined, colors: Colors, now: number | undefined): Row {
  const { descriptor, document } = entry;
  const size = imageSize(entry);
  return [
    { text: isAttestation(descriptor) ? '-' : platformCell(descriptor.platform), paint: colors.cyan },
    descriptor.digest,
    size === undefined ? '-' : formatBytes(size),
    document?.kind === 'manifest' ? String(document.value.layers.length) : '-',
    ageCell(creationTime(entry), now),
    typeCell(entry, image?.descriptor.platform, colors),
  ];
}

/** The type of an entry, and what is attached to it. @param platform that of the image of an attestation */
function typeCell(entry: Details, platform: Details['descriptor']['platform'], colors: Colors): Cell {
  const type = entryType(entry.descriptor);
  if (entry.isMissing) return { text: `${type}, missing`, paint: colors.red };
  const named = platform === undefined ? type : `${type} of ${platformCell(platform)}`;
  const stated = isAttestation(entry.descriptor) ? predicates(entry) : [];
  const subject = stated.length === 0 ? named : `${named}: ${stated.join(', ')}`;
  return { text: [subject, ...referrerCounts(entry.referrers)].join(', ') };
}
