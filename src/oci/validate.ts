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
 * Validates a document against its schema and the semantic rules.
 * @param value parsed JSON
 * @returns all mistakes. Where both report the same location, only those of the rules, which are more specific.
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
 * Returns the problems that prevent publishing an index: those of {@link validateDocument}, images without a platform
 * (`platform/missing`), and an empty index (`index/empty`). Entries of the same platform are `platform/duplicate`.
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
 * Returns the error for an invalid document. Its message has the first problem, its `problems` all of them.
 * @param label the name of the document in the message
 */
export function invalidDocument(label: string, problems: readonly Problem[], hint?: string): InvalidError {
  const [first, ...others] = problems.map(formatProblem);
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new InvalidError(`${label} is not valid: ${first ?? 'no reason given'}${more}`, { hint, problems });
}

/** Formats a problem on one line, location first. The document itself is `it`. */
export function formatProblem({ pointer, message }: Problem): string {
  return `${pointer === '' ? 'it' : pointer} ${message}`;
}
