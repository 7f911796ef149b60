import { REPOSITORY } from './changelog.js';
import type { ReleaseFile } from './checksums.js';

/** What the notes of a release are made from. */
export interface NotesOptions {
  readonly version: string;
  /** The section of the changelog, without its heading. */
  readonly changes: string;
  readonly files: readonly ReleaseFile[];
}

/** Returns the text of a release: how to install it, what has changed, and the checksums. In Markdown. */
export function releaseNotes({ version, changes, files }: NotesOptions): string {
  const tag = `v${version}`;
  return `${[
    '## Install',
    `\`\`\`sh\nnpm install --global multiarch@${version}\n\`\`\``,
    `Executables, packages and the container image: [Installation](${REPOSITORY}/blob/${tag}/docs/install.md).`,
    '## Changes',
    atTag(unwrap(changes), tag),
    '## Files',
    [
      '| file | size | SHA-256 |',
      '| ---- | ---: | ------- |',
      ...files.map(({ name, size, sha256 }) => `| \`${name}\` | ${formatSize(size)} | \`${sha256}\` |`),
    ].join('\n'),
    `\`SHA256SUMS\` has the same checksums: \`sha256sum --check --ignore-missing SHA256SUMS\`. ` +
      `[Verifying a release](${REPOSITORY}/blob/${tag}/docs/releasing.md#verifying-a-release) describes the attestations.`,
  ].join('\n\n')}\n`;
}

/** Joins the lines of each paragraph and list item: a release shows each line break. */
function unwrap(markdown: string): string {
  return markdown
    .split(/(^```[^]*?^```$)/mu)
    .map((part) =>
      part.startsWith('```') ? part : part.replaceAll(/(\S)\n *(?!\s|#+ |>|\||[*-] |\d+\. |$)/gu, '$1 '),
    )
    .join('');
}

/** Makes links to files of the repository absolute, at a tag. */
function atTag(markdown: string, tag: string): string {
  return markdown.replaceAll(
    /\]\((?![a-z]+:|#)([^)\s]+)\)/gu,
    (_, path: string) => `](${REPOSITORY}/blob/${tag}/${path})`,
  );
}

/** Returns a size such as `1.2 MB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
