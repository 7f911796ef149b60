import { parseDigest, type Digest } from './digest.js';
import { ArgumentError } from './errors.js';
import { isRefName, REF_NAME_HINT } from './ref-name.js';
import {
  familiarReference,
  formatReference,
  parseReference,
  UNSET_HINT,
  withDefaultTag,
  type RefName,
  type Reference,
} from './reference.js';
import { withoutTrailing } from './trailing.js';

/**
 * An image in an image layout: in a directory (`oci:DIR[:TAG|:@N|@DIGEST]`) or a tar file
 * (`oci-archive:FILE[:TAG|:@N|@DIGEST]`). The position is that in `index.json`. With none of them, its only image.
 */
export interface LayoutLocation {
  readonly transport: 'oci' | 'oci-archive';
  readonly path: string;
  readonly tag?: RefName;
  readonly digest?: Digest;
  /** Counted from 0. An image is never written to a position. */
  readonly position?: number;
}

/**
 * An image in a `docker save` archive: `docker-archive:FILE[:REF|:@N|@DIGEST]`. The digest is that of the image's
 * manifest, or the image ID. The position is that in `manifest.json`. With none of them, its only image.
 */
export interface DockerArchiveLocation {
  readonly transport: 'docker-archive';
  readonly path: string;
  readonly reference?: Reference;
  readonly digest?: Digest;
  /** Counted from 0. */
  readonly position?: number;
}

/** A location in the file system. */
export type PathLocation = LayoutLocation | DockerArchiveLocation;

/**
 * Parses the part after `oci:` or `oci-archive:`. The path ends at the first colon, except that of a Windows drive, as in
 * skopeo: the rest is a tag, which may contain colons. A path that contains colons itself ends with a slash:
 * `/srv/a:b/:1.2`.
 * @throws ArgumentError
 */
export function parseLayoutLocation(transport: LayoutLocation['transport'], text: string): LayoutLocation {
  const { path, name, digest } = splitPath(text);
  checkPath(transport, text, path);
  const layout = { transport, path: withoutTrailingSlashes(path) };
  if (digest !== undefined) return { ...layout, digest: parseDigest(digest) };
  if (name === undefined) return layout;
  if (name === '') throw malformed(transport, text, 'the tag is empty', ` ${UNSET_HINT}`);
  const position = positionIn(name);
  if (position !== undefined) return { ...layout, position };
  if (cutDigest(name)[1] !== undefined) {
    throw malformed(transport, text, 'it has both a tag and a digest');
  }
  if (!isRefName(name)) {
    throw malformed(transport, text, `${JSON.stringify(name)} is not a tag`, ` ${REF_NAME_HINT}`);
  }
  return { ...layout, tag: name };
}

/**
 * Parses the part after `docker-archive:`. The path ends at the first colon, as in {@link parseLayoutLocation}: the rest
 * is a reference, which may contain colons.
 * @throws ArgumentError
 */
export function parseDockerArchive(text: string): DockerArchiveLocation {
  const transport = 'docker-archive';
  const { path, name, digest } = splitPath(text);
  checkPath(transport, text, path);
  const archive = { transport, path: withoutTrailingSlashes(path) } as const;
  if (digest !== undefined) return { ...archive, digest: parseDigest(digest) };
  if (name === undefined) return archive;
  if (name === '') throw malformed(transport, text, 'the reference is empty', ` ${UNSET_HINT}`);
  const position = positionIn(name);
  if (position !== undefined) return { ...archive, position };
  const reference = withDefaultTag(parseReference(name));
  if (reference.digest !== undefined) {
    throw malformed(transport, text, 'it has both a reference and a digest');
  }
  return { ...archive, reference };
}

/**
 * Formats a location in canonical form, which is parsed back to the same location.
 * @param familiar formats references as short as docker does
 */
export function formatPathLocation(location: PathLocation, familiar: boolean): string {
  const { transport, path } = location;
  const selector = formatSelector(location, familiar);
  // Without the slash, a colon or a digest in the path would end it.
  const { path: read } = splitPath(path + selector);
  return `${transport}:${path}${read === path ? '' : '/'}${selector}`;
}

function formatSelector(location: PathLocation, familiar: boolean): string {
  const { digest, position } = location;
  if (digest !== undefined) return `@${digest}`;
  if (position !== undefined) return `:@${position}`;
  if (location.transport !== 'docker-archive') return location.tag === undefined ? '' : `:${location.tag}`;
  if (location.reference === undefined) return '';
  return `:${(familiar ? familiarReference : formatReference)(location.reference)}`;
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

interface SplitPath {
  readonly path: string;
  /** The text after the colon, which may be empty. */
  readonly name?: string;
  /** Not checked. */
  readonly digest?: string;
}

const DRIVE = /^[A-Za-z]:(?=[\\/])/;
/** A path with a colon, ended by a slash: no tag contains `/:` or ends with a slash. */
const ENDED_PATH = /^([^:]*:.*)\/(?=$|:[^/:]|@sha\d+:[^/\\]*$)/s;

/** Splits the text at the end of the path. */
function splitPath(text: string): SplitPath {
  const drive = DRIVE.exec(text)?.[0] ?? '';
  const rest = text.slice(drive.length);
  const [ended = '', endedPath = ''] = ENDED_PATH.exec(rest) ?? [];
  const { path, ...selectors } = splitAtColon(rest.slice(ended.length));
  return { path: drive + endedPath + path, ...selectors };
}

/** Splits at the first colon. That of `DIR@sha256:…` belongs to the digest. */
function splitAtColon(text: string): SplitPath {
  const [image, digest] = cutDigest(text);
  if (digest !== undefined && !image.includes(':')) return { path: image, digest };
  const colon = text.indexOf(':');
  return colon < 0 ? { path: text } : { path: text.slice(0, colon), name: text.slice(colon + 1) };
}

function positionIn(name: string): number | undefined {
  return /^@\d{1,9}$/.test(name) ? Number(name.slice(1)) : undefined;
}

function cutDigest(text: string): [image: string, digest: string | undefined] {
  const match = /^(.*)@(sha\d+:[^/\\]*)$/s.exec(text);
  return match === null ? [text, undefined] : [match[1] ?? '', match[2]];
}

function withoutTrailingSlashes(path: string): string {
  const trimmed = withoutTrailing(path, '/');
  return trimmed === '' && path !== '' ? '/' : trimmed;
}
