import type { Writable } from 'node:stream';

import type { Ora } from 'ora';

import type { WorkEvent } from '../../content/events.js';
import type { Progress } from '../output/output.js';
import { writeRecord, type LogRecord } from '../output/log.js';
import { shownLine } from '../output/shown-text.js';
import { Steps } from './steps.js';
import { Transfers } from './transfers.js';

/** In milliseconds. Shorter work shows no spinner: it would only flash, and ora takes time to load. */
const START_DELAY = 200;
/** In milliseconds. To redraw for each 64 kB chunk of a blob would take longer than sending it. */
const REDRAW_INTERVAL = 100;
/** Lines beyond the rows of the terminal could not be erased. */
const MAX_LINES = 8;

/** Draws a spinner and the running transfers below it. Prints finished steps above it, except for blobs, which it counts. */
export class DrawnProgress implements Progress {
  readonly #stream: Writable;
  readonly #color: boolean;
  readonly #transfers = new Transfers();
  readonly #steps = new Steps();
  #spinner: Ora | undefined;
  #timer: NodeJS.Timeout;
  #stopped = false;

  constructor(stream: Writable, { color }: { readonly color: boolean }) {
    this.#stream = stream;
    this.#color = color;
    this.#timer = setTimeout(() => void this.#start(), START_DELAY).unref();
  }

  show(event: WorkEvent): void {
    this.#transfers.add(event);
    // Hundreds of lines about blobs would push other output off the screen.
    const record = event.kind === 'blob-done' ? undefined : this.#steps.next(event);
    if (record !== undefined) this.log(record);
  }

  log(record: LogRecord): void {
    // ora redraws around other output on its stream and on stdout.
    writeRecord(this.#stream, record, 'text');
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#spinner?.stop();
    this.#spinner = undefined;
  }

  async #start(): Promise<void> {
    const { ora } = await import('./ora-library.js');
    if (this.#stopped) return;
    const spinner = ora({
      stream: this.#stream,
      // Already decided; by default ora checks the environment of the process.
      isEnabled: true,
      text: this.#text(),
      color: this.#color ? 'cyan' : false,
      // Otherwise ora reads stdin in raw mode and Ctrl-C is no signal.
      discardStdin: false,
      hideCursor: false,
    }).start();
    this.#spinner = spinner;
    this.#timer = setInterval(() => (spinner.text = this.#text()), REDRAW_INTERVAL).unref();
  }

  #text(): string {
    const lines = this.#transfers.lines();
    const more = lines.length > MAX_LINES ? [`and ${lines.length - MAX_LINES} more`] : [];
    const summary = this.#transfers.summary();
    const first = summary === '' ? 'Working' : `Working: ${summary}`;
    return [first, ...lines.slice(0, MAX_LINES), ...more].map((line) => shownLine(line)).join('\n  ');
  }
}
