import type { PlatformReport, PushReport, TagReport } from '../../publish/push-report.js';
import { printable } from '../../oci/errors.js';

/**
 * A push as outputs of a step, to be appended to the file that `GITHUB_OUTPUT` names: `digest`, `image`
 * (REPOSITORY@DIGEST) and `metadata`, which is the whole report as JSON.
 */
export function githubOutputs(report: PushReport): string {
  return [
    outputOf('digest', report.digest),
    outputOf('image', report.image),
    outputOf('metadata', JSON.stringify(report, undefined, 2)),
  ].join('');
}

/** A push as Markdown for a step's summary, to be appended to the file that `GITHUB_STEP_SUMMARY` names. */
export function githubSummary(report: PushReport): string {
  const [name = report.image] = report.references;
  return [
    `### Published ${code(name)}`,
    `Digest: ${code(report.digest)}`,
    table(['Platform', 'Digest', 'Attestations'], Object.entries(report.platforms).flatMap(platformRows)),
    ...(report.tags.length === 0 ? [] : [table(['Tag', 'Outcome', 'Before'], report.tags.map(tagRow))]),
  ]
    .map((block) => `${block}\n\n`)
    .join('');
}

/**
 * One output. Of several lines, it stands between two lines that no line of the value equals: otherwise a value could
 * end early and set outputs of its own.
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
  const before = previous === undefined ? 'none' : code(previous);
  return [code(reference), outcome, outcome === 'unchanged' ? '' : before];
}

function table(titles: Row, rows: readonly Row[]): string {
  const lines = [titles, titles.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * Text in the type of code. Whatever Markdown or HTML might read as its own becomes a character reference, which both
 * only show: backticks would leave `|` to the table, and there a backslash does not always help.
 */
function code(text: string): string {
  const shown = printable(text).replaceAll(
    /[^\p{L}\p{N} ./:@,+()-]|:(?=\/)/gu,
    (character) => `&#${character.codePointAt(0) ?? 0};`,
  );
  return `<code>${shown}</code>`;
}
