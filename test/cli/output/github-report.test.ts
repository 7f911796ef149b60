import { describe, expect, it } from 'vitest';

import { githubOutputs, githubPlan, githubSummary } from '../../../src/cli/output/github-report.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.js';
import { parsePlatform } from '../../../src/oci/platform.js';
import { parseRefName } from '../../../src/oci/ref-name.js';
import type { PushPlan } from '../../../src/publish/plan.js';
import type { PushReport } from '../../../src/publish/push-report.js';
import { digest } from '../../support/drafts.js';
import { readValues } from '../../support/github-runner.js';

const own = digest('index');
const entry = { mediaType: OCI_MANIFEST, size: 402 };
const REPORT: PushReport = {
  references: ['example.com/app:1.2', 'example.com/app:latest'],
  image: `example.com/app@${own}`,
  digest: own,
  mediaType: OCI_INDEX,
  size: 700,
  platforms: {
    'linux/amd64': { ...entry, platform: parsePlatform('linux/amd64'), digest: digest('amd64') },
    'linux/arm/v7': {
      ...entry,
      platform: parsePlatform('linux/arm/v7'),
      digest: digest('armv7'),
      attestations: [digest('about armv7')],
      duplicates: [digest('another armv7')],
    },
  },
  tags: [
    { reference: 'example.com/app:1.2', digest: own, outcome: 'moved' },
    { reference: 'example.com/app:latest', digest: own, outcome: 'moved', previous: digest('old') },
    { reference: 'example.com/app:1', digest: own, outcome: 'unchanged', previous: own },
  ],
};

describe('githubOutputs', () => {
  it('has digest, image and the whole report', () => {
    const { metadata = '', ...outputs } = readValues(githubOutputs(REPORT));
    expect(outputs).toEqual({ digest: own, image: `example.com/app@${own}` });
    expect(JSON.parse(metadata)).toEqual(REPORT);
  });

  it.each(['oci:/srv/a\nb', 'oci:/srv/a\nEND\ndigest=x', 'oci:/a\r\nEND\r\nEND_\r\ndigest=x', 'oci:/a<<END'])(
    'lets no value set another output: %j',
    (image) => {
      const outputs = readValues(githubOutputs({ ...REPORT, image }));
      expect(Object.keys(outputs)).toEqual(['digest', 'image', 'metadata']);
      expect(outputs).toMatchObject({ digest: own, image });
    },
  );

  it('is equal for equal reports', () => {
    expect(githubOutputs(structuredClone(REPORT))).toBe(githubOutputs(REPORT));
  });
});

const code = (text: string): string => `<code>${text}</code>`;

