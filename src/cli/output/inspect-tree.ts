import type { Colors } from 'picocolors/types.js';

import type { InspectedChild, Inspection } from '../../client/inspection.js';
import type { Referrer } from '../../content/find-referrers.js';
import { type Annotations, type Descriptor } from '../../oci/descriptor.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { CancelledError, MultiarchError, NotFoundError, printable } from '../../oci/errors.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import { entryType, attestedImage } from './entry-type.js';
import { formatBytes } from './format.js';
import { inspectedPlatform } from './inspected-platform.js';
import { layerCell, nameCell, platformCell } from './inspect-text.js';
import { isAttestation } from '../../oci/attestation.js';

/** What an in-toto layer is a statement of: provenance, a list of packages. */
const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/**
 * An index with its images and their layers as a tree, statements below the image that they are about, and what refers to
 * the index or an image below it; or one image. Reads all entries at once; an entry that is not there is marked. An index
 * within the index is read, but not its entries, so that no document can ask for endless reading.
 * @param isEntry whether an image was reached through an index
 * @param warn hears where it could not be found out what refers to an image, which leaves the rest as it is
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
  const label = [colors.bold(nameCell(inspection)), ...platform, colors.dim(document.digest)].join('  ');
  return treeLines({ label, children });
}

/** An entry, with what was read under its digest: nothing where it is not there. */
interface ReadEntry {
  readonly descriptor: Descriptor;
  readonly document: ManifestOrIndex | undefined;
  readonly referrers: readonly TreeNode[];
}

/** Makes the nodes of a tree. */
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
    return entries
      .filter(({ descriptor }) => attestedImage(descriptor, entries) === undefined)
      .map((entry) => {
        const statements = entries.filter(({ descriptor }) => attestedImage(descriptor, entries) === entry);
        const node = this.#entry(entry);
        return {
          ...node,
          children: [
            ...node.children,
            ...statements.map((statement) => this.#entry(statement)),
            ...entry.referrers,
          ],
        };
      });
  }

  /** What refers to an image or index. It is an addition: where it cannot be had, the tree is shown without it. */
  async referrers(inspection: Inspection): Promise<TreeNode[]> {
    try {
      return (await inspection.referrers()).map((referrer) => leaf(this.#referrerLabel(referrer)));
    } catch (error) {
      if (!(error instanceof MultiarchError) || error instanceof CancelledError) throw error;
      // What keeps one of them from being read mostly keeps all.
      if (!this.#hasWarned) this.#warn(`signatures and the like are not shown: ${error.message}`);
      this.#hasWarned = true;
      return [];
    }
  }

  /** What a manifest holds: its layers. Of an index, how its entries are called. */
  content(document: ManifestOrIndex): TreeNode[] {
    if (document.kind === 'index') {
      const { annotations, manifests } = document.value;
      const entries = manifests.map((descriptor) => leaf(this.#entryLabel(descriptor)));
      return [...this.annotations(annotations), ...entries];
    }
    const { annotations, layers } = document.value;
    const size = layers.reduce((sum, layer) => sum + layer.size, 0);
    const label = `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}, ${formatBytes(size)}`;
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
      const inspection = await child.read();
      // Nobody signs a statement; what signs its image or the index signs it too.
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
      ...(type === 'image' ? [] : [printable(type)]),
      dim(descriptor.digest),
    ].join('  ');
  }

  #layerLabel(layer: Descriptor): string {
    const { dim, yellow } = this.#colors;
    const words = layerCell(layer);
    const predicate = layer.annotations?.[PREDICATE_TYPE];
    return [
      dim(layer.digest),
      formatBytes(layer.size),
      isNonDistributableType(layer.mediaType) ? yellow(words) : words,
      ...(predicate === undefined ? [] : [printable(predicate)]),
    ].join('  ');
  }
}

function leaf(label: string): TreeNode {
  return { label, children: [] };
}

/** What is drawn as one line, with what hangs below it. */
export interface TreeNode {
  readonly label: string;
  readonly children: readonly TreeNode[];
}

/** Draws a tree, one line for each node. */
export function treeLines({ label, children }: TreeNode): string[] {
  return [label, ...children.flatMap((child, position) => branch(child, position === children.length - 1))];
}

function branch(node: TreeNode, isLast: boolean): string[] {
  const [first = '', ...rest] = treeLines(node);
  const [corner, stem] = isLast ? ['└── ', '    '] : ['├── ', '│   '];
  return [corner + first, ...rest.map((line) => stem + line)];
}
