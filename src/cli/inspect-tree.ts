import type { Colors } from 'picocolors/types.js';

import type { InspectedChild, Inspection } from '../client/inspection.js';
import type { Annotations } from '../oci/annotation.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Document } from '../oci/document.js';
import { NotFoundError } from '../oci/errors.js';
import { isNonDistributableType } from '../oci/media-type.js';
import { isAttestation } from '../oci/attestation.js';
import { printable } from '../oci/printable.js';
import { entryType, subjectOf } from './entry-type.js';
import { formatBytes } from './format-bytes.js';
import { inspectedPlatform } from './inspected-platform.js';
import { layerWords, nameWords, platformWords } from './inspect-words.js';
import { treeLines, type TreeNode } from './tree-lines.js';

/** What an in-toto layer is a statement of: provenance, a list of packages. */
const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/**
 * An index with its images and their layers as a tree, statements below the image that they are about; or one image.
 * Reads all entries at once; an entry that is not there is marked. An index within the index is read, but not its
 * entries, so that no document can ask for endless reading.
 * @param isEntry whether an image was reached through an index
 * @returns the lines
 */
export async function inspectTreeLines(
  inspection: Inspection,
  isEntry: boolean,
  colors: Colors,
): Promise<readonly string[]> {
  const tree = new Tree(colors);
  const { document } = inspection;
  const children =
    document.kind === 'index'
      ? [...tree.annotations(document.value.annotations), ...(await tree.entries(inspection.children))]
      : tree.content(document);
  const platform =
    document.kind === 'index'
      ? []
      : [colors.cyan(platformWords(await inspectedPlatform(inspection, isEntry)))];
  const label = [colors.bold(nameWords(inspection)), ...platform, colors.dim(document.digest)].join('  ');
  return treeLines({ label, children });
}

/** An entry, with what was read under its digest: nothing where it is not there. */
interface ReadEntry {
  readonly descriptor: Descriptor;
  readonly document: Document | undefined;
}

/** Makes the nodes of a tree. */
class Tree {
  readonly #colors: Colors;

  constructor(colors: Colors) {
    this.#colors = colors;
  }

  async entries(children: readonly InspectedChild[]): Promise<TreeNode[]> {
    const entries = await Promise.all(children.map(readEntry));
    return entries
      .filter(({ descriptor }) => subjectOf(descriptor, entries) === undefined)
      .map((entry) => {
        const statements = entries.filter(({ descriptor }) => subjectOf(descriptor, entries) === entry);
        const node = this.#entry(entry);
        return {
          ...node,
          children: [...node.children, ...statements.map((statement) => this.#entry(statement))],
        };
      });
  }

  /** What a manifest holds: its layers. Of an index, how its entries are called. */
  content(document: Document): TreeNode[] {
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

  #entryLabel(descriptor: Descriptor): string {
    const { cyan, dim } = this.#colors;
    const type = entryType(descriptor);
    return [
      ...(isAttestation(descriptor) ? [] : [cyan(platformWords(descriptor.platform))]),
      ...(type === 'image' ? [] : [printable(type)]),
      dim(descriptor.digest),
    ].join('  ');
  }

  #layerLabel(layer: Descriptor): string {
    const { dim, yellow } = this.#colors;
    const words = layerWords(layer);
    const predicate = layer.annotations?.[PREDICATE_TYPE];
    return [
      dim(layer.digest),
      formatBytes(layer.size),
      isNonDistributableType(layer.mediaType) ? yellow(words) : words,
      ...(predicate === undefined ? [] : [printable(predicate)]),
    ].join('  ');
  }
}

async function readEntry(child: InspectedChild): Promise<ReadEntry> {
  const { descriptor } = child;
  try {
    return { descriptor, document: (await child.read()).document };
  } catch (error) {
    if (error instanceof NotFoundError) return { descriptor, document: undefined };
    throw error;
  }
}

function leaf(label: string): TreeNode {
  return { label, children: [] };
}
