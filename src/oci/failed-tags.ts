import { type FailedTag, type MultiarchError } from './errors.js';

/**
 * Adds to an error what the tags point to that the failed call had moved, to its member and to its message.
 * @returns the same error, so that its class and stack are kept
 */
export function withFailedTags<E extends MultiarchError>(error: E, tags: readonly FailedTag[]): E {
  if (tags.length === 0) return error;
  const lines = tags.map((tag) => `\n  ${describeFailedTag(tag)}`);
  return Object.assign(error, { message: error.message + lines.join(''), tags });
}

/** Describes a tag after a failure, with the command that moves it back, if it can be moved back. */
export function describeFailedTag({ reference, outcome, digest, previous }: FailedTag): string {
  const now = digest ?? 'no image';
  switch (outcome) {
    case 'restored':
      return digest === undefined
        ? `${reference} was created, and is deleted again`
        : `${reference} points to ${digest} again`;
    case 'replaced':
      return `${reference} points to ${now}: another client has changed it since`;
    case 'unknown':
      return `${reference} cannot be read: it points to ${[previous ?? 'no image', now].join(' or ')}`;
    case 'moved':
      if (previous === undefined) return `${reference} points to ${now}; no image of it was known before`;
      return `${reference} points to ${now}, and before to ${previous}${moveBackHint(reference, previous)}`;
  }
}

/** The command that moves a tag to an image of the same repository or layout. An archive keeps no untagged image. */
function moveBackHint(reference: string, digest: string): string {
  if (reference.startsWith('oci-archive:')) return '; an archive keeps no untagged image';
  const repository = reference.slice(0, reference.lastIndexOf(':'));
  return `; to move it back: multiarch copy ${repository}@${digest} ${reference}`;
}
