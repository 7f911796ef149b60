import { PassThrough } from 'node:stream';

import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';

import { screenOf } from '../../../src/cli/output/terminal.js';
import { treeLines, type TreeNode } from '../../../src/cli/output/tree-lines.js';

describe('treeLines', () => {
  const node = (text: string, ...children: TreeNode[]): TreeNode => ({
    kind: 'entry',
    parts: [{ text }],
    children,
  });
  const draw = (tree: TreeNode, columns = 0, env: NodeJS.ProcessEnv = {}): string[] => {
    const stdout = Object.assign(new PassThrough(), { isTTY: true, columns });
    return treeLines(tree, screenOf({ stdout, env }), createColors(false));
  };
  const tree = node('root', node('a', node('a1'), node('a2', node('deep'))), node('b', node('b1')));

  it('draws nested nodes', () => {
    expect(draw(tree)).toEqual([
      'root',
      '├── a',
      '│   ├── a1',
      '│   └── a2',
      '│       └── deep',
      '└── b',
      '    └── b1',
    ]);
  });

  it('draws with ASCII', () => {
    expect(draw(tree, 0, { LANG: 'C' }).slice(0, 5)).toEqual([
      'root',
      '|-- a',
      '|   |-- a1',
      '|   `-- a2',
      '|       `-- deep',
    ]);
  });

  it('draws a single node', () => {
    expect(draw(node('root'))).toEqual(['root']);
  });

  it('wraps lines below their node', () => {
    const long = {
      ...node('one two three four five six', node('x')),
      parts: [{ text: 'one two three four five six eight' }, { text: 'seven' }],
    };
    expect(draw(node('root', long, node('b')), 32)).toEqual([
      'root',
      '├── one two three four five',
      '│   │   six eight',
      '│   │   seven',
      '│   └── x',
      '└── b',
    ]);
  });
});
