import type { Inspection } from '../../client/inspection.js';
import type { Referrer } from '../../content/find-referrers.js';
import { isAttestation } from '../../oci/attestation.js';
import type { Annotations, Descriptor } from '../../oci/descriptor.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { printable } from '../../oci/errors.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import { attestedImages, entryType, inspectedPlatform, layerCell, nameCell, platformCell } from './cells.js';
import { DetailReader, type Details } from './entry-details.js';
import { counted, formatBytes } from './format.js';
import { PREDICATE_TYPE } from './image-facts.js';
import type { TableOptions } from './inspect-table.js';
import { treeLines, type TreeNode, type TreePart } from './tree-lines.js';

/**
 * Formats an index or image as a tree: images with their layers, attestations and referrers. Reads all entries in
 * parallel and marks missing ones. Reads a nested index but not its entries, so that no document causes endless reads.
 * @param isEntry whether the image is an entry of an index
 * @param options `warn` is called if referrers cannot be read; the tree is shown without them
 * @returns the lines
 */
export async function inspectTreeLines(
  inspection: Inspection,
  isEntry: boolean,
  { colors, screen, warn }: Pick<TableOptions, 'colors' | 'screen' | 'warn'>,
): Promise<readonly string[]> {
  const root = await inspectTree(inspection, isEntry, warn);
  return treeLines(root, screen, colors);
}

/** Reads an index or image as a tree: see {@link inspectTreeLines}. */
export async function inspectTree(
  inspection: Inspection,
  isEntry: boolean,
  warn: (message: string) => void,
): Promise<TreeNode> {
  const reader = new DetailReader({ configs: false, warn });
  const [own, entries] = await Promise.all([reader.details(inspection), reader.entries(inspection)]);
  return detailsTree(inspection, isEntry, own, entries);
}

/** As {@link inspectTree}, of details that were read. */
export async function detailsTree(
  inspection: Inspection,
  isEntry: boolean,
  own: Details,
  entries: readonly Details[],
): Promise<TreeNode> {
  const { document } = inspection;
  const content =
    document.kind === 'index'
      ? [...annotationNodes(document.value.annotations), ...entryNodes(entries)]
      : contentNodes(document);
  const platform = document.kind === 'index' ? undefined : await inspectedPlatform(inspection, isEntry);
  return {
    kind: 'root',
    parts: [
      { text: nameCell(inspection, isEntry), style: 'name' },
      ...(platform === undefined ? [] : [{ text: platformCell(platform), style: 'platform' } as const]),
      { text: document.digest, style: 'digest' },
    ],
    children: [...content, ...own.referrers.map(referrerNode)],
  };
}

/** The nodes of entries, each attestation below its image. */
function entryNodes(entries: readonly Details[]): TreeNode[] {
  const imageOf = attestedImages(entries);
  const attestations = new Map<Details | undefined, Details[]>();
  for (const entry of entries) {
    const image = imageOf(entry.descriptor);
    const own = attestations.get(image);
    if (own === undefined) attestations.set(image, [entry]);
    else own.push(entry);
  }
  return entries
    .filter(({ descriptor }) => imageOf(descriptor) === undefined)
    .map((entry) => {
      const { children: content, ...node } = entryNode(entry);
      const nested = (attestations.get(entry) ?? []).map(entryNode);
      return { ...node, children: [...content, ...nested, ...entry.referrers.map(referrerNode)] };
    });
}

function entryNode({ descriptor, document, isMissing }: Details): TreeNode {
  const type = entryType(descriptor);
  const parts: TreePart[] = [
    ...(isAttestation(descriptor)
      ? []
      : [{ text: platformCell(descriptor.platform), style: 'platform' } as const]),
    ...(type === 'image' ? [] : [{ text: type }]),
    { text: descriptor.digest, style: 'digest' },
    ...(isMissing ? [{ text: 'missing', style: 'missing' } as const] : []),
  ];
  const kind = isAttestation(descriptor) ? 'attestation' : 'entry';
  return { kind, parts, children: document === undefined ? [] : contentNodes(document) };
}

/** The layers of a manifest, or the entries of an index. */
function contentNodes(document: ManifestOrIndex): TreeNode[] {
  if (document.kind === 'index') {
    const { annotations, manifests } = document.value;
    const entries = manifests.map((descriptor) =>
      entryNode({ descriptor, document: undefined, isMissing: false, config: undefined, referrers: [] }),
    );
    return [...annotationNodes(annotations), ...entries];
  }
  const { annotations, layers } = document.value;
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  const text = `${counted(layers.length, 'layer')}, ${formatBytes(size)}`;
  return [
    ...annotationNodes(annotations),
    { kind: 'layers', parts: [{ text }], children: layers.map(layerNode) },
  ];
}

function annotationNodes(annotations: Annotations | undefined): TreeNode[] {
  const pairs = Object.entries(annotations ?? {});
  if (pairs.length === 0) return [];
  const children = pairs.map(([key, value]) => leaf('annotation', [{ text: printable(`${key}: ${value}`) }]));
  return [{ kind: 'annotations', parts: [{ text: 'annotations' }], children }];
}

function referrerNode({ descriptor, cosign }: Referrer): TreeNode {
  const { artifactType, mediaType, digest } = descriptor;
  const type = cosign === undefined ? `referrer ${artifactType ?? mediaType}` : `cosign ${cosign.kind}`;
  return leaf('referrer', [{ text: printable(type) }, { text: digest, style: 'digest' }]);
}

function layerNode(layer: Descriptor): TreeNode {
  const predicate = layer.annotations?.[PREDICATE_TYPE];
  return leaf('layer', [
    { text: layer.digest, style: 'digest' },
    { text: formatBytes(layer.size) },
    { text: layerCell(layer), ...(isNonDistributableType(layer.mediaType) && { style: 'warning' }) },
    ...(predicate === undefined ? [] : [{ text: printable(predicate) }]),
  ]);
}

function leaf(kind: TreeNode['kind'], parts: readonly TreePart[]): TreeNode {
  return { kind, parts, children: [] };
}
