import { createHash } from 'node:crypto';

/** Random numbers that a text determines. Equal texts give equal numbers, whatever else is drawn. */
export class Dice {
  readonly #seed: string;
  #draws = 0;

  constructor(...seed: readonly (string | number)[]) {
    this.#seed = seed.join('|');
  }

  /** In [0, 1). */
  next(): number {
    this.#draws += 1;
    const bytes = createHash('sha256').update(`${this.#seed}|${this.#draws}`).digest();
    return bytes.readUInt32BE(0) / 2 ** 32;
  }

  /** Reports `true` with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from 0 to below the limit. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }

  /** Some of the values, in their order. */
  some<T>(list: readonly T[], probability: number): T[] {
    return list.filter(() => this.chance(probability));
  }
}
