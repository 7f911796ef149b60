import type { Selector, Source } from '../content/source.js';
import { CancelledError, MultiarchError, type ErrorKind } from '../oci/errors.js';
import { readSource, type ReadSourceOptions, type SourceEntry, type SourceImages } from './read-source.js';

/** One source to read: where, what, and how messages call it. */
export interface SourceRequest {
  readonly source: Source;
  readonly selector: Selector;
  readonly label: string;
  /** Throws where the source does not give what is wanted of it. */
  readonly check?: ((entries: readonly SourceEntry[]) => void) | undefined;
}

/** Several sources could not be used. Its kind is that of the first of them in the order given. */
export class SourcesError extends MultiarchError {
  readonly kind: ErrorKind;
  readonly errors: readonly MultiarchError[];

  constructor(errors: readonly [MultiarchError, ...MultiarchError[]], total: number) {
    const lines = errors.map(
      (error) => `\n  ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`,
    );
    super(`${errors.length} of ${total} sources cannot be used:${lines.join('')}`);
    this.kind = errors[0].kind;
    this.errors = errors;
  }
}

/**
 * Reads all sources at once and answers in the order given. All are tried even when one fails, so that one run
 * reports everything there is to mend.
 *
 * @throws the error of the source that failed, be it to be read or its check, or {@link SourcesError} where several did
 */
export async function readSources(
  requests: readonly SourceRequest[],
  options: ReadSourceOptions = {},
): Promise<SourceImages[]> {
  const results = await Promise.allSettled(requests.map((request) => readChecked(request, options)));
  const images: SourceImages[] = [];
  const errors: MultiarchError[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') images.push(result.value);
    else if (result.reason instanceof CancelledError || !(result.reason instanceof MultiarchError))
      throw result.reason;
    else errors.push(result.reason);
  }
  const [first, ...others] = errors;
  if (first === undefined) return images;
  if (others.length === 0) throw first;
  throw new SourcesError([first, ...others], requests.length);
}

async function readChecked(
  { source, selector, label, check }: SourceRequest,
  options: ReadSourceOptions,
): Promise<SourceImages> {
  const images = await readSource(source, selector, label, options);
  check?.(images.entries);
  return images;
}
