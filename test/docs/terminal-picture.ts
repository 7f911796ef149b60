// The picture of a terminal in the README: real runs of the command, drawn as an SVG for light and dark pages.
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { amd64, arm64 } from '../support/images.js';
import { runInProcess } from '../support/run.js';
import { tinyIndex } from '../support/tiny-image.mjs';
import { Session } from './session.js';

const [HOST, PATH] = ['ghcr.io', 'acme/app'];
const IMAGE = `${HOST}/${PATH}`;
const COMMANDS = [
  `multiarch create ${IMAGE}:1.2 ${IMAGE}:1.2-amd64 ${IMAGE}:1.2-arm64`,
  `multiarch push --tag latest --require linux/amd64,linux/arm64 --purge ${IMAGE}:1.2`,
  `multiarch inspect --format table ${IMAGE}:latest`,
];
/** Several reads at once could end in any order. */
const ONE_AFTER_THE_OTHER = { MULTIARCH_CONCURRENCY: '1' };
/** The time of the runs: three hours after the images were created. */
const NOW = Date.parse('2024-01-01T00:00:00Z') + 3 * 3_600_000;

/** In characters. */
const COLUMNS = 100;
/** In pixels. */
const [CHARACTER, LINE, MARGIN] = [7.25, 18, 16];

const STYLE = `
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #1f2328 }
rect { fill: #f6f8fa; stroke: #d1d9e0 }
.bold { font-weight: 600 } .dim { fill: #59636e }
.red { fill: #cf222e } .green { fill: #1a7f37 } .yellow { fill: #9a6700 } .cyan { fill: #0550ae }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } rect { fill: #151b23; stroke: #3d444d }
.dim { fill: #9198a1 }
.red { fill: #ff7b72 } .green { fill: #3fb950 } .yellow { fill: #d29922 } .cyan { fill: #79c0ff }
}`;

/** The classes of the control sequences that picocolors writes (ECMA-48, "Select graphic rendition"). */
const CLASSES: Readonly<Record<string, string>> = {
  1: 'bold',
  2: 'dim',
  31: 'red',
  32: 'green',
  33: 'yellow',
  36: 'cyan',
};

const ESCAPE = '\u001B';
const COLOR = new RegExp(`${ESCAPE}\\[(\\d+)m`);

/** Runs the commands and returns the SVG. */
export async function terminalPicture(): Promise<string> {
  const { now: dateNow } = Date;
  const session = await Session.start(HOST);
  for (const [architecture, image] of Object.entries({ amd64, arm64 })) {
    session.registry.put(PATH, tinyIndex([image], { attestations: true }), `1.2-${architecture}`);
  }
  try {
    Date.now = () => NOW;
    const lines: string[] = [];
    for (const command of COMMANDS) {
      lines.push(`\u001B[32m$\u001B[39m ${command}`, ...(await outputOf(command, session)));
    }
    return svg(lines);
  } finally {
    Date.now = dateNow;
    await session.stop();
  }
}

/** The lines of a command on a terminal with colours, without drawn progress. */
async function outputOf(command: string, session: Session): Promise<string[]> {
  const screen = new PassThrough();
  const output = text(screen);
  const [, ...args] = command.split(' ');
  const terminal = {
    stdout: Object.assign(screen, { isTTY: true, columns: COLUMNS }),
    stderr: new PassThrough().on('data', (chunk: Buffer) => screen.write(chunk)),
    stdin: Readable.from([]),
    env: { ...session.sandbox.env, ...ONE_AFTER_THE_OTHER, TERM: 'xterm' },
  };
  const real = args.map((arg) => session.toReal(arg));
  const code = await runInProcess(real, { terminal, cwd: session.directory });
  if (code !== 0) throw new Error(`${command}: ended with ${code}`);
  screen.end();
  return session
    .toWritten(await output)
    .trimEnd()
    .split('\n');
}

/** Converts the control sequences of a line to elements. */
function drawn(line: string): string {
  let current: string | undefined;
  return line
    .split(COLOR)
    .map((part, at) => {
      if (at % 2 === 1) {
        current = CLASSES[part];
        return '';
      }
      return part === '' || current === undefined
        ? escaped(part)
        : `<tspan class="${current}">${escaped(part)}</tspan>`;
    })
    .join('');
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function svg(lines: readonly string[]): string {
  const columns = Math.max(
    COLUMNS,
    ...lines.map((line) => line.replaceAll(new RegExp(COLOR, 'g'), '').length),
  );
  const [width, height] = [Math.ceil(columns * CHARACTER) + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const rows = lines.map((line, at) =>
    line === '' ? '' : `<text x="${MARGIN}" y="${MARGIN + (at + 1) * LINE - 5}">${drawn(line)}</text>\n`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>A terminal: create, push and inspect of an index with two platforms</title>
<style>${STYLE}
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${rows.join('')}</svg>
`;
}
