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
