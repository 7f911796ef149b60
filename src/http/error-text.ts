import type { Readable } from 'node:stream';

import { isJsonObject } from '../oci/json.js';
import { printable, type RegistryErrorDetail } from '../oci/errors.js';
import type { HttpResponse } from './message.js';
import { redactUrl, REDACTED } from './redact.js';

/** The size of an error response's body that is read, in bytes. */
export const MAX_ERROR_BYTES = 64 * 1024;
const MAX_TEXT_LENGTH = 400;
/** The limit of several errors together. */
const MAX_ERRORS_LENGTH = 1_200;
const MAX_DETAIL_DEPTH = 4;

/** What a server says about an error. All of it can be printed: without control characters, and clipped. */
export interface ErrorText {
  /** The errors that have a code (distribution-spec, "Error Codes"; RFC 6749, section 5.2). */
  readonly errors: readonly RegistryErrorDetail[];
  /** The errors or any other text, in one line; `""` if there is none. */
  readonly text: string;
}

/** Reads the text of an error response, which may be the response to a HEAD, and frees its connection. */
export async function readErrorText(response: HttpResponse): Promise<ErrorText> {
  const body = response.request.method === 'HEAD' ? '' : await readErrorBody(response.body);
  response.discard();
  return parseErrorText(body);
}

/**
 * Reads the body of an error response as text. A body that breaks off is read up to there, because the status is known
 * and decides; one above {@link MAX_ERROR_BYTES} counts as empty.
 */
export async function readErrorBody(body: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_ERROR_BYTES) return '';
    }
  } catch {
    // See above.
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Parses the body of an error response, whatever its Content-Type: JSON in the form of the specification, of OAuth
 * (RFC 6749, section 5.2), of AWS (`__type`), of Docker Hub (`details`) or of the docker daemon (`message`), other JSON,
 * HTML, or plain text.
 */
export function parseErrorText(body: string): ErrorText {
  const value = parseJson(body);
  if (!isJsonObject(value)) {
    return { errors: [], text: clippedLine(typeof value === 'string' ? value : withoutMarkup(body)) };
  }
  const { errors: list, error_description: description, details, detail, message, error } = value;
  const code = error ?? value['__type'];
  const parts = [description, details, detail, message, isJsonObject(error) ? error : undefined];
  const other = parts.map(valueText).find((text) => text !== '');
  const errors = Array.isArray(list)
    ? list.flatMap(errorDetail)
    : typeof code === 'string'
      ? errorDetail({ code, message: other ?? '' })
      : [];
  if (Array.isArray(list) || errors.length > 0) {
    return {
      errors,
      text: clippedLine([...new Set(errors.map(formatDetail))].join('; '), MAX_ERRORS_LENGTH),
    };
  }
  return { errors, text: clippedLine(other ?? (Object.keys(value).length === 0 ? '' : body)) };
}

/** Returns a server's text in one line, without control characters, and clipped. */
export function clippedLine(text: string, limit = MAX_TEXT_LENGTH): string {
  const line = printable(text);
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

/** Parses JSON; `undefined` for other text. The parser's error would quote the text, which may contain a secret. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorDetail(item: unknown): RegistryErrorDetail[] {
  if (typeof item === 'string') return errorDetail({ message: item });
  if (!isJsonObject(item)) return [];
  const { code, message, detail } = item;
  if (typeof code !== 'string' && typeof message !== 'string') return [];
  return [
    {
      code: typeof code === 'string' ? clippedLine(code) : 'UNKNOWN',
      message: typeof message === 'string' ? clippedLine(message) : '',
      ...(detail === undefined || detail === null ? {} : { detail: printableDetail(detail) }),
    },
  ];
}

/** Any JSON value with every string in it made printable. Deeper levels are dropped. */
function printableDetail(detail: unknown, depth = 0): unknown {
  if (typeof detail === 'string') return clippedLine(detail);
  if (typeof detail !== 'object' || detail === null) return detail;
  if (depth === MAX_DETAIL_DEPTH) return undefined;
  if (Array.isArray(detail)) return detail.map((item) => printableDetail(item, depth + 1));
  return Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [printable(key), printableDetail(value, depth + 1)]),
  );
}

function formatDetail({ code, message, detail }: RegistryErrorDetail): string {
  const text = message === '' ? code : `${code}: ${message}`;
  const more = clippedLine(valueText(detail));
  return more === '' || text.includes(more) ? text : `${text}; ${more}`;
}

/** Members whose text needs no name. */
const TEXT_MEMBERS: ReadonlySet<string> = new Set([
  'description',
  'detail',
  'details',
  'error',
  'errors',
  'message',
  'msg',
  'reason',
]);
const SECRET_MEMBER = /token|password|secret|credential|authori[sz]ation|signature/i;

/** Returns the text of a JSON value, without secrets: `mediaType: application/x, reference: 1.2` for an object. */
function valueText(value: unknown): string {
  if (typeof value === 'string') return value.replaceAll(/\bhttps?:\/\/[^\s"'<>]+/g, redactUrlText).trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return joined(value.map(valueText));
  if (!isJsonObject(value)) return '';
  return joined(
    Object.entries(value).map(([name, member]) => {
      const text = SECRET_MEMBER.test(name) ? REDACTED : valueText(member);
      return text === '' || TEXT_MEMBERS.has(name.toLowerCase()) ? text : `${name}: ${text}`;
    }),
  );
}

function joined(texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(', ');
}

function redactUrlText(text: string): string {
  return URL.canParse(text) ? redactUrl(new URL(text)) : REDACTED;
}

/** The elements whose content is no text for people. */
const HIDDEN_ELEMENT = /^<(script|style|head)\b/i;

/** Removes the tags of HTML or XML in one pass. An element or tag that does not end is removed to the end of the text. */
function withoutMarkup(text: string): string {
  if (!/^\s*(<!doctype|<html|<\?xml)/i.test(text)) return text;
  const lower = text.toLowerCase();
  const parts: string[] = [];
  let position = 0;
  while (position < text.length) {
    const open = text.indexOf('<', position);
    if (open === -1) return [...parts, text.slice(position)].join(' ');
    parts.push(text.slice(position, open));
    const hidden = HIDDEN_ELEMENT.exec(lower.slice(open, open + 10))?.[1];
    const end = hidden === undefined ? '>' : `</${hidden}>`;
    const close = lower.indexOf(end, open);
    position = close === -1 ? text.length : close + end.length;
  }
  return parts.join(' ');
}
