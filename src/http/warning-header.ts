import { clippedLine } from './error-text.js';

/** The code of warnings for people, and an unknown agent: the only form that the specification allows. */
const WARNING = /\b299 - "((?:[^"\\]|\\.)*)"/gs;

/**
 * Returns the texts of the warnings in a `Warning` header, which may hold several (distribution-spec, "Warnings"; RFC 7234,
 * section 5.5). They can be printed: without control characters, and clipped. Other forms, such as `110 - "Response is
 * Stale"` of a cache, are left out.
 * @param value the header as node gives it: bytes as Latin-1
 */
export function parseWarnings(value: string | undefined): readonly string[] {
  const text = Buffer.from(value ?? '', 'latin1').toString('utf8');
  return Array.from(text.matchAll(WARNING), ([, quoted = '']) =>
    clippedLine(quoted.replaceAll(/\\(.)/gs, '$1')),
  ).filter((warning) => warning !== '');
}
