import type { Writable } from 'node:stream';

import type { WorkEvent } from '../../content/events.js';
import { stepLine } from './step-line.js';
import { Transfers } from './transfers.js';
import type { Progress } from '../output/output.js';

/** CI systems end a job that is silent for minutes, and people think that it hangs well before. */
const HEARTBEAT_MILLISECONDS = 10_000;

/** One line for each finished step, and a sign of life while a long one runs. */
export class PlainProgress implements Progress {
  readonly #stream: Writable;
  readonly #transfers = new Transfers();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(stream: Writable) {
    this.#stream = stream;
    this.#heartbeat = setInterval(() => {
      const lines = this.#transfers.lines();
      const summary = this.#transfers.summary();
      // Not all that takes long is a transfer: layers are compressed, sources are waited for.
      if (lines.length === 0) lines.push('still working');
      for (const line of summary === '' ? lines : [...lines, summary]) this.print(`… ${line}`);
    }, HEARTBEAT_MILLISECONDS).unref();
  }

  show(event: WorkEvent): void {
    this.#transfers.take(event);
    const line = stepLine(event);
    if (line !== undefined) this.print(line);
  }

  print(line: string): void {
    this.#stream.write(`${line}\n`);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
  }
}
