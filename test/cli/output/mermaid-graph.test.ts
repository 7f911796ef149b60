import { describe, expect, it } from 'vitest';

import { mermaidLines } from '../../../src/cli/output/mermaid-graph.js';
import type { TreeNode } from '../../../src/cli/output/tree-lines.js';

const node = (kind: TreeNode['kind'], texts: readonly string[], ...children: TreeNode[]): TreeNode => ({
  kind,
  parts: texts.map((text) => (text.startsWith('sha256:') ? { text, style: 'digest' } : { text })),
  children,
});

describe('mermaidLines', () => {
  it('shows images, attestations and referrers, with the number of layers', () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    const layers = node('layers', ['2 layers, 31 MB'], node('layer', [digest]));
    const image = node(
      'entry',
      ['linux/amd64', digest],
      node('annotations', ['annotations']),
      layers,
      node('attestation', ['attestation']),
    );
    expect(
      mermaidLines(node('root', ['app:1.2', digest], image, node('referrer', ['cosign signature']))),
    ).toEqual([
      'flowchart LR',
      '  n0["app:1.2<br/>sha256:0123456789ab…"]',
      '  n0 --> n1["linux/amd64<br/>sha256:0123456789ab…<br/>2 layers, 31 MB"]',
      '  n1 --> n2["attestation"]',
      '  n0 --> n3["cosign signature"]',
    ]);
  });

  it.each([
    ['"]; click n0 "javascript:alert(1)"', '#34;#93;#59; click n0 #34;javascript:alert(1)#34;'],
    ['<script>', '#60;script#62;'],
    ['`a` #35; %% end', '#96;a#96; #35;35#59; #37;#37; end'],
    ['a\nb\u202Ec', 'a b c'],
  ])('escapes %j', (text, shown) => {
    expect(mermaidLines(node('root', [text]))[1]).toBe(`  n0["${shown}"]`);
  });
});
