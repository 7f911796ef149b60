import stringWidth from './columns.js';
import type { Screen } from './terminal.js';

/** A digest, or a tag that cosign and referrers lists derive from one. */
const DIGEST = /(?:sha\d{3}|blake3)[:-][0-9a-f]{32,}/;
const DIGESTS = new RegExp(DIGEST, 'g');
/** The digits that remain of a shortened digest: usually, and on a very narrow screen. */
const DIGITS = { usual: 12, least: 4 };
/** In columns: nothing is laid out for a narrower screen. */
const MIN_WIDTH = 32;

/** The columns that lines may have. */
export function usableWidth({ width }: Pick<Screen, 'width'>): number {
  return Math.max(width, MIN_WIDTH);
}

/** Shortens the digests in a text: `sha256:0366c72f89ab…`. @param width of the text, if it is very small */
export function withShortDigests(text: string, { ellipsis }: Screen['symbols'], width = Infinity): string {
  return text.replaceAll(DIGESTS, (digest) => {
    const start = digest.search(/[:-]/) + 1;
    const room = width - start - ellipsis.length;
    const digits = Math.min(DIGITS.usual, Math.max(DIGITS.least, room));
    return `${digest.slice(0, start + digits)}${ellipsis}`;
  });
}

/**
 * Breaks a text into lines of at most this width: after white space, else after punctuation, else anywhere. A digest is
 * never split: one that does not fit on a line is shortened.
 */
export function wrap(text: string, width: number, symbols: Screen['symbols']): string[] {
  if (stringWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const piece of piecesOf(text, width, symbols)) {
    if (line !== '' && stringWidth(line + piece.trimEnd()) > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += line === '' ? piece.trimStart() : piece;
  }
  return line.trim() === '' ? lines : [...lines, line.trimEnd()];
}

/** The pieces of a text that fit on a line. Words come first: `a/b c/d` is broken at the space if that is enough. */
function piecesOf(text: string, width: number, symbols: Screen['symbols']): string[] {
  const fits = (piece: string): boolean => stringWidth(piece.trimEnd()) <= width;
  return (
    text
      // A number and its unit stay together.
      .split(/(?<=\s)(?=\S)(?!\d?(?:B|[kMGT]B)\b)/)
      .flatMap((word) => (fits(word) ? [word] : digestsApart(word)))
      .flatMap((part) => {
        if (fits(part)) return [part];
        if (DIGEST.test(part)) return [withShortDigests(part, symbols, width)];
        return part
          .split(/(?<=[/,;@?&=+._-])/)
          .flatMap((piece) => (fits(piece) ? [piece] : chunks(piece, width)));
      })
  );
}

/** Splits a text before and after each digest. */
function digestsApart(text: string): string[] {
  return text.split(new RegExp(`(${DIGEST.source})`)).filter((part) => part !== '');
}

/** Splits a text anywhere, but not inside a character. */
function chunks(text: string, width: number): string[] {
  const parts: string[] = [];
  let part = '';
  for (const character of text) {
    if (part !== '' && stringWidth(part + character) > width) {
      parts.push(part);
      part = '';
    }
    part += character;
  }
  return [...parts, part];
}
