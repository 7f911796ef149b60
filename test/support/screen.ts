import { Writable } from 'node:stream';

const SEQUENCE = '\u001B\\[([\\d;?]*)([A-Za-z])';
const PARTS = new RegExp(`${SEQUENCE}|[^]`, 'gu');

/**
 * A terminal that shows what is written to it, as far as spinners use terminals: lines, the cursor, clearing. It throws
 * on anything else, so that what a test sees is what a person would.
 */
export class Screen extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows = 30;
  /** All that was written, control sequences included. */
  written = '';
  readonly #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor({ columns = 80 }: { readonly columns?: number } = {}) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  /** What it shows now, without spaces at the ends of lines and empty lines at its own end. */
  get text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  override _write(chunk: string | Buffer, _encoding: string, callback: () => void): void {
    const text = String(chunk);
    this.written += text;
    for (const [part] of text.matchAll(PARTS)) this.#show(part);
    callback();
  }

  // What a tty.WriteStream has.
  cursorTo(column: number): boolean {
    return this.write(`\u001B[${column + 1}G`);
  }

  moveCursor(_dx: number, dy: number): boolean {
    return dy < 0 ? this.write(`\u001B[${-dy}A`) : true;
  }

  clearLine(_direction: number): boolean {
    return this.write('\u001B[0K');
  }

  #show(part: string): void {
    const [, parameters = '', letter = ''] = new RegExp(`^${SEQUENCE}$`).exec(part) ?? [];
    if (part === '\n') {
      this.#row += 1;
      this.#column = 0;
      this.#lines[this.#row] ??= '';
    } else if (letter === 'G') {
      this.#column = Number(parameters) - 1;
    } else if (letter === 'A') {
      this.#row = Math.max(0, this.#row - Number(parameters));
    } else if (letter === 'K' && parameters === '0') {
      this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
    } else if (part.startsWith('\u001B')) {
      // Colours and synchronised output change nothing that is read.
      if (letter !== 'm' && !parameters.startsWith('?2026'))
        throw new Error(`unknown: ${JSON.stringify(part)}`);
    } else {
      const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
      this.#lines[this.#row] = line.slice(0, this.#column) + part + line.slice(this.#column + part.length);
      this.#column += part.length;
    }
  }
}
