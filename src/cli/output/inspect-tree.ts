import type { Colors } from 'picocolors/types.js';

import type { InspectedChild, Inspection } from '../../client/inspection.js';
import type { Referrer } from '../../content/find-referrers.js';
import { isAttestation } from '../../oci/attestation.js';
import type { Annotations, Descriptor } from '../../oci/descriptor.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { CancelledError, LimitError, MultiarchError, NotFoundError, printable } from '../../oci/errors.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import { counted, formatBytes } from './format.js';
import { attestedImages, entryType, inspectedPlatform, layerCell, nameCell, platformCell } from './cells.js';

/** The annotation of an in-toto layer that names its type, such as SLSA provenance or SPDX. */
const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/**
 * Formats an index or image as a tree: images with their layers, attestations and referrers. Reads all entries in
 * parallel and marks missing ones. Reads a nested index but not its entries, so that no document causes endless reads.
 * @param isEntry whether the image is an entry of an index
 * @param warn is called if referrers cannot be read; the tree is shown without them
 * @returns the lines
 */
export async function inspectTreeLines(
  inspection: Inspection,
  isEntry: boolean,
  colors: Colors,
  warn: (message: string) => void,
): Promise<readonly string[]> {
  const tree = new Tree(colors, warn);
  const { document } = inspection;
  const [content, referrers] = await Promise.all([
    document.kind === 'index' ? tree.entries(inspection.children) : tree.content(document),
    tree.referrers(inspection),
  ]);
  const annotations = document.kind === 'index' ? tree.annotations(document.value.annotations) : [];
  const children = [...annotations, ...content, ...referrers];
  const platform =
    document.kind === 'index'
      ? []
      : [colors.cyan(platformCell(await inspectedPlatform(inspection, isEntry)))];
  const label = [colors.bold(nameCell(inspection, isEntry)), ...platform, colors.dim(document.digest)].join(
    '  ',
  );
  return treeLines({ label, children });
}

/** An entry of an index. Its document is `undefined` if missing. */
interface ReadEntry {
  readonly descriptor: Descriptor;
  readonly document: ManifestOrIndex | undefined;
  readonly referrers: readonly TreeNode[];
}

/** Builds the nodes of a tree. */
class Tree {
  readonly #colors: Colors;
  readonly #warn: (message: string) => void;
  #hasWarned = false;

  constructor(colors: Colors, warn: (message: string) => void) {
    this.#colors = colors;
    this.#warn = warn;
  }

  async entries(children: readonly InspectedChild[]): Promise<TreeNode[]> {
    const entries = await Promise.all(children.map((child) => this.#read(child)));
    const imageOf = attestedImages(entries);
    const attestations = new Map<ReadEntry | undefined, ReadEntry[]>();
    for (const entry of entries) {
      const image = imageOf(entry.descriptor);
      const own = attestations.get(image);
      if (own === undefined) attestations.set(image, [entry]);
      else own.push(entry);
    }
    return entries
      .filter(({ descriptor }) => imageOf(descriptor) === undefined)
      .map((entry) => {
        const { label, children: content } = this.#entry(entry);
        const nested = (attestations.get(entry) ?? []).map((attestation) => this.#entry(attestation));
        return { label, children: [...content, ...nested, ...entry.referrers] };
      });
  }

  /** The referrers of an image or index. If they cannot be read, warns and returns none. */
  async referrers(inspection: Inspection): Promise<TreeNode[]> {
    try {
      return (await inspection.referrers()).map((referrer) => leaf(this.#referrerLabel(referrer)));
    } catch (error) {
      if (!(error instanceof MultiarchError)) throw error;
      if (error instanceof CancelledError || error instanceof LimitError) throw error;
      // The others most likely fail for the same reason.
      if (!this.#hasWarned) this.#warn(`referrers are not shown: ${error.message}`);
      this.#hasWarned = true;
      return [];
    }
  }

  /** The layers of a manifest, or the entries of an index. */
  content(document: ManifestOrIndex): TreeNode[] {
    if (document.kind === 'index') {
      const { annotations, manifests } = document.value;
      const entries = manifests.map((descriptor) => leaf(this.#entryLabel(descriptor)));
      return [...this.annotations(annotations), ...entries];
    }
    const { annotations, layers } = document.value;
    const size = layers.reduce((sum, layer) => sum + layer.size, 0);
    const label = `${counted(layers.length, 'layer')}, ${formatBytes(size)}`;
    const children = layers.map((layer) => leaf(this.#layerLabel(layer)));
    return [...this.annotations(annotations), { label, children }];
  }

  annotations(annotations: Annotations | undefined): TreeNode[] {
    const pairs = Object.entries(annotations ?? {});
    if (pairs.length === 0) return [];
    return [
      { label: 'annotations', children: pairs.map(([key, value]) => leaf(printable(`${key}: ${value}`))) },
    ];
  }

  #entry({ descriptor, document }: ReadEntry): TreeNode {
    const label = this.#entryLabel(descriptor);
    if (document === undefined) return leaf(`${label}  ${this.#colors.red('missing')}`);
    return { label, children: this.content(document) };
  }

  async #read(child: InspectedChild): Promise<ReadEntry> {
    const { descriptor } = child;
    try {
      const inspection = await child.read({ allowKept: false });
      // Attestations are not signed themselves; their image or index is.
      const referrers = isAttestation(descriptor) ? [] : await this.referrers(inspection);
      return { descriptor, document: inspection.document, referrers };
    } catch (error) {
      if (error instanceof NotFoundError) return { descriptor, document: undefined, referrers: [] };
      throw error;
    }
  }

  #referrerLabel({ descriptor, cosign }: Referrer): string {
    const { artifactType, mediaType, digest } = descriptor;
    const type = cosign === undefined ? `referrer ${artifactType ?? mediaType}` : `cosign ${cosign.kind}`;
    return `${printable(type)}  ${this.#colors.dim(digest)}`;
  }

  #entryLabel(descriptor: Descriptor): string {
    const { cyan, dim } = this.#colors;
    const type = entryType(descriptor);
    return [
      ...(isAttestation(descriptor) ? [] : [cyan(platformCell(descriptor.platform))]),
      ...(type === 'image' ? [] : [type]),
      dim(descriptor.digest),
    ].join('  ');
  }

  #layerLabel(layer: Descriptor): string {
    const { dim, yellow } = this.#colors;
    const type = layerCell(layer);
    const predicate = layer.annotations?.[PREDICATE_TYPE];
    return [
      dim(layer.digest),
      formatBytes(layer.size),
      isNonDistributableType(layer.mediaType) ? yellow(type) : type,
      ...(predicate === undefined ? [] : [printable(predicate)]),
    ].join('  ');
  }
}

function leaf(label: string): TreeNode {
  return { label, children: [] };
}

/** A line of a tree and the nodes below it. */
export interface TreeNode {
  readonly label: string;
  readonly children: readonly TreeNode[];
}

/** Draws a tree with one line for each node. */
export function treeLines({ label, children }: TreeNode): string[] {
  return [label, ...children.flatMap((child, index) => branch(child, index === children.length - 1))];
}

function branch(node: TreeNode, isLast: boolean): string[] {
  const [first = '', ...rest] = treeLines(node);
  const [corner, stem] = isLast ? ['└── ', '    '] : ['├── ', '│   '];
  return [corner + first, ...rest.map((line) => stem + line)];
}
