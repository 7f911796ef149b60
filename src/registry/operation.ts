import type { Selector } from '../content/source.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { formatReference, formatRepository, parseTag, type Repository } from '../oci/reference.js';

/** What a request does, for error messages. */
export interface Operation {
  readonly verb: 'read' | 'write' | 'delete';
  readonly what: 'manifest' | 'blob' | 'tags';
  /** The full name: `docker.io/library/app:1.2`, `docker.io/library/app@sha256:…`. */
  readonly name: string;
  readonly repository: Repository;
  /** The tag or digest of a manifest. */
  readonly selector?: Selector;
  /** Non-distributable layers of a document that were not uploaded. @default none */
  readonly skippedLayers?: ReadonlySet<Digest>;
  /** The subject of a document, if it has one. */
  readonly subject?: Digest | undefined;
  /** What the repository lacks of the content that a document points to. @default what the registry says */
  readonly missing?: ReadonlySet<Digest>;
  /** Whether a document is an attestation or another artifact, not an image. @default false */
  readonly isArtifact?: boolean;
  /** The media type of the document. @default unknown */
  readonly mediaType?: string;
  /** The size of the request's body, in bytes. @default unknown */
  readonly sentBytes?: number;
}

/** Returns the operation on a manifest or index. @throws ArgumentError for a tag that only a layout can have */
export function manifestOperation(
  verb: Operation['verb'],
  repository: Repository,
  selector: Selector,
): Operation {
  const selected = isDigest(selector) ? { digest: selector } : { tag: parseTag(selector) };
  const name = formatReference({ ...repository, ...selected });
  return { verb, what: 'manifest', name, repository, selector };
}

/** Returns the operation that lists the tags of a repository. */
export function tagsOperation(repository: Repository): Operation {
  return { verb: 'read', what: 'tags', name: `the tags of ${formatRepository(repository)}`, repository };
}

/** Returns the operation on a blob. */
export function blobOperation(verb: Operation['verb'], repository: Repository, digest: Digest): Operation {
  return { verb, what: 'blob', name: formatReference({ ...repository, digest }), repository };
}
