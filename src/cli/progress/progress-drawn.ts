import type { Writable } from 'node:stream';

import type { Ora } from 'ora';

import type { WorkEvent } from '../../content/events.js';
import { stepLine } from './step-line.js';
import { Transfers } from './transfers.js';
import type { Progress } from '../output/output.js';

/** What is done before this shows no spinner: it would flash, and loading it would take longer than the work. */
const START_MILLISECONDS = 200;
/** A chunk of a blob is 64 kB; drawing for each of them would cost more than sending it. */
const REDRAW_MILLISECONDS = 100;
/** More lines than the terminal has rows cannot be taken away again. */
const MOST_LINES = 8;

/** One spinner with the blobs that are under way below it. Finished steps stay above it, but for blobs, which are counted. */
export class DrawnProgress implements Progress {
  readonly #stream: Writable;
  readonly #color: boolean;
  readonly #transfers = new Transfers();
  #spinner: Ora | undefined;
  #timer: NodeJS.Timeout;
  #stopped = false;

  constructor(stream: Writable, { color }: { readonly color: boolean }) {
    this.#stream = stream;
    this.#color = color;
    this.#timer = setTimeout(() => void this.#start(), START_MILLISECONDS).unref();
  }

  show(event: WorkEvent): void {
    this.#transfers.take(event);
    // A blob was on the screen while it moved; hundreds of lines about them would push away what matters.
    const line = event.kind === 'blob-done' ? undefined : stepLine(event);
    if (line !== undefined) this.print(line);
  }

  print(line: string): void {
    // A spinner makes room for all that is written to its stream, and to stdout.
    this.#stream.write(`${line}\n`);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#spinner?.stop();
    this.#spinner = undefined;
  }

  async #start(): Promise<void> {
    const { default: ora } = await import('ora');
    if (this.#stopped) return;
    const spinner = ora({
      stream: this.#stream,
      // Whether to draw has been decided; ora would ask the process's own environment again.
      isEnabled: true,
      text: this.#text(),
      color: this.#color ? 'cyan' : false,
      // Keys stay with the terminal, so that Ctrl-C reaches this process as a signal.
      discardStdin: false,
      hideCursor: false,
    }).start();
    this.#spinner = spinner;
    this.#timer = setInterval(() => (spinner.text = this.#text()), REDRAW_MILLISECONDS).unref();
  }

  #text(): string {
    const lines = this.#transfers.lines();
    const more = lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more`] : [];
    const summary = this.#transfers.summary();
    const first = summary === '' ? 'Working' : `Working: ${summary}`;
    return [first, ...lines.slice(0, MOST_LINES), ...more].join('\n  ');
  }
}
