import { isVerifiableDigest, type Digest } from '../oci/digest.js';
import { ArgumentError, InvalidError } from '../oci/errors.js';
import { formatImageLocation, withDigest, type ImageLocation } from '../oci/image-location.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import {
  formatReference,
  isTag,
  parseReference,
  sameRepository,
  withDefaultTag,
  type Reference,
} from '../oci/reference.js';
import type { AssemblyImage } from './assembly.js';

/** What the file of a build tool says. */
export interface BuildMetadata {
  /** The images that were built, in the order of the file. */
  readonly images: readonly BuiltImage[];
  /** The tags for the list: tags alone, or references. */
  readonly tags: readonly string[];
  /** The annotations, each as `--annotation` takes it: `index:KEY=VALUE`. */
  readonly annotations: readonly string[];
  /** The labels of the images. */
  readonly labels: Readonly<Record<string, string>>;
}

/** An image that a build tool has pushed. */
export interface BuiltImage {
  readonly digest: Digest;
  /** Checked against the image that is read. */
  readonly mediaType?: string;
  readonly size?: number;
  /** Where it was pushed to. Empty if the file does not say so. */
  readonly references: readonly Reference[];
}

type JsonObject = Readonly<Record<string, unknown>>;

/** A kind of JSON file. */
interface JsonKind {
  readonly name: string;
  readonly matches: (json: JsonObject) => boolean;
  readonly read: (json: JsonObject, label: string) => Partial<BuildMetadata>;
}

/** The maximum number of images in a file. */
const MAX_IMAGES = 1000;

const JSON_KINDS: readonly JsonKind[] = [
  { name: 'metadata of buildx build or BuildKit', matches: isBuild, read: readBuild },
  { name: 'metadata of buildx bake', matches: (json) => targetsOf(json).length > 0, read: readBake },
  { name: 'jib-image.json', matches: (json) => 'imageDigest' in json, read: readJib },
  { name: 'output of docker/metadata-action', matches: isMetadataAction, read: readMetadataAction },
];

const KINDS = `${JSON_KINDS.map(({ name }) => name).join(', ')}, a digest file of podman or kaniko, or references with digests of kaniko or ko`;

/**
 * Parses the file that a build tool leaves behind. Its kind is detected by its content: metadata of buildx, bake and
 * BuildKit, jib's `jib-image.json`, the JSON output of docker/metadata-action, a digest (podman, kaniko, jib), or lines of
 * references with digests (kaniko, ko).
 *
 * @param label the name of the file in messages
 * @param target the only target of bake's metadata that is read. @default all
 * @throws InvalidError for a target that the file does not have, another kind of file, and for invalid values
 */
export function parseBuildMetadata(text: string, label: string, target?: string): BuildMetadata {
  const plain = text.replace(/^\uFEFF/, '').trim();
  if (plain === '') throw new InvalidError(`${label} is empty`, { hint: `It can be ${KINDS}.` });
  const none = { images: [], tags: [], annotations: [], labels: {} };
  const metadata = { ...none, ...readMetadata(plain, label, target) };
  if (metadata.images.length > MAX_IMAGES) {
    throw new InvalidError(`${label} has more than the maximum of ${MAX_IMAGES} images`);
  }
  return metadata;
}

/**
 * Returns a built image as a source. Of several repositories that it was pushed to, that of the list is preferred: nothing
 * has to be copied from there.
 *
 * @param target the list
 * @param repository where the image is if the file does not say so. @default the repository of the list
 */
export function builtSource(
  { digest, mediaType, size, references }: BuiltImage,
  target: ImageLocation | undefined,
  repository: ImageLocation | undefined,
): AssemblyImage {
  const own = references.find(
    (reference) => target?.transport === 'registry' && sameRepository(reference, target.reference),
  );
  const reference = own ?? references[0];
  const location: ImageLocation | undefined =
    reference === undefined ? repository : { transport: 'registry', reference };
  return {
    source: location === undefined ? digest : formatImageLocation(withDigest(location, digest)),
    descriptor: {
      digest,
      ...(mediaType !== undefined && { mediaType }),
      ...(size !== undefined && { size }),
    },
  };
}

function readMetadata(text: string, label: string, target: string | undefined): Partial<BuildMetadata> {
  if (text.startsWith('{')) return readJson(text, label, target);
  if (target !== undefined) throw withoutTargets(label, target);
  return readLines(text, label);
}

function withoutTargets(label: string, target: string): InvalidError {
  return new InvalidError(`${label} has no targets, so it has no target ${JSON.stringify(target)}`, {
    hint: `Only metadata of buildx bake has targets. Leave out #${target}.`,
  });
}

function readJson(text: string, label: string, target: string | undefined): Partial<BuildMetadata> {
  const json = parseJson(Buffer.from(text), label);
  const kinds = isJsonObject(json) ? JSON_KINDS.filter(({ matches }) => matches(json)) : [];
  const [kind, other] = kinds;
  if (kind === undefined || other !== undefined || !isJsonObject(json)) {
    const what =
      other === undefined
        ? 'is not a file of a build tool that is known'
        : `can be ${kinds.map(({ name }) => name).join(' or ')}`;
    throw new InvalidError(`${label} ${what}`, {
      hint: `It can be ${KINDS}. An assembly file, an index and descriptors are given with -f.`,
    });
  }
  if (target === undefined) return kind.read(json, label);
  const targets = targetsOf(json);
  if (targets.length === 0) throw withoutTargets(label, target);
  const chosen = targets.filter(([name]) => name === target);
  if (chosen.length > 0) return kind.read(Object.fromEntries(chosen), label);
  throw new InvalidError(`${label} has no target ${JSON.stringify(target)}`, {
    hint: `Its targets are ${targets.map(([name]) => name).join(', ')}.`,
  });
}

