import { expect, it } from 'vitest';

import { treeLines, type TreeNode } from '../../../src/cli/output/inspect-tree.js';

const node = (label: string, ...children: TreeNode[]): TreeNode => ({ label, children });

it('draws what hangs below what', () => {
  const tree = node('root', node('a', node('a1'), node('a2', node('deep'))), node('b', node('b1')));
  expect(treeLines(tree)).toEqual([
    'root',
    '├── a',
    '│   ├── a1',
    '│   └── a2',
    '│       └── deep',
    '└── b',
    '    └── b1',
  ]);
});

it('draws a root alone', () => {
  expect(treeLines(node('root'))).toEqual(['root']);
});
