import type { DocumentKind } from './document-kind.js';
import { InvalidError } from './errors.js';
import type { Problem } from './errors.js';
import type { ImageIndex } from './image-index.js';
import { checkMissingPlatforms } from './index-rules.js';
import { DOCKER_LIST } from './media-type.js';
import { checkRules } from './rules.js';
import { schemaProblems } from './schema-problems.js';
import * as schemas from './schemas.generated.js';

const SCHEMAS: Readonly<Record<DocumentKind, schemas.Validator>> = {
  'image-index': schemas.imageIndex,
  'docker-manifest-list': schemas.dockerManifestList,
  'image-manifest': schemas.imageManifest,
  'image-config': schemas.imageConfig,
  descriptor: schemas.descriptor,
  'oci-layout': schemas.ociLayout,
  draft: schemas.draft,
  assembly: schemas.assembly,
};

/**
 * Everything that is wrong with a document, by its schema and by the semantic rules.
 * @param value As read from JSON.
 * @returns Nothing when the document is valid. Where both object to the same place, the rules do so in better words.
 */
export function validateDocument(kind: DocumentKind, value: unknown): Problem[] {
  const bySchema = SCHEMAS[kind];
  const valid = bySchema(value);
  const problems = checkRules(kind, value);
  if (valid) return problems;
  const covered = new Set(problems.map(({ pointer }) => pointer));
  return [
    ...schemaProblems(bySchema.errors ?? []).filter(({ pointer }) => !covered.has(pointer)),
    ...problems,
  ];
}

/**
 * Everything that keeps an index from being published: what {@link validateDocument} finds, images that say no
 * platform (`platform/missing`), an empty index (`index/empty`). Entries of the same platform are `platform/duplicate`.
 */
export function validateForPublish(index: ImageIndex): Problem[] {
  const kind = index.mediaType === DOCKER_LIST ? 'docker-manifest-list' : 'image-index';
  const problems = [...validateDocument(kind, index), ...checkMissingPlatforms(index.manifests)];
  if (index.manifests.length === 0) {
    problems.push({ pointer: '/manifests', message: 'has no entries', rule: 'index/empty' });
  }
  return problems;
}

/**
 * The error for an invalid document: the first problem in words, all of them as data.
 * @param label What the message calls the document.
 */
export function invalidDocument(label: string, problems: readonly Problem[], hint?: string): InvalidError {
  const [first, ...others] = problems.map(formatProblem);
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new InvalidError(`${label} is not valid: ${first ?? 'no reason given'}${more}`, { hint, problems });
}

/** One line: where, then what. The document itself is `it`. */
export function formatProblem({ pointer, message }: Problem): string {
  return `${pointer === '' ? 'it' : pointer} ${message}`;
}
