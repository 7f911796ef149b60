import type { RecordingOptions, RecordingServer } from './recording-server.js';

/** What must have arrived, unanswered yet, before any of it is answered. */
export interface Round {
  readonly requests: number;
  /** Connections that must be open as well by then. @default any number */
  readonly connections?: number;
}

/**
 * Answers requests in rounds of a given size: nothing of a round is answered before all of it has arrived. A client that
 * gets through has proved that it needs no more round trips than there are rounds, whatever the clock says. One that
 * sends less at once never gets an answer. What comes after the last round is answered at once.
 */
export class Rounds {
  #rounds: readonly Round[] = [];
  #server: RecordingServer | undefined;
  #current = 0;
  #waiting: (() => void)[] = [];
  #open = 0;
  #most = 0;

  constructor(rounds: readonly (Round | number)[] = []) {
    this.expect(rounds);
  }

  /** Answers what comes from now on in these rounds, and counts anew. */
  expect(rounds: readonly (Round | number)[]): void {
    this.#rounds = rounds.map((round) => (typeof round === 'number' ? { requests: round } : round));
    this.#current = 0;
    this.#most = 0;
  }

  /** How a server is told to answer in these rounds. */
  readonly fault: NonNullable<RecordingOptions['fault']> = async (_, next) => {
    this.#open += 1;
    this.#most = Math.max(this.#most, this.#open);
    await this.#turn();
    const answer = await next();
    this.#open -= 1;
    return answer;
  };

  /** Needed where a round asks for connections: the server that counts them. */
  watch(server: RecordingServer): void {
    this.#server = server;
  }

  /** Rounds that were complete, so were answered. */
  get completed(): number {
    return this.#current;
  }

  /** The most requests that were unanswered at one moment. */
  get mostAtOnce(): number {
    return this.#most;
  }

  async #turn(): Promise<void> {
    const round = this.#rounds[this.#current];
    if (round === undefined) return;
    const turn = new Promise<void>((wake) => this.#waiting.push(wake));
    if (this.#waiting.length === round.requests) void this.#complete(round);
    await turn;
  }

  async #complete({ connections = 0 }: Round): Promise<void> {
    // Connections make no event that could be waited for here; how long they take does not matter.
    while ((this.#server?.connections ?? 0) < connections) await new Promise(setImmediate);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#current += 1;
    for (const wake of waiting) wake();
  }
}
