import { FLOOR } from './tools.mjs';

/**
 * @typedef {import('./measure.mjs').Result} Result
 * @typedef {import('./measure.mjs').Row} Row
 *
 * @typedef {object} Report the content of docs/benchmarks.json
 * @property {string} date
 * @property {{ readonly processor: string, readonly cores: number, readonly gigabytes: number, readonly system: string }} machine
 * @property {Readonly<Record<string, string>>} versions
 * @property {readonly string[]} absent peers
 * @property {readonly Result[]} results
 */

const BEGIN = '<!-- benchmarks: begin -->';
const END = '<!-- benchmarks: end -->';

/** Returns a page with the tables between its markers, not yet formatted. @type {(page: string, report: Report) => string} */
export function withTables(page, report) {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the page lacks ${BEGIN} or ${END}`);
  return `${before}${BEGIN}\n\n${summary(report)}\n\n${tables(report.results)}\n\n${END}${after}`;
}

/** @type {(report: Report) => string} */
function summary({ date, machine, versions, absent }) {
  const { processor, cores, gigabytes, system } = machine;
  const tools = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const missing = absent.length === 0 ? '' : ` Not installed, and so not measured: ${absent.join(', ')}.`;
  return `Measured on ${date}: ${processor}, ${cores} cores, ${gigabytes} GB, ${system}; ${tools.join(', ')}.${missing}`;
}

/** The tables of all results. @type {(results: readonly Result[]) => string} */
export function tables(results) {
  return results
    .map((result) => `### ${titleOf(result)}\n\n${table(result)}${failures(result)}`)
    .join('\n\n');
}

/** @type {(result: Result) => string} */
export function titleOf({ title, roundTrip, rows }) {
  const counts = rows.some((row) => row.counts !== undefined);
  const start = `${title.charAt(0).toUpperCase()}${title.slice(1)}`;
  if (!counts) return start;
  return `${start}, ${roundTrip === 0 ? 'loopback' : `round trip ${roundTrip} ms`}`;
}

/** Reports whether a row is that of another program. @param {Row} row */
export function isPeer({ tool }) {
  return tool !== FLOOR && !tool.startsWith('multiarch ');
}

/** @type {(result: Result) => string} */
function table({ rows }) {
  const measured = rows.filter(({ failure }) => failure === undefined);
  const best = Math.min(...measured.filter(isPeer).map(({ milliseconds = 0 }) => milliseconds));
  const floor = measured.find(({ tool }) => tool === FLOOR)?.milliseconds;
  const counts = measured.some((row) => row.counts !== undefined);
  const columns = ['tool', 'wall time', 'of the best peer', 'of the floor', 'processor', 'memory'];
  const head = counts ? [...columns, 'requests', 'connections', 'parallel', 'sequential'] : columns;
  const lines = measured.map(({ tool, milliseconds = 0, processor = 0, megabytes = 0, counts: counted }) => [
    tool,
    `${(milliseconds / 1000).toFixed(2)} s`,
    ratio(milliseconds, best),
    ratio(milliseconds, floor),
    processor === 0 ? '–' : `${(processor / 1000).toFixed(2)} s`,
    megabytes === 0 ? '–' : `${megabytes} MB`,
    ...(counts
      ? [counted?.requests, counted?.connections, counted?.parallel, counted?.sequential].map(
          (count) => `${count ?? '–'}`,
        )
      : []),
  ]);
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...lines.map(line),
  ].join('\n');
}

/** @type {(milliseconds: number, other: number | undefined) => string} */
function ratio(milliseconds, other) {
  return other === undefined || !Number.isFinite(other) ? '–' : `${(milliseconds / other).toFixed(2)} ×`;
}

/** @type {(result: Result) => string} */
function failures({ rows }) {
  const failed = rows.flatMap(({ tool, failure }) =>
    failure === undefined
      ? []
      : [`${tool} failed: \`${failure.replaceAll(/\s+/g, ' ').replaceAll('`', "'")}\``],
  );
  return failed.length === 0 ? '' : `\n\n${failed.join('\n\n')}`;
}
