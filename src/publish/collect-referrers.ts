import { findReferrers, type Referrer } from '../content/find-referrers.js';
import { unlimited } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { NotFoundError } from '../oci/errors.js';
import type { CopyGraphOptions } from './copy-graph.js';

/** The levels of referrers of referrers. The signature of an image's SBOM is the second; more than this may be a loop. */
const MAX_DEPTH = 6;

/** A manifest or index whose referrers are looked up, and the source to ask. */
export interface Subject {
  readonly digest: Digest;
  readonly source: Source;
}

/** A referrer whose manifest has been read. */
export interface CollectedReferrer extends Referrer {
  readonly document: ManifestOrIndex;
  readonly source: Source;
}

/**
 * Reads the referrers of these subjects, and the referrers of those: each digest once, and each cosign tag once, from the
 * first source that has it. All subjects of a level are looked up in parallel.
 *
 * Referrers that a source lists but does not have, or that have another subject, are skipped with a warning.
 *
 * @throws what the sources throw
 */
export async function collectReferrers(
  subjects: readonly Subject[],
  options: CopyGraphOptions = {},
): Promise<readonly CollectedReferrer[]> {
  const collected = new Map<string, CollectedReferrer>();
  const asked = new Map<Source, Set<Digest>>();
  let level = unasked(subjects, asked);
  for (let depth = 0; level.length > 0 && depth < MAX_DEPTH; depth += 1) {
    const found = (await Promise.all(level.map((subject) => readReferrers(subject, options)))).flat();
    const fresh = found.filter((referrer) => addOnce(collected, referrer, options));
    level = unasked(
      fresh.map(({ descriptor: { digest }, source }) => ({ digest, source })),
      asked,
    );
  }
  return [...collected.values()];
}

function unasked(subjects: readonly Subject[], asked: Map<Source, Set<Digest>>): Subject[] {
  return subjects.filter(({ digest, source }) => {
    const known = asked.get(source) ?? new Set();
    if (known.has(digest)) return false;
    asked.set(source, known.add(digest));
    return true;
  });
}

async function readReferrers(subject: Subject, options: CopyGraphOptions): Promise<CollectedReferrer[]> {
  const { source, digest } = subject;
  const referrers = await findReferrers(source, digest, options);
  const read = await Promise.all(
    referrers.map(async (referrer): Promise<CollectedReferrer[]> => {
      const document = await readReferrer(subject, referrer, options);
      return document === undefined ? [] : [{ ...referrer, document, source }];
    }),
  );
  return read.flat();
}

async function readReferrer(
  { source, digest: subject }: Subject,
  { descriptor, cosign }: Referrer,
  { limit = unlimited, signal, onEvent }: CopyGraphOptions,
): Promise<ManifestOrIndex | undefined> {
  const skip = (why: string): undefined => {
    const message = `skipping referrer ${descriptor.digest} of ${subject}: ${why}`;
    onEvent?.({ kind: 'warning', message });
  };
  try {
    const document = await limit(() => readChild(source, descriptor, { signal, allowKept: false }));
    // Cosign's manifests have no `subject`: their tag names it.
    if (cosign !== undefined || document.value.subject?.digest === subject) return document;
    return skip(
      `${source.label} lists it, but its subject is ${document.value.subject?.digest ?? 'not set'}`,
    );
  } catch (error) {
    if (error instanceof NotFoundError) return skip(`${source.label} lists it, but does not have it`);
    throw error;
  }
}

/** Returns whether it is new. */
function addOnce(
  collected: Map<string, CollectedReferrer>,
  referrer: CollectedReferrer,
  { onEvent }: CopyGraphOptions,
): boolean {
  const { cosign, descriptor, source } = referrer;
  const key = cosign?.tag ?? descriptor.digest;
  const known = collected.get(key);
  if (known === undefined) {
    collected.set(key, referrer);
    return true;
  }
  if (known.descriptor.digest !== descriptor.digest) {
    const message = `${known.source.label} and ${source.label} have different content under ${key}: using ${known.descriptor.digest}, skipping ${descriptor.digest}`;
    onEvent?.({ kind: 'warning', message });
  }
  return false;
}
