import type { FakeServerOptions, FakeServer } from './fake-server.js';

/** The requests that must be pending before the server responds to any of them. */
export interface Round {
  readonly requests: number;
  /** The number of connections that must be open, too. @default any number */
  readonly connections?: number;
}

/**
 * Responds to requests in rounds: the responses of a round are sent after all of its requests have arrived. A client that
 * completes has proved, without a clock, that it needs no more round trips than there are rounds. A client that sends fewer
 * concurrent requests never gets a response. Requests after the last round get a response immediately.
 */
export class Rounds {
  #rounds: readonly Round[] = [];
  #server: FakeServer | undefined;
  #current = 0;
  #waiting: (() => void)[] = [];
  #open = 0;
  #most = 0;

  constructor(rounds: readonly (Round | number)[] = []) {
    this.expect(rounds);
  }

  /** Responds to later requests in these rounds, and resets the counts. */
  expect(rounds: readonly (Round | number)[]): void {
    this.#rounds = rounds.map((round) => (typeof round === 'number' ? { requests: round } : round));
    this.#current = 0;
    this.#most = 0;
  }

  /** The `fault` option of a server that responds in these rounds. */
  readonly fault: NonNullable<FakeServerOptions['fault']> = async (_, next) => {
    this.#open += 1;
    this.#most = Math.max(this.#most, this.#open);
    await this.#turn();
    const answer = await next();
    this.#open -= 1;
    return answer;
  };

  /** Sets the server that counts connections. Needed for rounds with `connections`. */
  watch(server: FakeServer): void {
    this.#server = server;
  }

  /** The number of completed rounds. */
  get completed(): number {
    return this.#current;
  }

  /** The largest number of concurrent requests. */
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
    // There is no event for new connections.
    while ((this.#server?.connections ?? 0) < connections) await new Promise(setImmediate);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#current += 1;
    for (const wake of waiting) wake();
  }
}
