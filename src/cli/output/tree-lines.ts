import type { Colors } from 'picocolors/types.js';

import stringWidth from './columns.js';
import type { Screen } from './terminal.js';
import { usableWidth, withShortDigests, wrap } from './text-layout.js';

/** A part of a line of a tree. */
export interface TreePart {
  readonly text: string;
  readonly style?: 'name' | 'platform' | 'digest' | 'missing' | 'warning';
}

/** A line of a tree and the nodes below it. */
export interface TreeNode {
  readonly kind:
    'root' | 'entry' | 'attestation' | 'referrer' | 'layers' | 'layer' | 'annotations' | 'annotation';
  readonly parts: readonly TreePart[];
  readonly children: readonly TreeNode[];
}

/** Between the parts of a line. */
const GAP = '  ';
/** In columns: deep in a tree on a narrow screen, lines have at least this much. */
const MIN_LABEL = 8;

/**
 * Draws a tree with one line for each node. On a narrow screen, the digests of a line are shortened if it does not fit, then
 * its parts are on several lines.
 */
export function treeLines(root: TreeNode, screen: Screen, colors: Colors): string[] {
  const { symbols } = screen;
  const width = usableWidth(screen);
  const paints = {
    name: colors.bold,
    platform: colors.cyan,
    digest: colors.dim,
    missing: colors.red,
    warning: colors.yellow,
  } as const;
  const painted = ({ style }: TreePart, text: string): string =>
    style === undefined || text === '' ? text : paints[style](text);
  /** The lines of a node, of which the first has this much room. @param indent of the others */
  const labelLines = (parts: readonly TreePart[], room: number, indent: number): string[] => {
    const joined = (texts: readonly TreePart[]): string => texts.map(({ text }) => text).join(GAP);
    const short = parts.map((part) => ({
      ...part,
      text: withShortDigests(part.text, symbols, room - indent),
    }));
    const fitting = [parts, short].find((each) => stringWidth(joined(each)) <= room);
    if (fitting !== undefined)
      return [
        fitting
          .map((part) => painted(part, part.text))
          .join(GAP)
          .trimEnd(),
      ];
    return short.flatMap((part) =>
      wrap(part.text, Math.max(MIN_LABEL, room - indent), symbols).map((text) => painted(part, text)),
    );
  };
  const draw = ({ parts, children }: TreeNode, first: string, next: string): string[] => {
    const below = children.length > 0 ? symbols.tree.below : symbols.tree.belowLast;
    const [label = '', ...more] = labelLines(parts, width - first.length, below.length);
    return [
      first + label,
      ...more.map((line) => next + below + line),
      ...children.flatMap((child, index) => {
        const isLast = index === children.length - 1;
        const [corner, stem] = isLast
          ? [symbols.tree.last, symbols.tree.belowLast]
          : [symbols.tree.node, symbols.tree.below];
        return draw(child, next + corner, next + stem);
      }),
    ];
  };
  return draw(root, '', '');
}
