import type { PushPlan } from '../../publish/plan.js';
import type { PlatformReport, PushReport, TagReport } from '../../publish/push-report.js';
import type { TagChange } from '../../publish/tag-change.js';
import { printable } from '../../oci/errors.js';
import { formatBytes } from './format.js';
import { mermaidLines } from './mermaid-graph.js';
import { jsonText } from './shown-text.js';
import type { TreeNode } from './tree-lines.js';

/** The most rows of a table: GitHub drops a summary of more than 1 MiB. */
const MAX_ROWS = 500;
/** The most nodes of a picture. Mermaid does not draw large ones, and they are not readable. */
const MAX_NODES = 60;

/**
 * The outputs of a step, in the format of the `GITHUB_OUTPUT` file: `digest`, `image` (REPOSITORY@DIGEST) and
 * `metadata`, the whole report as JSON. Of several lists only `metadata`, with the report of each in `lists`.
 */
export function githubOutputs(...reports: readonly [PushReport, ...PushReport[]]): string {
  const [report, ...others] = reports;
  if (others.length > 0) return githubOutput('metadata', jsonText({ lists: reports }));
  return [
    githubOutput('digest', report.digest),
    githubOutput('image', report.image),
    githubOutput('metadata', jsonText(report)),
  ].join('');
}

/** The summary of a step as Markdown, for the `GITHUB_STEP_SUMMARY` file: tables, and a picture of the image. */
export function githubSummary(report: PushReport): string {
  const [name = report.image] = report.references;
  return blocks([
    `### Published ${code(name)}`,
    `Digest: ${code(report.digest)}`,
    table(['Platform', 'Digest', 'Attestations'], Object.entries(report.platforms).flatMap(platformRows)),
    ...(report.tags.length === 0 ? [] : [table(['Tag', 'Outcome', 'Previous'], report.tags.map(tagRow))]),
    ...picture(name, report),
  ]);
}

/** The summary of a step that only plans a push. */
export function githubPlan({ digest, content, tags }: PushPlan): string {
  const names = tags.map(({ repository, tag }) => `${repository}:${tag}`);
  const totals = new Map<string, { readonly count: number; readonly bytes: number }>();
  for (const { action, kind, size } of content) {
    const { count, bytes } = totals.get(`${action} ${kind}`) ?? { count: 0, bytes: 0 };
    totals.set(`${action} ${kind}`, { count: count + 1, bytes: bytes + size });
  }
  return blocks([
    `### Dry run: ${code(names[0] ?? digest)}`,
    `Digest: ${code(digest)}`,
    ...(totals.size === 0
      ? []
      : [
          table(
            ['Content', 'Number', 'Size'],
            Array.from(totals, ([what, { count, bytes }]) => [what, String(count), formatBytes(bytes)]),
          ),
        ]),
    ...(tags.length === 0
      ? []
      : [
          table(
            ['Tag', 'Outcome', 'Previous'],
            tags.map((tag, at) => planRow(tag, names[at] ?? '')),
          ),
        ]),
  ]);
}

/**
 * Formats one output, or one variable of `GITHUB_ENV`. A value of several lines is enclosed by a delimiter that is none of its
 * lines; otherwise it could end early and set other outputs.
 */
export function githubOutput(name: string, value: string): string {
  if (!/[\r\n]/.test(value)) return `${name}=${value}\n`;
  const lines = new Set(value.split(/\r\n|\r|\n/));
  let delimiter = 'END';
  while (lines.has(delimiter)) delimiter += '_';
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
}

function blocks(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n\n`).join('');
}

type Row = readonly string[];

function platformRows([name, report]: readonly [string, PlatformReport]): Row[] {
  const { digest, attestations = [], duplicates = [] } = report;
  return [
    [code(name), code(digest), String(attestations.length)],
    ...duplicates.map((duplicate) => [code(name), code(duplicate), '']),
  ];
}

function tagRow({ reference, outcome, previous }: TagReport): Row {
  const previousCell = previous === undefined ? 'none' : code(previous);
  return [code(reference), outcome, outcome === 'unchanged' ? '' : previousCell];
}

function planRow({ outcome, previous }: TagChange, name: string): Row {
  const isMoved = outcome === 'moved';
  const previousCell = previous === undefined ? 'none' : code(previous);
  return [code(name), isMoved ? 'would move' : 'unchanged', isMoved ? previousCell : ''];
}

function table(titles: Row, rows: readonly Row[]): string {
  const more = rows.length - MAX_ROWS;
  const shown = more > 0 ? [...rows.slice(0, MAX_ROWS), [`and ${more} more`]] : rows;
  const lines = [titles, titles.map(() => '---'), ...shown];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The images and attestations of an index as a flowchart, unless there are too many. */
function picture(name: string, { digest, platforms }: PushReport): string[] {
  const images = Object.entries(platforms).flatMap(([platform, image]): TreeNode[] => [
    node('entry', [platform, image.digest], (image.attestations ?? []).map(attestation)),
    ...(image.duplicates ?? []).map((duplicate) => node('entry', [platform, duplicate])),
  ]);
  const count = images.reduce((sum, { children }) => sum + 1 + children.length, 0);
  // A single image is its own root.
  const isIndex = images.some(({ parts }) => parts[1]?.text !== digest);
  if (!isIndex || count > MAX_NODES) return [];
  return ['```mermaid\n' + mermaidLines(node('root', [name, digest], images)).join('\n') + '\n```'];
}

function attestation(digest: string): TreeNode {
  return node('attestation', ['attestation', digest]);
}

function node(
  kind: TreeNode['kind'],
  [text, digest]: readonly [string, string],
  children: readonly TreeNode[] = [],
): TreeNode {
  return { kind, parts: [{ text }, { text: digest, style: 'digest' }], children };
}

/**
 * Formats text as code. Characters that are special in Markdown or HTML become character references. Backticks would not
 * do: `|` still ends a table cell inside them.
 */
function code(text: string): string {
  const shown = printable(text).replaceAll(
    /[^\p{L}\p{N} ./:@,+()-]|:(?=\/)/gu,
    (character) => `&#${character.codePointAt(0) ?? 0};`,
  );
  return `<code>${shown}</code>`;
}
