/**
 * Progress, statistics and the request log on stderr.
 *
 * Offers event-records, pending-requests, progress, stats.
 * @module cli/progress
 */
import type { Writable } from 'node:stream';

import type { WorkEvent } from '../../content/events.js';
import type { GlobalOptions } from '../global-options.js';
import { logFilter, writeRecord, type LogFormat, type LogRecord } from '../output/log.js';
import type { Progress } from '../output/output.js';
import { mayColor, type Terminal } from '../output/terminal.js';
import { DrawnProgress } from './drawn-progress.js';
import { Steps } from './steps.js';
import { Transfers } from './transfers.js';

/** Returns drawn progress on a terminal, else lines; none if so requested. */
export function startProgress(
  options: GlobalOptions,
  terminal: Terminal,
  format: LogFormat | undefined = options['log-format'],
): Progress {
  const { stdout, stderr, env } = terminal;
  const shows = logFilter(options);
  if (options.progress === 'none' || !shows({ level: 'info' })) {
    return { show: () => {}, log: (record) => writeRecord(stderr, record, format), stop: () => {} };
  }
  const progress =
    options.progress === 'plain' || format === 'json' || format === 'github' || !canDraw(terminal)
      ? new PlainProgress(stderr, format)
      : new DrawnProgress(stderr, { color: mayColor(stderr, env) });
  // The result lists the pushed children; on the same screen they would appear twice.
  const hidesChildren = stdout.isTTY === true && !options.json && format !== 'json';
  return {
    show: (event) => {
      if (!hidesChildren || event.kind !== 'child-pushed') progress.show(event);
    },
    log: (record) => progress.log(record),
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
  readonly #format: LogFormat | undefined;
  readonly #transfers = new Transfers();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #steps = new Steps();

  constructor(stream: Writable, format: LogFormat | undefined) {
    this.#stream = stream;
    this.#format = format;
    this.#heartbeat = setInterval(() => {
      const lines = this.#transfers.lines();
      const summary = this.#transfers.summary();
      // Not every long step is a transfer: layers are compressed, sources are waited for.
      if (lines.length === 0) lines.push(this.#steps.current);
      for (const message of summary === '' ? lines : [...lines, summary]) {
        this.log({ level: 'info', event: 'progress', message, text: `… ${message}` });
      }
    }, HEARTBEAT).unref();
  }

  show(event: WorkEvent): void {
    this.#transfers.add(event);
    const record = this.#steps.next(event);
    if (record !== undefined) this.log(record);
  }

  log(record: LogRecord): void {
    writeRecord(this.#stream, record, this.#format);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
  }
}
