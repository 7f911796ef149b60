import { readDescriptor, type Descriptor, type DescriptorJson } from '../oci/descriptor.js';
import { detectKind } from '../oci/document-kind.js';
import { InvalidError, type Problem } from '../oci/errors.js';
import { readImageIndex, type ImageIndexJson } from '../oci/image-index.js';
import { DUPLICATE_PLATFORM } from '../oci/index-rules.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import { DOCKER_LIST, OCI_INDEX } from '../oci/media-type.js';
import { validateDocument } from '../oci/validate.js';
import type { Assembly, AssemblyImage } from './assembly.js';

/** JSON that lists what an index is to hold. */
export interface DescriptorFile {
  /** None where {@link assembly} may be asked for. */
  readonly problems: readonly Problem[];
  /** Images by digest, which are in the repository of a target that the file does not name. */
  assembly(): Assembly;
}

/** What `create` warns of and `push` refuses, so that it can be mended in between. */
const MENDABLE = new Set([DUPLICATE_PLATFORM, 'platform/incomplete']);

/** Members that only a document of OCI or Docker has. */
const TELLING = ['schemaVersion', 'mediaType', 'digest'];

/**
 * Reads a ready image index or Docker manifest list, one descriptor, or an array of descriptors: what `docker buildx
 * imagetools create -f` takes.
 * @param label what messages call it
 * @returns `undefined` where the text is something else
 * @throws InvalidError where a member is named twice, or where it is a document of another kind, such as an image
 */
export function readDescriptorFile(text: string, label: string): DescriptorFile | undefined {
  const value = tryJson(text);
  if (Array.isArray(value)) return fromDescriptors(parseJson(Buffer.from(text), label) as unknown[]);
  if (!isJsonObject(value) || 'target' in value || !TELLING.some((name) => name in value)) return undefined;
  // Stricter: no member may be there twice.
  parseJson(Buffer.from(text), label);
  const kind = detectKind(value);
  if (kind === 'image-index' || kind === 'docker-manifest-list') {
    return fromIndex(value, validateDocument(kind, value).filter(isProblem));
  }
  if (kind === 'descriptor') {
    return { problems: validateDocument(kind, value).filter(isProblem), assembly: () => listed([value]) };
  }
  const what = kind === 'image-manifest' ? 'an image manifest' : 'another kind of document';
  throw new InvalidError(`${label} is ${what}, not an image index or a list of descriptors`, {
    hint: 'Push the image itself, and name it as a source.',
  });
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
  const problems =
    list.length === 0
      ? [{ pointer: '', message: 'lists no descriptors', rule: 'index/empty' }]
      : list.flatMap((value, index) =>
          validateDocument('descriptor', value)
            .filter(isProblem)
            .map((problem) => ({ ...problem, pointer: `/${index}${problem.pointer}` })),
        );
  return { problems, assembly: () => listed(list) };
}

function listed(descriptors: readonly unknown[]): Assembly {
  const images = descriptors.map((json) => imageOf(readDescriptor(json as DescriptorJson)));
  return { tags: [], require: [], images };
}

function imageOf(descriptor: Descriptor): AssemblyImage {
  return { source: descriptor.digest, descriptor };
}

function isProblem({ rule }: Problem): boolean {
  return !MENDABLE.has(rule);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
