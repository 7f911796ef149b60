import { REF_NAME } from '../../oci/descriptor.js';
import { digestOf, type Digest } from '../../oci/digest.js';
import { detectKind, type DocumentKind } from '../../oci/document-kind.js';
import { InvalidError, type Problem } from '../../oci/errors.js';
import { isJsonObject, parseJson } from '../../oci/json.js';
import { readImageIndex, type ImageIndexJson } from '../../oci/image-index.js';
import { parseDocument } from '../../oci/parse.js';
import { validateDocument, validateForPublish } from '../../oci/validate.js';
import { counted } from './format.js';
import type { DocumentInput } from '../input/input.js';

/** What was found out about a document. */
export interface CheckedDocument {
  readonly kind: DocumentKind;
  readonly digest: Digest;
  /** How many things of which kind it holds: `2 manifests`. */
  readonly contents: string | undefined;
  /** None where it is valid. */
  readonly problems: readonly Problem[];
  /** What is valid, but would keep it from being published. Looked for only where it is valid. */
  readonly warnings: readonly Problem[];
}

/** A draft may hold what can still be mended before it is published. */
const MENDABLE = 'platform/incomplete';

const LISTS: Readonly<Partial<Record<DocumentKind, readonly [member: string, noun: string]>>> = {
  'image-index': ['manifests', 'manifest'],
  'docker-manifest-list': ['manifests', 'manifest'],
  'image-manifest': ['layers', 'layer'],
  draft: ['entries', 'entry'],
};

/**
 * Checks a document by its schema and by the rules.
 * @param as what it is to be; else what it says it is
 * @throws InvalidError with the problems, where it is not JSON or none of the documents that are known
 */
export function checkDocument(
  { label, bytes }: DocumentInput,
  as: DocumentKind | undefined,
): CheckedDocument {
  const value = parseJson(bytes, label);
  const kind = as ?? detectKind(value);
  if (kind === undefined) throw unknownKind({ label, bytes });
  const found = validateDocument(kind, value);
  const isProblem = ({ rule }: Problem): boolean => kind !== 'draft' || rule !== MENDABLE;
  const problems = found.filter(isProblem);
  const warnings = found.filter((problem) => !isProblem(problem));
  return {
    kind,
    digest: digestOf(bytes),
    contents: contentsOf(kind, value),
    problems,
    warnings: problems.length === 0 ? [...warnings, ...publishProblems(kind, value)] : warnings,
  };
}

/** What keeps an index from being published. The entries of a layout's `index.json` are tags, which need no platform. */
function publishProblems(kind: DocumentKind, value: unknown): Problem[] {
  if (kind !== 'image-index' && kind !== 'docker-manifest-list') return [];
  const index = readImageIndex(value as ImageIndexJson);
  const isLayout = index.manifests.some(({ annotations }) => annotations?.[REF_NAME] !== undefined);
  return isLayout ? [] : validateForPublish(index);
}

function contentsOf(kind: DocumentKind, value: unknown): string | undefined {
  const [member, noun] = LISTS[kind] ?? [];
  const list = member !== undefined && isJsonObject(value) ? value[member] : undefined;
  if (noun === undefined || !Array.isArray(list)) return undefined;
  return counted(list.length, noun);
}

/** Reading it as a manifest tells best what it is instead. */
function unknownKind({ label, bytes }: DocumentInput): unknown {
  try {
    parseDocument(bytes, { label });
    return new InvalidError(`${label} is none of the documents that are known here`);
  } catch (error) {
    if (!(error instanceof InvalidError)) return error;
    const hint = error.hint ?? 'Say what it is to be with --as.';
    return new InvalidError(error.message, { hint, problems: error.problems });
  }
}
