import { Writable } from 'node:stream';

const SEQUENCE = '\u001B\\[([\\d;?]*)([A-Za-z])';
const PARTS = new RegExp(`${SEQUENCE}|[^]`, 'gu');

/**
 * A terminal that records its screen. It supports the control sequences of spinners: lines, cursor movement, clearing. It
 * throws on any other sequence.
 */
export class Screen extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows = 30;
  /** All output, including control sequences. */
  written = '';
  readonly #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor({ columns = 80 }: { readonly columns?: number } = {}) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  /** The current screen, without trailing spaces and trailing empty lines. */
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

  // The methods of tty.WriteStream.
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
      // Colours and synchronised output do not change the text.
      if (letter !== 'm' && !parameters.startsWith('?2026'))
        throw new Error(`unknown: ${JSON.stringify(part)}`);
    } else {
      const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
      this.#lines[this.#row] = line.slice(0, this.#column) + part + line.slice(this.#column + part.length);
      this.#column += part.length;
    }
  }
}