function isBuild(json: JsonObject): boolean {
  return 'containerimage.digest' in json || 'containerimage.descriptor' in json;
}

/** Returns the targets of bake's metadata that built an image. Other members are warnings of the build. */
function targetsOf(json: JsonObject): (readonly [name: string, build: JsonObject])[] {
  if (isBuild(json)) return [];
  return Object.entries(json).flatMap(([name, build]) =>
    isJsonObject(build) && (isBuild(build) || 'buildx.build.ref' in build) ? [[name, build] as const] : [],
  );
}

function isMetadataAction(json: JsonObject): boolean {
  return Array.isArray(json['tags']) && (isJsonObject(json['labels']) || Array.isArray(json['annotations']));
}

/** Reads the metadata file of `docker buildx build`, `buildctl build` and `docker buildx imagetools create`. */
function readBuild(json: JsonObject, label: string): Partial<BuildMetadata> {
  const { 'containerimage.descriptor': descriptor, 'image.name': names } = json;
  const listed = isJsonObject(descriptor) ? descriptor : {};
  const digest = digestOf(json['containerimage.digest'] ?? listed['digest'], 'containerimage.digest', label);
  if (isJsonObject(descriptor) && listed['digest'] !== digest) {
    throw invalid(label, `containerimage.descriptor is not that of ${digest}`);
  }
  if (names !== undefined && typeof names !== 'string') throw invalid(label, 'image.name is not a string');
  const { mediaType, size } = listed;
  const references = (names ?? '').split(',').filter((name) => name.trim() !== '');
  return {
    images: [
      {
        digest,
        references: references.map((name) => referenceOf(name.trim(), 'image.name', label)),
        ...(typeof mediaType === 'string' && { mediaType }),
        ...(typeof size === 'number' && { size }),
      },
    ],
  };
}

function readBake(json: JsonObject, label: string): Partial<BuildMetadata> {
  const images = targetsOf(json).flatMap(([name, build]) => {
    const target = `${label}, target ${JSON.stringify(name)}`;
    if (isBuild(build)) return readBuild(build, target).images ?? [];
    throw new InvalidError(`${target}: no image was pushed`, { hint: 'Run bake with --push.' });
  });
  return { images };
}

function readJib({ image, imageDigest, imagePushed }: JsonObject, label: string): Partial<BuildMetadata> {
  if (imagePushed === false)
    throw new InvalidError(`${label}: the image was not pushed (imagePushed is false)`);
  if (typeof image !== 'string') throw invalid(label, 'image is not a string');
  const digest = digestOf(imageDigest, 'imageDigest', label);
  return { images: [{ digest, references: [referenceOf(image, 'image', label)] }] };
}

function readMetadataAction(
  { tags = [], labels = {}, annotations = [] }: JsonObject,
  label: string,
): Partial<BuildMetadata> {
  const values = isJsonObject(labels) ? labels : {};
  if (Object.values(values).some((value) => typeof value !== 'string')) {
    throw invalid(label, 'labels has a value that is not a string');
  }
  const names = stringsOf(tags, 'tags', label);
  return {
    tags: names.map((name) =>
      isTag(name) ? name : formatReference(withDefaultTag(referenceOf(name, 'tags', label))),
    ),
    labels: values as Readonly<Record<string, string>>,
    // An index in a registry has no descriptor to annotate.
    annotations: stringsOf(annotations, 'annotations', label).filter(
      (annotation) => !annotation.startsWith('index-descriptor:'),
    ),
  };
}

/** Reads lines that are a digest, or a reference with a digest. Lines with one digest are one image. */
function readLines(text: string, label: string): Partial<BuildMetadata> {
  const images = new Map<Digest, Reference[]>();
  for (const [index, untrimmed] of text.split('\n').entries()) {
    const line = untrimmed.replace(/^\uFEFF/, '').trim();
    if (line === '') continue;
    const at = `${label}, line ${index + 1}`;
    if (isVerifiableDigest(line)) {
      images.set(line, images.get(line) ?? []);
      continue;
    }
    const reference = referenceOf(line, undefined, at);
    if (reference.digest === undefined) {
      throw new InvalidError(`${at}: ${JSON.stringify(line)} has no digest`, {
        hint: `The file can be ${KINDS}.`,
      });
    }
    const digest = digestOf(reference.digest, undefined, at);
    images.set(digest, [...(images.get(digest) ?? []), reference]);
    if (images.size > MAX_IMAGES) break;
  }
  return { images: Array.from(images, ([digest, references]) => ({ digest, references })) };
}

/** @param member its name in the file, if it has one */
function digestOf(value: unknown, member: string | undefined, label: string): Digest {
  if (typeof value === 'string' && isVerifiableDigest(value)) return value;
  throw invalid(
    label,
    `${member ?? JSON.stringify(value)} is not a digest such as sha256: and 64 lower-case hexadecimal digits`,
  );
}

/** Parses the name of an image, which is always one in a registry: `oci:DIR` is a repository, as for the build tools. */
function referenceOf(text: string, member: string | undefined, label: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new InvalidError(`${label}: ${member === undefined ? '' : `${member}: `}${error.message}`, {
      hint: `The file can be ${KINDS}.`,
      cause: error,
    });
  }
}

function stringsOf(value: unknown, member: string, label: string): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw invalid(label, `${member} is not a list of strings`);
}

function invalid(label: string, problem: string): InvalidError {
  return new InvalidError(`${label}: ${problem}`);
}