describe('githubSummary', () => {
  const short = (text: string): string => `${text.slice(0, 19)}…`;

  it('shows the platforms, the tags and a picture', () => {
    expect(githubSummary(REPORT)).toBe(
      `### Published ${code('example.com/app:1.2')}

Digest: ${code(own)}

| Platform | Digest | Attestations |
| --- | --- | --- |
| ${code('linux/amd64')} | ${code(digest('amd64'))} | 0 |
| ${code('linux/arm/v7')} | ${code(digest('armv7'))} | 1 |
| ${code('linux/arm/v7')} | ${code(digest('another armv7'))} |  |

| Tag | Outcome | Previous |
| --- | --- | --- |
| ${code('example.com/app:1.2')} | moved | none |
| ${code('example.com/app:latest')} | moved | ${code(digest('old'))} |
| ${code('example.com/app:1')} | unchanged |  |

\`\`\`mermaid
flowchart LR
  n0["example.com/app:1.2<br/>${short(own)}"]
  n0 --> n1["linux/amd64<br/>${short(digest('amd64'))}"]
  n0 --> n2["linux/arm/v7<br/>${short(digest('armv7'))}"]
  n2 --> n3["attestation<br/>${short(digest('about armv7'))}"]
  n0 --> n4["linux/arm/v7<br/>${short(digest('another armv7'))}"]
\`\`\`

`,
    );
  });

  it('omits the tags if there are none', () => {
    const image = `example.com/app@${own}`;
    const summary = githubSummary({ ...REPORT, references: [image], tags: [] });
    expect(summary).toContain(`### Published <code>${image}</code>`);
    expect(summary).not.toContain('| Tag |');
  });

  it('draws no picture of a single image, or of more than a picture can show', () => {
    const platform = parsePlatform('linux/amd64');
    const single = { ...REPORT, platforms: { 'linux/amd64': { ...entry, platform, digest: own } } };
    const names = Array.from({ length: 700 }, (_, at) => `os${at}/amd64`);
    const many = Object.fromEntries(
      names.map((name) => [name, { ...entry, platform, digest: digest(name) }]),
    );
    expect(githubSummary(single)).not.toContain('mermaid');
    const large = githubSummary({ ...REPORT, platforms: many });
    expect(large).not.toContain('mermaid');
    expect(large).toContain('<code>os499/amd64</code>');
    expect(large).not.toContain('<code>os500/amd64</code>');
    expect(large).toContain('| and 200 more |');
  });

  it('escapes Markdown and HTML', () => {
    const hostile = 'a|b\n# `c` </code><img src=x> [d](https://e.example) &amp; *f* _g_ \\| \u001b[2J';
    const platform = REPORT.platforms['linux/amd64'];
    if (platform === undefined) throw new Error('no platform');
    const summary = githubSummary({
      ...REPORT,
      references: [hostile],
      platforms: { [hostile]: platform },
      tags: [{ reference: hostile, digest: own, outcome: 'moved' }],
    });
    const [tables = '', picture = ''] = summary.split('```mermaid\n');
    // The end of the block is the only backtick of the picture, and each label one pair of quotes.
    expect(picture.split('`')).toHaveLength(4);
    expect(picture.match(/^.*\["[^"`<>[\]]*<br\/>sha256:[0-9a-f]{12}…"\]$/gm)).toHaveLength(2);
    const lines = tables.split('\n').filter((line) => line !== '');
    expect(lines).toHaveLength(8);
    const shown = lines.map((line) => line.replaceAll(/<\/?code>|^\| | \|$/g, '').split(' | '));
    expect([shown[0], shown[4], shown[7]].map((cells) => cells?.length)).toEqual([1, 3, 3]);
    const text = tables.replaceAll(/<\/?code>/g, '').replaceAll('| --- | --- | --- |', '');
    for (const part of ['<', '`', '[', '*', '_', '\\', '&a', '\u001b', '://', 'a|b']) {
      expect(text).not.toContain(part);
    }
    expect(text).toContain('a&#124;b &#35; &#96;c&#96; &#60;/code&#62;');
  });
});

describe('githubPlan', () => {
  const content = { repository: 'example.com/app', digest: digest('blob'), size: 1000 } as const;
  const PLAN: PushPlan = {
    digest: own,
    mediaType: OCI_INDEX,
    size: 700,
    content: [
      { ...content, kind: 'blob', action: 'upload' },
      { ...content, kind: 'blob', action: 'upload' },
      { ...content, kind: 'manifest', action: 'present' },
    ],
    tags: [
      { repository: 'example.com/app', tag: parseRefName('1.2'), outcome: 'moved' },
      { repository: 'example.com/app', tag: parseRefName('latest'), outcome: 'unchanged', previous: own },
    ],
  };

  it('shows the content and the tags', () => {
    expect(githubPlan(PLAN)).toBe(
      `### Dry run: ${code('example.com/app:1.2')}

Digest: ${code(own)}

| Content | Number | Size |
| --- | --- | --- |
| upload blob | 2 | 2.0 kB |
| present manifest | 1 | 1.0 kB |

| Tag | Outcome | Previous |
| --- | --- | --- |
| ${code('example.com/app:1.2')} | would move | none |
| ${code('example.com/app:latest')} | unchanged |  |

`,
    );
  });

  it('omits what is empty', () => {
    expect(githubPlan({ ...PLAN, content: [], tags: [] })).toBe(
      `### Dry run: ${code(own)}\n\nDigest: ${code(own)}\n\n`,
    );
  });
});
