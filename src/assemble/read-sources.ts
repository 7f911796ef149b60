import type { Selector, Source } from '../content/source.js';
import {
  CancelledError,
  isMultiarchError,
  LimitError,
  SourcesError,
  type MultiarchErrors,
} from '../oci/errors.js';
import { readSource, type ReadSourceOptions, type SourceEntry, type SourceImages } from './read-source.js';

/** A source to read. */
export interface SourceRequest {
  readonly source: Source;
  readonly selector: Selector;
  /** Its name in messages. */
  readonly label: string;
  /** Throws if the source does not have the wanted entries. */
  readonly check?: ((entries: readonly SourceEntry[]) => void) | undefined;
  /** Returns the error to report for one that a read threw. */
  readonly explain?: ((error: unknown) => Promise<unknown>) | undefined;
}

/**
 * Reads all sources concurrently and returns their images in the order given. Reads all even if one fails, so that one
 * run reports all errors.
 *
 * @throws the error of the source that failed, or {@link SourcesError} for several; CancelledError and LimitError alone
 */
export async function readSources(
  requests: readonly SourceRequest[],
  options: ReadSourceOptions = {},
): Promise<SourceImages[]> {
  const results = await Promise.allSettled(requests.map((request) => readChecked(request, options)));
  const images: SourceImages[] = [];
  const errors: MultiarchErrors[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') images.push(result.value);
    else if (isFatal(result.reason) || !isMultiarchError(result.reason)) throw result.reason;
    else errors.push(result.reason);
  }
  const [first, ...others] = errors;
  if (first === undefined) return images;
  if (others.length === 0) throw first;
  throw new SourcesError([first, ...others], requests.length);
}

/** Reports whether an error is not about its source: all sources would fail with it. */
function isFatal(error: unknown): boolean {
  return error instanceof CancelledError || error instanceof LimitError;
}

async function readChecked(
  { source, selector, label, check, explain }: SourceRequest,
  options: ReadSourceOptions,
): Promise<SourceImages> {
  try {
    const images = await readSource(source, selector, label, options);
    check?.(images.entries);
    return images;
  } catch (error) {
    throw explain === undefined ? error : await explain(error);
  }
}
