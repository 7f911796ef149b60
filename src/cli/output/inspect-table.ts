import type { Colors } from 'picocolors/types.js';

import type { Inspection } from '../../client/inspection.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { printable } from '../../oci/errors.js';
import { columns, titledColumns } from './columns.js';
import { formatBytes } from './format.js';
import { attestedImages, entryType, inspectedPlatform, layerCell, nameCell, platformCell } from './cells.js';

/**
 * Formats an index as a table of its entries, or an image as a table of its layers. Reads nothing but the config of an
 * image, for its platform.
 * @param isEntry whether the image is an entry of an index; then the config is not read
 * @returns the lines
 */
export async function inspectTableLines(
  inspection: Inspection,
  isEntry: boolean,
  colors: Colors,
): Promise<readonly string[]> {
  const { document, children } = inspection;
  const { mediaType, digest, value } = document;
  const header = [
    ['Name:', nameCell(inspection, isEntry)],
    ['MediaType:', printable(mediaType)],
    ['Digest:', digest],
    ...(value.artifactType === undefined ? [] : [['ArtifactType:', printable(value.artifactType)]]),
  ];
  const headerLines = (...more: string[][]): string[] =>
    columns([...header, ...more].map(([title = '', text = '']) => [colors.bold(title), text]));
  if (document.kind === 'index') {
    const imageOf = attestedImages(children);
    const rows = children.map(({ descriptor }) => [
      colors.cyan(platformCell(descriptor.platform)),
      descriptor.digest,
      formatBytes(descriptor.size),
      typeCell(descriptor, imageOf(descriptor)?.descriptor.platform),
    ]);
    return [...headerLines(), '', ...titledColumns(['PLATFORM', 'DIGEST', 'SIZE', 'TYPE'], rows, colors)];
  }
  const { config, layers } = document.value;
  const platform = await inspectedPlatform(inspection, isEntry);
  const rows = layers.map((layer, index) => [
    String(index + 1),
    layer.digest,
    formatBytes(layer.size),
    layerCell(layer),
  ]);
  return [
    ...headerLines(
      ['Platform:', platformCell(platform)],
      ['Config:', `${config.digest} (${formatBytes(config.size)})`],
    ),
    '',
    ...titledColumns(['LAYER', 'DIGEST', 'SIZE', 'TYPE'], rows, colors),
  ];
}

/** The type of an entry. @param platform that of the image of an attestation */
function typeCell(descriptor: Descriptor, platform: Descriptor['platform']): string {
  const type = entryType(descriptor);
  return platform === undefined ? type : `${type} of ${platformCell(platform)}`;
}
