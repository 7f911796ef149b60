import { readDescriptor, type Descriptor, type DescriptorJson } from '../oci/descriptor.js';
import { detectKind } from '../oci/document-kind.js';
import { InvalidError, type Problem } from '../oci/errors.js';
import { readImageIndex, type ImageIndexJson } from '../oci/image-index.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import { DOCKER_LIST, OCI_INDEX } from '../oci/media-type.js';
import { withoutNullMembers } from '../oci/null-members.js';
import { validateDocument } from '../oci/validate.js';
import type { Assembly, AssemblyImage } from './assembly.js';

/** A JSON file with the descriptors for an index. */
export interface DescriptorFile {
  /** Empty if {@link assembly} may be called. */
  readonly problems: readonly Problem[];
  /** Returns the images by digest. They are in the target's repository, which the file does not name. */
  assembly(): Assembly;
}

/** The rules that `create` only warns of, so that `annotate` can correct the draft before `push`. */
const WARNINGS = new Set(['platform/incomplete']);

/** Further descriptors of a list with more problems are not checked. */
const MAX_PROBLEMS = 1000;

/** The members that only OCI and Docker documents have. */
const DOCUMENT_MEMBERS = ['schemaVersion', 'mediaType', 'digest'];

/**
 * Parses an image index or Docker manifest list, one descriptor, or an array of descriptors: the files that
 * `docker buildx imagetools create -f` accepts.
 * @param label its name in messages
 * @returns `undefined` if the text is none of these
 * @throws InvalidError for a duplicate member, or a document of another kind, such as an image
 */
export function readDescriptorFile(text: string, label: string): DescriptorFile | undefined {
  if (!isDescribed(tryJson(text))) return undefined;
  // Stricter than JSON.parse: rejects duplicate members, and nesting so deep that the next steps would overflow the stack.
  const value = withoutNullMembers(parseJson(Buffer.from(text), label));
  if (Array.isArray(value)) return fromDescriptors(value);
  const kind = detectKind(value);
  if (kind === 'image-index' || kind === 'docker-manifest-list') {
    return fromIndex(value, validateDocument(kind, value).filter(isProblem));
  }
  if (kind === 'descriptor') {
    return { problems: validateDocument(kind, value).filter(isProblem), assembly: () => assemblyOf([value]) };
  }
  const what = kind === 'image-manifest' ? 'an image manifest' : 'another kind of document';
  throw new InvalidError(`${label} is ${what}, not an image index or a list of descriptors`, {
    hint: 'Push the image itself, and use it as a source.',
  });
}

/** Reports whether a value may be one of these documents. A member that is null is absent. */
function isDescribed(value: unknown): boolean {
  if (!isJsonObject(value)) return Array.isArray(value);
  const has = (name: string): boolean => (value[name] ?? undefined) !== undefined;
  return !has('target') && DOCUMENT_MEMBERS.some(has);
}

function fromIndex(value: unknown, problems: readonly Problem[]): DescriptorFile {
  const { manifests } = value as { readonly manifests?: unknown };
  const isEmpty = manifests === null || (Array.isArray(manifests) && manifests.length === 0);
  const empty: Problem = { pointer: '/manifests', message: 'has no entries', rule: 'index/empty' };
  return {
    problems: isEmpty ? [...problems, empty] : problems,
    assembly() {
      const { mediaType, artifactType, subject, annotations, ...index } = readImageIndex(
        value as ImageIndexJson,
      );
      return {
        tags: [],
        require: [],
        images: index.manifests.map(imageOf),
        ...(mediaType === DOCKER_LIST && { format: 'docker' as const }),
        ...(mediaType === OCI_INDEX && { format: 'oci' as const }),
        ...(artifactType !== undefined && { artifactType }),
        ...(subject !== undefined && { subject }),
        ...(annotations !== undefined && { annotations }),
      };
    },
  };
}

function fromDescriptors(list: readonly unknown[]): DescriptorFile {
  const problems: Problem[] = [];
  if (list.length === 0) problems.push({ pointer: '', message: 'has no descriptors', rule: 'index/empty' });
  for (const [index, value] of list.entries()) {
    // Each of 500,000 values can have several.
    if (problems.length > MAX_PROBLEMS) break;
    for (const problem of validateDocument('descriptor', value).filter(isProblem)) {
      problems.push({ ...problem, pointer: `/${index}${problem.pointer}` });
    }
  }
  return { problems, assembly: () => assemblyOf(list) };
}

function assemblyOf(descriptors: readonly unknown[]): Assembly {
  const images = descriptors.map((json) => imageOf(readDescriptor(json as DescriptorJson)));
  return { tags: [], require: [], images };
}

function imageOf(descriptor: Descriptor): AssemblyImage {
  return { source: descriptor.digest, descriptor };
}

function isProblem({ rule }: Problem): boolean {
  return !WARNINGS.has(rule);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
