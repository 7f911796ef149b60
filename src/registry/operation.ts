import type { Selector } from '../content/source.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { formatReference, type Repository } from '../oci/reference.js';

/** What is being done, for the messages of what goes wrong. */
export interface Operation {
  readonly verb: 'read' | 'write';
  readonly what: 'manifest' | 'blob';
  /** In full: `docker.io/library/app:1.2`, `docker.io/library/app@sha256:…`. */
  readonly name: string;
  readonly repository: Repository;
  /** Layers of a document to write that may not be distributed, and so were not sent before it. @default none */
  readonly leftBehind?: ReadonlySet<Digest>;
}

export function manifestOperation(
  verb: Operation['verb'],
  repository: Repository,
  selector: Selector,
): Operation {
  const selected = isDigest(selector) ? { digest: selector } : { tag: selector };
  return { verb, what: 'manifest', name: formatReference({ ...repository, ...selected }), repository };
}

export function blobOperation(verb: Operation['verb'], repository: Repository, digest: Digest): Operation {
  return { verb, what: 'blob', name: formatReference({ ...repository, digest }), repository };
}
