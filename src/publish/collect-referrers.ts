import { findReferrers, type Referrer } from '../content/find-referrers.js';
import { unlimited } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { NotFoundError } from '../oci/errors.js';
import type { MoveOptions } from './move-content.js';

/** Signatures of SBOMs of images make two. More than this is nobody's, or does not end. */
const MAX_DEPTH = 6;

/** A manifest or index whose referrers are asked for, and where. */
export interface Subject {
  readonly digest: Digest;
  readonly source: Source;
}

/** What refers to a subject, read. */
export interface CollectedReferrer extends Referrer {
  readonly document: ManifestOrIndex;
  readonly source: Source;
}

/**
 * Reads all that refers to these subjects, and what refers to that in turn: each digest once, and each of cosign's tags
 * once, from the first source that has it. All subjects of a level are asked at once.
 *
 * What a source lists but does not hold, or what speaks of something else, is left out with a warning.
 *
 * @throws what the sources throw
 */
export async function collectReferrers(
  subjects: readonly Subject[],
  options: MoveOptions = {},
): Promise<readonly CollectedReferrer[]> {
  const collected = new Map<string, CollectedReferrer>();
  const asked = new Map<Source, Set<Digest>>();
  let level = notYetAsked(subjects, asked);
  for (let depth = 0; level.length > 0 && depth < MAX_DEPTH; depth += 1) {
    const found = (await Promise.all(level.map((subject) => readReferrers(subject, options)))).flat();
    const fresh = found.filter((referrer) => addOnce(collected, referrer, options));
    level = notYetAsked(
      fresh.map(({ descriptor: { digest }, source }) => ({ digest, source })),
      asked,
    );
  }
  return [...collected.values()];
}

function notYetAsked(subjects: readonly Subject[], asked: Map<Source, Set<Digest>>): Subject[] {
  return subjects.filter(({ digest, source }) => {
    const known = asked.get(source) ?? new Set();
    if (known.has(digest)) return false;
    asked.set(source, known.add(digest));
    return true;
  });
}

async function readReferrers(subject: Subject, options: MoveOptions): Promise<CollectedReferrer[]> {
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
  { limit = unlimited, signal, onEvent }: MoveOptions,
): Promise<ManifestOrIndex | undefined> {
  const leaveOut = (why: string): undefined => {
    const message = `${source.label} lists ${descriptor.digest} as referring to ${subject}, but ${why}: it is left out`;
    onEvent?.({ kind: 'warning', message });
  };
  try {
    const document = await limit(() => readChild(source, descriptor, { signal }));
    // Cosign's manifests name no subject: their tag does.
    if (cosign !== undefined || document.value.subject?.digest === subject) return document;
    return leaveOut(`it speaks of ${document.value.subject?.digest ?? 'nothing'}`);
  } catch (error) {
    if (error instanceof NotFoundError) return leaveOut('does not hold it');
    throw error;
  }
}

/** @returns whether it is new */
function addOnce(
  collected: Map<string, CollectedReferrer>,
  referrer: CollectedReferrer,
  { onEvent }: MoveOptions,
): boolean {
  const { cosign, descriptor, source } = referrer;
  const key = cosign?.tag ?? descriptor.digest;
  const known = collected.get(key);
  if (known === undefined) {
    collected.set(key, referrer);
    return true;
  }
  if (known.descriptor.digest !== descriptor.digest) {
    const message = `${known.source.label} and ${source.label} hold different content under ${key}: ${known.descriptor.digest} is taken, ${descriptor.digest} is left out`;
    onEvent?.({ kind: 'warning', message });
  }
  return false;
}
