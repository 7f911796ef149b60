/**
 * Progress, statistics and the request log on stderr.
 *
 * Offers event-lines, pending-requests, progress, stats.
 * @module cli/progress
 */
import type { Writable } from 'node:stream';

import type { WorkEvent } from '../../content/events.js';
import type { GlobalOptions } from '../global-options.js';
import type { Progress } from '../output/output.js';
import { shownMessage } from '../output/shown-text.js';
import { mayColor, type Terminal } from '../output/terminal.js';
import { DrawnProgress } from './drawn-progress.js';
import { stepLine } from './event-lines.js';
import { Transfers } from './transfers.js';

/** Returns drawn progress on a terminal, else plain lines; none if so requested. */
export function startProgress(options: GlobalOptions, terminal: Terminal): Progress {
  const { stdout, stderr, env } = terminal;
  if (options.quiet || options.progress === 'none') {
    return { show: () => {}, print: (line) => void stderr.write(`${shownMessage(line)}\n`), stop: () => {} };
  }
  const progress =
    options.progress === 'plain' || !canDraw(terminal)
      ? new PlainProgress(stderr)
      : new DrawnProgress(stderr, { color: mayColor(stderr, env) });
  // The result lists the pushed children; on the same screen they would appear twice.
  const hidesChildren = stdout.isTTY === true && !options.json;
  return {
    show: (event) => {
      if (!hidesChildren || event.kind !== 'child-pushed') progress.show(event);
    },
    print: (line) => progress.print(line),
    stop: () => progress.stop(),
  };
}

/** ora hangs on a terminal that reports no columns, and would draw into the logs of CI systems. */
function canDraw({ stderr, env }: Terminal): boolean {
  const { CI = '', TERM } = env;
  return (
    stderr.isTTY === true && (stderr.columns ?? 0) > 0 && (CI === '' || CI === 'false') && TERM !== 'dumb'
  );
}

/** In milliseconds. CI systems end jobs that print nothing for minutes, and people assume a hang much earlier. */
const HEARTBEAT = 10_000;

/** Prints one line for each finished step, and a heartbeat during long ones. */
class PlainProgress implements Progress {
  readonly #stream: Writable;
  readonly #transfers = new Transfers();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(stream: Writable) {
    this.#stream = stream;
    this.#heartbeat = setInterval(() => {
      const lines = this.#transfers.lines();
      const summary = this.#transfers.summary();
      // Not every long step is a transfer: layers are compressed, sources are waited for.
      if (lines.length === 0) lines.push('still working');
      for (const line of summary === '' ? lines : [...lines, summary]) this.print(`… ${line}`);
    }, HEARTBEAT).unref();
  }

  show(event: WorkEvent): void {
    this.#transfers.add(event);
    const line = stepLine(event);
    if (line !== undefined) this.print(line);
  }

  print(line: string): void {
    this.#stream.write(`${shownMessage(line)}\n`);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
  }
}
