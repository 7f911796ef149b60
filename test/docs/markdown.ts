import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The top folder of the repository, with a final slash. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A page of the documentation. */
export interface Page {
  /** Relative to the top folder: `docs/drafts.md`. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  /** The line of the opening fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The text of an HTML comment directly above: `run: first-minute`. */
  readonly directive: string | undefined;
}

const TOP_PAGES = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'action/README.md',
  'examples/README.md',
  'test/README.md',
];

/** All pages of the documentation. */
export function pages(): Page[] {
  const docs = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`);
  return [...TOP_PAGES, ...docs].map(page);
}

export function page(path: string): Page {
  return { path, text: readFileSync(root + path, 'utf8') };
}

/** The fenced blocks of a page, in order. */
export function blocksOf({ path, text }: Page): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const language = /^```(\w+)$/.exec(lines[at] ?? '')?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at);
    if (end < 0) throw new Error(`${path}:${at + 1}: unclosed block`);
    blocks.push({
      page: path,
      line: at + 1,
      language,
      code: lines.slice(at + 1, end).join('\n'),
      directive: directiveAbove(lines, at),
    });
    at = end;
  }
  return blocks;
}

function directiveAbove(lines: readonly string[], at: number): string | undefined {
  const above = lines.slice(0, at).findLast((line) => line !== '');
  return /^<!-- (.*) -->$/.exec(above ?? '')?.[1];
}

/** The text of a page without its fenced blocks. Line numbers are kept. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(/^```\w*\n[^]*?^```$/gm, (block) => block.replaceAll(/[^\n]/g, ''));
}

/** The text of every inline code span. */
export function codeSpans(prose: string): string[] {
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span.replaceAll('\\|', '|'));
}

/** The anchor of a heading, as GitHub generates it. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');
}

/** The headings of a level, each with the text up to the next heading of that level or above. */
export function sections(prose: string, level: number): { readonly title: string; readonly text: string }[] {
  const marks = '#'.repeat(level);
  return prose
    .split(new RegExp(`^(?=#{1,${level}} )`, 'm'))
    .filter((part) => part.startsWith(`${marks} `))
    .map((part) => ({ title: (part.split('\n', 1)[0] ?? '').slice(level + 1), text: part }));
}
