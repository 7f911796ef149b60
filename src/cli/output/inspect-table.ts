import type { Colors } from 'picocolors/types.js';

import type { Inspection } from '../../client/inspection.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { ImageManifest } from '../../oci/image-manifest.js';
import type { LoosePlatform } from '../../oci/platform.js';
import { printable } from '../../oci/errors.js';
import { columns } from './columns.js';
import { formatBytes } from './format.js';
import { attestedImage, entryType, inspectedPlatform, layerCell, nameCell, platformCell } from './cells.js';

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
  const { document } = inspection;
  if (document.kind === 'index') {
    return [...columns(headerRows(inspection, colors)), '', ...columns(entryRows(inspection, colors))];
  }
  const platform = await inspectedPlatform(inspection, isEntry);
  const header = [
    ...headerRows(inspection, colors),
    ...imageRows(document.value, platform).map(([title, value]) => [colors.bold(title), value]),
  ];
  return [...columns(header), '', ...columns(layerRows(document.value.layers, colors))];
}

type Row = readonly string[];

function headerRows(inspection: Inspection, colors: Colors): Row[] {
  const { mediaType, digest, value } = inspection.document;
  const rows = [
    ['Name:', nameCell(inspection)],
    ['MediaType:', mediaType],
    ['Digest:', digest],
    ...(value.artifactType === undefined ? [] : [['ArtifactType:', printable(value.artifactType)]]),
  ];
  return rows.map(([title = '', text = '']) => [colors.bold(title), text]);
}

function imageRows({ config }: ImageManifest, platform: LoosePlatform): [title: string, text: string][] {
  return [
    ['Platform:', platformCell(platform)],
    ['Config:', `${config.digest} (${formatBytes(config.size)})`],
  ];
}

function entryRows({ children }: Inspection, colors: Colors): Row[] {
  const rows = children.map(({ descriptor }) => [
    colors.cyan(platformCell(descriptor.platform)),
    descriptor.digest,
    formatBytes(descriptor.size),
    typeCell(descriptor, children),
  ]);
  return [titles(['PLATFORM', 'DIGEST', 'SIZE', 'TYPE'], colors), ...rows];
}

/** The type of an entry; for an attestation, with the platform of its image. */
function typeCell(descriptor: Descriptor, children: Inspection['children']): string {
  const type = entryType(descriptor);
  const platform = attestedImage(descriptor, children)?.descriptor.platform;
  return platform === undefined ? type : `${type} of ${platformCell(platform)}`;
}

function layerRows(layers: readonly Descriptor[], colors: Colors): Row[] {
  const rows = layers.map((layer, index) => [
    String(index + 1),
    layer.digest,
    formatBytes(layer.size),
    layerCell(layer),
  ]);
  return [titles(['LAYER', 'DIGEST', 'SIZE', 'TYPE'], colors), ...rows];
}

function titles(names: Row, colors: Colors): Row {
  return names.map((name) => colors.bold(name));
}
