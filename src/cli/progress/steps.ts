import type { WorkEvent } from '../../content/events.js';
import type { LogRecord } from '../output/log.js';
import { stepRecord } from './event-records.js';

/** The steps of a run. Missing sources are polled again and again, but are one step until one of them appears. */
export class Steps {
  #awaited = '';

  /** Returns the record of a step that is new; `undefined` for other events. */
  next(event: WorkEvent): LogRecord | undefined {
    const sources = event.kind === 'waiting' ? event.sources.join(', ') : '';
    if (event.kind === 'waiting' && sources === this.#awaited) return undefined;
    const record = stepRecord(event);
    if (record !== undefined) this.#awaited = sources;
    return record;
  }

  /** What is in progress, if it is no transfer. */
  get current(): string {
    return this.#awaited === '' ? 'still working' : `waiting for ${this.#awaited}`;
  }
}
