import type { DocumentKind } from './document-kind.js';
import { InvalidError } from './errors.js';
import type { Problem } from './errors.js';
import type { ImageIndex } from './image-index.js';
import { isJsonObject } from './json.js';
import {
  checkDuplicatePlatforms,
  checkMissingPlatforms,
  checkPlatformNames,
  checkSharedPlatforms,
  checkVariant,
} from './index-rules.js';
import { manifestWarnings } from './manifest-warnings.js';
import { DOCKER_LIST } from './media-type.js';
import { isNullMember, withoutNullMembers } from './null-members.js';
import { checkRules } from './rules.js';
import { schemaProblems, schemaRule } from './schema-problems.js';
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

/** The kinds that this program defines. Their files have no null, unlike those that Go programs write. */
const OWN_KINDS: ReadonlySet<DocumentKind> = new Set(['draft', 'assembly']);

/** The number of mistakes that are reported of a document: 8 MiB can have more than a million. */
const MAX_PROBLEMS = 1000;

const NONE: ReadonlySet<string> = new Set();

/**
 * Validates a document against its schema and the semantic rules. A member that is null is absent.
 * @param json parsed JSON
 * @param tolerated the rules whose mistakes are ignored
 * @returns the mistakes; of more than {@link MAX_PROBLEMS} the first, and one that says so. Where both report the same
 *   location, only those of the rules, which are more specific.
 */
export function validateDocument(
  kind: DocumentKind,
  json: unknown,
  tolerated: ReadonlySet<string> = NONE,
): Problem[] {
  const value = OWN_KINDS.has(kind) ? json : withoutNullMembers(json);
  const bySchema = SCHEMAS[kind];
  const errors = bySchema(value) ? [] : (bySchema.errors ?? []);
  const isReported = ({ rule }: Problem): boolean => !tolerated.has(rule);
  const problems = checkRules(kind, value);
  const covered = new Set(problems.map(({ pointer }) => pointer));
  const found = [
    ...schemaProblems(
      limited(errors, (error) => !tolerated.has(schemaRule(error)) && !covered.has(error.instancePath)),
    )
      .filter(isReported)
      .filter(({ pointer }) => !covered.has(pointer)),
    ...problems.filter(isReported),
  ];
  if (found.length <= MAX_PROBLEMS) return found;
  const message = `has more than ${MAX_PROBLEMS} mistakes, of which the others are not listed`;
  return [...found.slice(0, MAX_PROBLEMS), { pointer: '', message, rule: 'document/mistakes' }];
}

/** Returns the errors, or of very many the first of those that are reported. */
function limited(
  errors: readonly schemas.SchemaError[],
  isReported: (error: schemas.SchemaError) => boolean,
): readonly schemas.SchemaError[] {
  return errors.length <= MAX_PROBLEMS ? errors : errors.filter(isReported).slice(0, MAX_PROBLEMS + 1);
}

/** Validates the configuration file of the command against its schema. @param json parsed YAML or JSON */
export function validateConfiguration(json: unknown): Problem[] {
  return schemas.config(json) ? [] : schemaProblems(schemas.config.errors ?? []);
}

/**
 * Returns what a valid document should not have, although most clients accept it: null that its specification does not
 * allow, platforms that clients do not look for, entries that only annotations tell apart, an image without layers or
 * with media types of OCI and Docker.
 * @param value parsed JSON
 */
export function documentWarnings(kind: DocumentKind, value: unknown): Problem[] {
  const check = WARNINGS[kind];
  return [...nullProblems(kind, value), ...(check?.(withoutNullMembers(value)) ?? [])];
}

const WARNINGS: Readonly<Partial<Record<DocumentKind, (value: unknown) => Problem[]>>> = {
  'image-index': indexWarnings,
  'docker-manifest-list': indexWarnings,
  'image-manifest': manifestWarnings,
  'image-config': (config) => [
    ...checkVariant('', { platform: config }),
    ...checkPlatformNames('', { platform: config }),
  ],
  descriptor: (value) => checkPlatformNames('/platform', value),
};

function indexWarnings(value: unknown): Problem[] {
  const manifests = isJsonObject(value) && Array.isArray(value['manifests']) ? value['manifests'] : [];
  return [
    ...manifests.flatMap((entry: unknown, index) =>
      checkPlatformNames(`/manifests/${index}/platform`, entry),
    ),
    ...checkSharedPlatforms(manifests),
  ];
}

function nullProblems(kind: DocumentKind, value: unknown): Problem[] {
  const isValid = SCHEMAS[kind];
  if (OWN_KINDS.has(kind) || isValid(value)) return [];
  const invalid = new Set((isValid.errors ?? []).map(({ instancePath }) => instancePath));
  return [...invalid]
    .filter((pointer) => isNullMember(value, pointer))
    .map((pointer) => ({ pointer, message: 'is null, which is read as absent', rule: 'json/null' }));
}

/**
 * Returns the problems that prevent publishing an index: those of {@link validateDocument}, images without a platform
 * (`platform/missing`), and an empty index (`index/empty`). Entries of the same platform are `platform/duplicate`.
 */
export function validateForPublish(index: ImageIndex): Problem[] {
  const kind = index.mediaType === DOCKER_LIST ? 'docker-manifest-list' : 'image-index';
  const problems = [
    ...validateDocument(kind, index),
    ...checkDuplicatePlatforms(index.manifests),
    ...checkMissingPlatforms(index.manifests),
  ];
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
