import type { HttpResponse } from '../../http/message.js';
import { type RegistryErrorDetail, printable } from '../../oci/errors.js';
const BODY_LIMIT = 64 << 10;
const WORDS_LIMIT = 400;

/** What a registry said about a failure, all of it fit to be printed. */
export interface ErrorBody {
  /** Empty where the answer is not in the specification's form. */
  readonly errors: readonly RegistryErrorDetail[];
  /** The registry's own words in one line; `""` where there are none. */
  readonly words: string;
}

/**
 * Reads the body of an error answer (distribution-spec, "Error Codes"): JSON in the specification's form, other JSON,
 * plain text or HTML, whatever Content-Type claims. At most 64 KiB are read. A body that breaks off counts as far as
 * it came: the status is known, and is what matters.
 */
export async function readErrorBody(response: HttpResponse): Promise<ErrorBody> {
  if (response.request.method === 'HEAD') {
    response.discard();
    return { errors: [], words: '' };
  }
  const text = (await readSome(response)).toString('utf8');
  const errors = errorDetails(text);
  if (errors.length > 0) return { errors, words: errors.map(formatDetail).join('; ') };
  return { errors: [], words: oneLine(text) };
}

async function readSome(response: HttpResponse): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= BODY_LIMIT) break;
    }
  } catch {
    // As far as it came.
  }
  response.discard();
  return Buffer.concat(chunks).subarray(0, BODY_LIMIT);
}

function errorDetails(text: string): RegistryErrorDetail[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const list = isObject(value) ? value['errors'] : undefined;
  return Array.isArray(list) ? list.flatMap(errorDetail) : [];
}

function errorDetail(item: unknown): RegistryErrorDetail[] {
  if (!isObject(item)) return [];
  const { code, message, detail } = item;
  if (typeof code !== 'string' && typeof message !== 'string') return [];
  return [
    {
      code: typeof code === 'string' ? printable(code) : 'UNKNOWN',
      message: typeof message === 'string' ? clip(printable(message)) : '',
      ...(detail === undefined || detail === null ? {} : { detail: printableDetail(detail) }),
    },
  ];
}

/** Any JSON value with every string in it made printable; what lies deeper than four levels is dropped. */
function printableDetail(detail: unknown, depth = 0): unknown {
  if (typeof detail === 'string') return clip(printable(detail));
  if (typeof detail !== 'object' || detail === null) return detail;
  if (depth === 4) return undefined;
  if (Array.isArray(detail)) return detail.map((item) => printableDetail(item, depth + 1));
  return Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [printable(key), printableDetail(value, depth + 1)]),
  );
}

function formatDetail({ code, message, detail }: RegistryErrorDetail): string {
  const words = message === '' ? code : `${code}: ${message}`;
  return typeof detail === 'string' && detail !== '' ? `${words}; ${detail}` : words;
}

function oneLine(text: string): string {
  const isPage = /^\s*(<!doctype|<html|<\?xml)/i.test(text);
  const bare = isPage
    ? text.replaceAll(/<(script|style|head)\b.*?<\/\1>/gis, ' ').replaceAll(/<[^>]*>/g, ' ')
    : text;
  return clip(printable(bare));
}

function clip(text: string): string {
  return text.length > WORDS_LIMIT ? `${text.slice(0, WORDS_LIMIT)}…` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
