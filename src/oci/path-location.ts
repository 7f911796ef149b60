import { parseDigest, type Digest } from './digest.js';
import { ArgumentError } from './errors.js';
import {
  familiarReference,
  formatReference,
  isTag,
  parseReference,
  parseTag,
  withDefaultTag,
  type Reference,
  type Tag,
} from './reference.js';

/**
 * An image in an image layout: in a directory (`oci:DIR[:TAG|@DIGEST]`) or a tar file
 * (`oci-archive:FILE[:TAG|@DIGEST]`). With neither tag nor digest, its only image.
 */
export interface LayoutLocation {
  readonly transport: 'oci' | 'oci-archive';
  readonly path: string;
  readonly tag?: Tag;
  readonly digest?: Digest;
}

/**
 * An image in a `docker save` archive: `docker-archive:FILE[:REF|@DIGEST]`. With neither reference nor digest, its only
 * image. The digest is that of the image's manifest.
 */
export interface DockerArchiveLocation {
  readonly transport: 'docker-archive';
  readonly path: string;
  readonly reference?: Reference;
  readonly digest?: Digest;
}

/** A location in the file system. */
export type PathLocation = LayoutLocation | DockerArchiveLocation;

/**
 * Parses the part after `oci:` or `oci-archive:`. The path may contain colons: the text after the last colon is a tag
 * only if it matches the grammar of tags.
 * @throws ArgumentError
 */
export function parseLayoutLocation(transport: LayoutLocation['transport'], text: string): LayoutLocation {
  const { path, tag, digest } = splitLayout(text);
  checkPath(transport, text, path);
  if (tag === '') throw malformed(transport, text, 'the tag is empty');
  if (tag !== undefined && digest !== undefined) {
    throw malformed(transport, text, 'it has both a tag and a digest');
  }
  return {
    transport,
    path,
    ...(tag !== undefined && { tag: parseTag(tag) }),
    ...(digest !== undefined && { digest: parseDigest(digest) }),
  };
}

/**
 * Parses the part after `docker-archive:`. The path ends at the first colon, except that of a Windows drive, as in
 * skopeo: the rest is a reference, which may contain colons.
 * @throws ArgumentError
 */
export function parseDockerArchive(text: string): DockerArchiveLocation {
  const transport = 'docker-archive';
  const { path, name, digest } = splitDockerArchive(text);
  checkPath(transport, text, path);
  if (name === '') throw malformed(transport, text, 'the reference is empty');
  const reference = name === undefined ? undefined : withDefaultTag(parseReference(name));
  if (reference?.digest !== undefined) {
    throw malformed(transport, text, 'it has both a reference and a digest');
  }
  return {
    transport,
    path,
    ...(reference !== undefined && { reference }),
    ...(digest !== undefined && { digest: parseDigest(digest) }),
  };
}

/**
 * Formats a location in canonical form, which is parsed back to the same location.
 * @param familiar formats references as short as docker does
 */
export function formatPathLocation(location: PathLocation, familiar: boolean): string {
  if (location.transport !== 'docker-archive') return formatLayout(location);
  const { transport, path, reference, digest } = location;
  const format = familiar ? familiarReference : formatReference;
  const name = reference === undefined ? '' : `:${format(reference)}`;
  return `${transport}:${path}${name}${digest === undefined ? '' : `@${digest}`}`;
}

function checkPath(transport: PathLocation['transport'], text: string, path: string): void {
  const kind = transport === 'oci' ? 'directory' : 'file';
  if (path === '') throw malformed(transport, text, `the ${kind} is missing`);
  if (!path.startsWith('//')) return;
  const hint = ' An image in a registry is docker://REFERENCE.';
  throw malformed(transport, text, `"//" does not start the path of a ${kind}`, hint);
}

const HINTS: Readonly<Record<PathLocation['transport'], string>> = {
  oci: 'Write oci:DIR, oci:DIR:TAG or oci:DIR@DIGEST.',
  'oci-archive': 'Write oci-archive:FILE, oci-archive:FILE:TAG or oci-archive:FILE@DIGEST.',
  'docker-archive': 'Write docker-archive:FILE, docker-archive:FILE:REFERENCE or docker-archive:FILE@DIGEST.',
};

function malformed(
  transport: PathLocation['transport'],
  text: string,
  problem: string,
  moreHint = '',
): ArgumentError {
  const kind = transport === 'oci' ? 'image layout' : 'image archive';
  return new ArgumentError(`invalid ${kind} ${JSON.stringify(`${transport}:${text}`)}: ${problem}`, {
    hint: HINTS[transport] + moreHint,
  });
}

/** Splits the text into its parts. The digest is not checked, and the tag may be empty. */
function splitLayout(text: string): { path: string; tag?: string; digest?: string } {
  const [image, digest] = cutDigest(text);
  const colon = image.lastIndexOf(':');
  const tag = image.slice(colon + 1);
  const isTagged = colon >= 0 && (tag === '' || isTag(tag));
  return {
    path: withoutTrailingSlashes(isTagged ? image.slice(0, colon) : image),
    ...(isTagged && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

function splitDockerArchive(text: string): { path: string; name?: string; digest?: string } {
  const [, drive = '', rest = ''] = /^([A-Za-z]:(?=[\\/]))?(.*)$/s.exec(text) ?? [];
  const colon = rest.indexOf(':');
  // The colon of `FILE@sha256:…` belongs to the digest.
  const [image, digest] = cutDigest(rest);
  if (digest !== undefined && !image.includes(':')) return { path: drive + image, digest };
  return colon < 0
    ? { path: drive + rest }
    : { path: drive + rest.slice(0, colon), name: rest.slice(colon + 1) };
}

function cutDigest(text: string): [image: string, digest: string | undefined] {
  const match = /^(.*)@(sha\d+:[^/\\]*)$/s.exec(text);
  return match === null ? [text, undefined] : [match[1] ?? '', match[2]];
}

function withoutTrailingSlashes(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' && path !== '' ? '/' : trimmed;
}

/** Appends a slash to a path whose last part would be parsed as a tag or a digest. */
function formatLayout({ transport, path, tag, digest }: LayoutLocation): string {
  const image = (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
  const read = splitLayout(path + image);
  const isReadBack = read.path === path && read.tag === tag && read.digest === digest;
  return `${transport}:${path}${isReadBack ? '' : '/'}${image}`;
}
