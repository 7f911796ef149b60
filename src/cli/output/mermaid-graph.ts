import { printable } from '../../oci/errors.js';
import type { TreeNode } from './tree-lines.js';

/** The characters of a digest in a label: algorithm, colon and 12 digits. */
const DIGEST_LENGTH = 19;

/** The nodes that a picture shows. Layers and annotations would hide the others. */
const SHOWN: ReadonlySet<TreeNode['kind']> = new Set(['root', 'entry', 'attestation', 'referrer']);

/** Formats a tree as a flowchart of Mermaid, which GitHub and GitLab show as a picture: images, attestations and referrers. */
export function mermaidLines(root: TreeNode): string[] {
  const lines = ['flowchart LR'];
  let count = 0;
  const add = (node: TreeNode, parent: string | undefined): void => {
    const id = `n${count}`;
    count += 1;
    lines.push(`  ${parent === undefined ? '' : `${parent} --> `}${id}["${labelOf(node)}"]`);
    for (const child of node.children) if (SHOWN.has(child.kind)) add(child, id);
  };
  add(root, undefined);
  return lines;
}

/** The parts of a node, and the number and size of its layers, on a line each. */
function labelOf({ parts, children }: TreeNode): string {
  const texts = parts.map(({ text, style }) =>
    style === 'digest' && text.length > DIGEST_LENGTH ? `${text.slice(0, DIGEST_LENGTH)}…` : text,
  );
  const layers = children
    .filter(({ kind }) => kind === 'layers')
    .flatMap((node) => node.parts.map(({ text }) => text));
  return [...texts, ...layers].map(escaped).join('<br/>');
}

/** Everything that is special in Mermaid, Markdown or HTML becomes a code of Mermaid: `#34;`. */
function escaped(text: string): string {
  return printable(text).replaceAll(
    /[^\p{L}\p{N} ./:@,+()…-]/gu,
    (character) => `#${character.codePointAt(0) ?? 0};`,
  );
}
