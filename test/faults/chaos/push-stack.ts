type Digests = ReadonlyMap<string, string | undefined>;

interface Move {
  /** `undefined` if the tag did not exist. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** One push of a list: the tags that it has moved. */
interface Push {
  readonly moves: ReadonlyMap<string, Move>;
  /** Whether its command succeeded. The next push of the list finishes it otherwise, and both are undone together. */
  readonly isFinished: boolean;
}

/** The pushes of one list that undo can know, as the registry showed them. */
export class PushStack {
  readonly #pushes: Push[] = [];

  /** Adds a push that moved tags. */
  push(before: Digests, after: Digests, isFinished: boolean): void {
    const moved = [...after].filter(([tag, to]) => before.get(tag) !== to);
    if (moved.length === 0) return;
    const moves = new Map(moved.map(([tag, to]): [string, Move] => [tag, { from: before.get(tag), to }]));
    const last = this.#pushes.at(-1);
    if (last?.isFinished === false) {
      this.#pushes.pop();
      for (const [tag, { from, to }] of last.moves) {
        moves.set(tag, { from, to: moves.get(tag)?.to ?? to });
      }
    }
    this.#pushes.push({ moves, isFinished });
  }

  /** What the tags of the last push point to after an undo; `undefined` if it must be rejected. */
  expected(current: Digests): Digests | undefined {
    const { moves } = this.#pushes.at(-1) ?? { moves: new Map<string, Move>() };
    const isMoved = [...moves].some(([tag, { from, to }]) => ![from, to].includes(current.get(tag)));
    const previous = [...moves].filter(([, { from }]) => from !== undefined);
    if (isMoved || previous.length === 0) return undefined;
    return new Map(previous.map(([tag, { from }]) => [tag, from]));
  }

  /** Removes the push that was undone. */
  undo(): void {
    this.#pushes.pop();
  }
}
