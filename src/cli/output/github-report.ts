import type { PlatformReport, PushReport, TagReport } from '../../publish/push-report.js';
import { printable } from '../../oci/errors.js';
import { jsonText } from './shown-text.js';

/**
 * The outputs of a step, in the format of the `GITHUB_OUTPUT` file: `digest`, `image` (REPOSITORY@DIGEST) and
 * `metadata`, the whole report as JSON. Of several lists only `metadata`, with the report of each in `lists`.
 */
export function githubOutputs(...reports: readonly [PushReport, ...PushReport[]]): string {
  const [report, ...others] = reports;
  if (others.length > 0) return outputOf('metadata', jsonText({ lists: reports }));
  return [
    outputOf('digest', report.digest),
    outputOf('image', report.image),
    outputOf('metadata', jsonText(report)),
  ].join('');
}

/** The summary of a step as Markdown, for the `GITHUB_STEP_SUMMARY` file. */
export function githubSummary(report: PushReport): string {
  const [name = report.image] = report.references;
  return [
    `### Published ${code(name)}`,
    `Digest: ${code(report.digest)}`,
    table(['Platform', 'Digest', 'Attestations'], Object.entries(report.platforms).flatMap(platformRows)),
    ...(report.tags.length === 0 ? [] : [table(['Tag', 'Outcome', 'Previous'], report.tags.map(tagRow))]),
  ]
    .map((block) => `${block}\n\n`)
    .join('');
}

/**
 * Formats one output. A value of several lines is enclosed by a delimiter that is none of its lines; otherwise it could
 * end early and set other outputs.
 */
function outputOf(name: string, value: string): string {
  if (!/[\r\n]/.test(value)) return `${name}=${value}\n`;
  const lines = new Set(value.split(/\r\n|\r|\n/));
  let delimiter = 'END';
  while (lines.has(delimiter)) delimiter += '_';
  return `${name}<<${delimiter}\n${value}\n${delimiter}\n`;
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

function table(titles: Row, rows: readonly Row[]): string {
  const lines = [titles, titles.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
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
