import { format, resolveConfig } from 'prettier';

import { cellOf, FAULT_NAMES, OPERATION_NAMES } from './cells.js';
import { FAULTS, type Fault, type FaultName, type Outcome } from './faults.js';
import { OPERATIONS } from './operations.js';

const BEGIN = '<!-- fault matrix: begin -->';
const END = '<!-- fault matrix: end -->';

/** Returns a page with the fault matrix between its markers, formatted as all pages are. */
export async function withFaultMatrix(page: string, path: string): Promise<string> {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${path} lacks ${BEGIN} or ${END}`);
  const text = `${before}${BEGIN}\n\n${matrix()}\n\n${failures()}\n\n${END}${after}`;
  return format(text, { ...(await resolveConfig(path)), filepath: path });
}

/** One row for each fault, one column for each operation. */
function matrix(): string {
  const titles = OPERATION_NAMES.map((name) => OPERATIONS[name].title);
  const rows = FAULT_NAMES.map((fault) => [
    fault,
    ...OPERATION_NAMES.map((operation) => shortOutcome(cellOf(fault, operation)?.outcome)),
  ]);
  return table(['fault', ...titles], rows);
}

function shortOutcome(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '';
  if ('exit' in outcome) return `exit ${outcome.exit}`;
  if (outcome.extra === 0) return '✓';
  return `${outcome.isMost === true ? '≤' : '+'}${outcome.extra}`;
}

/** What is written to stderr in the cells that fail, and what is left behind. */
function failures(): string {
  const rows = FAULT_NAMES.flatMap((fault) => {
    const byText = new Map<string, { readonly outcome: Outcome; readonly titles: string[] }>();
    for (const operation of OPERATION_NAMES) {
      const outcome = cellOf(fault, operation)?.outcome;
      if (outcome === undefined) continue;
      const key = JSON.stringify(outcome);
      const known = byText.get(key) ?? { outcome, titles: [] };
      known.titles.push(OPERATIONS[operation].title);
      byText.set(key, known);
    }
    return [...byText.values()].flatMap(({ outcome, titles }) => {
      const notes = notesOf(outcome);
      return notes === undefined ? [] : [[fault, titlesText(fault, outcome, titles), ...notes]];
    });
  });
  return table(['fault', 'operations', 'exit code', 'message', 'hint'], rows);
}

function notesOf(outcome: Outcome): readonly [string, string, string] | undefined {
  const left = outcome.sessions === undefined ? '' : 'leaves an upload session open';
  if ('exit' in outcome) {
    const hint = outcome.hints === false ? '' : `…${outcome.hints ?? ''}…`;
    return [`${outcome.exit}`, `…${outcome.says}…`, hint];
  }
  if (outcome.warns !== undefined) return ['0', `warning: …${outcome.warns}…`, ''];
  return left === '' ? undefined : ['0', left, ''];
}

function titlesText(fault: FaultName, outcome: Outcome, titles: readonly string[]): string {
  const { expect }: Fault = FAULTS[fault];
  return titles.length > 3 && outcome === expect.all ? 'all others' : titles.join('; ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
