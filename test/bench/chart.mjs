import { isPeer, titleOf } from './report.mjs';
import { FLOOR } from './tools.mjs';

const [WIDTH, LABELS, VALUES, BAR, GAP, TITLE] = [760, 250, 70, 14, 6, 34];

/** Colours for light and dark pages, each with a contrast of at least 3 to 1 to its background. */
const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 13px; }
.ours { fill: #0969da; } .peer { fill: #818b98; } .floor { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .ours { fill: #4493f8; } .peer { fill: #7d8590; } .floor { fill: #3fb950; }
}`;

/**
 * Draws the wall time of each tool as a bar, one panel for each result.
 *
 * @param {import('./report.mjs').Report} report
 * @returns {string} an SVG document
 */
export function chart({ date, results }) {
  /** @type {string[]} */
  const parts = [];
  let y = 0;
  for (const result of results) {
    const rows = result.rows.filter(({ failure }) => failure === undefined);
    const longest = Math.max(...rows.map(({ milliseconds = 0 }) => milliseconds), 1);
    parts.push(`<text class="title" x="0" y="${y + 20}">${escaped(titleOf(result))}</text>`);
    y += TITLE;
    for (const row of rows) {
      const { tool, milliseconds = 0 } = row;
      const width = Math.max(1, Math.round((milliseconds / longest) * (WIDTH - LABELS - VALUES)));
      const kind = isPeer(row) ? 'peer' : tool === FLOOR ? 'floor' : 'ours';
      const middle = y + BAR - 3;
      parts.push(
        `<text x="${LABELS - 8}" y="${middle}" text-anchor="end">${escaped(tool)}</text>`,
        `<rect class="${kind}" x="${LABELS}" y="${y}" width="${width}" height="${BAR}" rx="2"/>`,
        `<text x="${LABELS + width + 6}" y="${middle}">${(milliseconds / 1000).toFixed(2)} s</text>`,
      );
      y += BAR + GAP;
    }
    y += GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-labelledby="title description">`,
    `<title id="title">Wall time of multiarch and other tools</title>`,
    `<desc id="description">${escaped(description(results))} Measured on ${date}.</desc>`,
    `<style>${STYLE}\n</style>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

/** The same as text, for those who do not see the chart. @param {readonly import('./measure.mjs').Result[]} results */
function description(results) {
  const sentences = results.map((result) => {
    const times = result.rows.map(({ tool, milliseconds }) =>
      milliseconds === undefined ? `${tool} failed` : `${tool} ${(milliseconds / 1000).toFixed(2)} s`,
    );
    return `${titleOf(result)}: ${times.join(', ')}.`;
  });
  return sentences.join(' ');
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
