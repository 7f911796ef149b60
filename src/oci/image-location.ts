import { parseDigest, type Digest } from './digest.js';
import { ArgumentError } from './errors.js';
import {
  familiarReference,
  formatReference,
  isTag,
  parseReference,
  parseTag,
  sameRepository,
  withDefaultTag,
  type Reference,
  type Tag,
} from './reference.js';

/** An image in a registry: `app:1.2`, `docker://app:1.2`. */
export interface RegistryLocation {
  readonly transport: 'registry';
  readonly reference: Reference;
}

/** An image in an image layout directory: `oci:DIR[:TAG|@DIGEST]`. With neither, the only image there is. */
export interface LayoutLocation {
  readonly transport: 'oci';
  readonly path: string;
  readonly tag?: Tag;
  readonly digest?: Digest;
}

/** Where an image or an index is, or is to be. */
export type ImageLocation = RegistryLocation | LayoutLocation;

const DOCKER = 'docker://';
const LAYOUT = 'oci:';
/** Other places that skopeo and podman know; taking them for repositories of that name would only confuse. */
const UNREAD = ['oci-archive:', 'docker-archive:', 'docker-daemon:'];

/**
 * Parses where an image is: a reference or `docker://REF`, tag `latest` by default, or `oci:DIR[:TAG|@DIGEST]`.
 *
 * What begins with `oci:` is always a layout: the repository `oci` with a tag is written `docker://oci:1.2`.
 * A layout's path is kept as given, but for slashes at its end. It may hold colons: the text after the last one is a
 * tag only where it follows the grammar of tags, so neither `oci:C:\images` nor `oci:/srv/a:b/c` has one, and a slash
 * at the end (`oci:/srv/a:b/`) keeps a last part with a colon together.
 * @throws ArgumentError
 */
export function parseImageLocation(text: string): ImageLocation {
  const unread = UNREAD.find((prefix) => text.startsWith(prefix));
  if (unread !== undefined) {
    throw new ArgumentError(`${JSON.stringify(text)}: this version does not read ${unread} images yet`, {
      hint: 'Copy the image to a registry or into an image layout directory (oci:DIR) first.',
    });
  }
  if (text.startsWith(LAYOUT)) return parseLayout(text.slice(LAYOUT.length));
  const reference = parseReference(text.startsWith(DOCKER) ? text.slice(DOCKER.length) : text);
  return { transport: 'registry', reference: withDefaultTag(reference) };
}

/**
 * The canonical text, which {@link parseImageLocation} reads back as the same location: a reference in full
 * (`docker.io/library/app:1.2`), or `oci:PATH:TAG`.
 */
export function formatImageLocation(location: ImageLocation): string {
  return location.transport === 'oci' ? formatLayout(location) : asImage(formatReference(location.reference));
}

/** For display: a reference as short as docker prints it, a layout as {@link formatImageLocation} writes it. */
export function familiarLocation(location: ImageLocation): string {
  return location.transport === 'oci'
    ? formatLayout(location)
    : asImage(familiarReference(location.reference));
}

/** Whether two locations are the same place by their names. Paths are compared as they are written. */
export function sameLocation(a: ImageLocation, b: ImageLocation): boolean {
  if (a.transport === 'oci') return b.transport === 'oci' && a.path === b.path && sameImage(a, b);
  return (
    b.transport === 'registry' &&
    sameRepository(a.reference, b.reference) &&
    sameImage(a.reference, b.reference)
  );
}

function parseLayout(text: string): LayoutLocation {
  const { path, tag, digest } = splitLayout(text);
  const problem = layoutProblem(path, tag, digest);
  if (problem !== undefined) {
    throw new ArgumentError(`invalid image layout ${JSON.stringify(LAYOUT + text)}: ${problem.message}`, {
      hint: problem.hint,
    });
  }
  return {
    transport: 'oci',
    path,
    ...(tag !== undefined && { tag: parseTag(tag) }),
    ...(digest !== undefined && { digest: parseDigest(digest) }),
  };
}

function layoutProblem(
  path: string,
  tag: string | undefined,
  digest: string | undefined,
): { readonly message: string; readonly hint: string } | undefined {
  const hint = 'Write oci:DIR, oci:DIR:TAG or oci:DIR@DIGEST.';
  if (path.startsWith('//')) {
    return {
      message: 'this is not a directory',
      hint: `${hint} An image in a registry is docker://REFERENCE.`,
    };
  }
  if (path === '') return { message: 'it names no directory', hint };
  if (tag === '') return { message: 'the tag is empty', hint };
  if (tag !== undefined && digest !== undefined) return { message: 'it has both a tag and a digest', hint };
  return undefined;
}

/** Cuts the text into its parts. What is meant as a digest is not checked yet, and a tag may be empty. */
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

function cutDigest(text: string): [image: string, digest: string | undefined] {
  const match = /^(.*)@(sha\d+:[^/\\]*)$/s.exec(text);
  return match === null ? [text, undefined] : [match[1] ?? '', match[2]];
}

function withoutTrailingSlashes(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' && path !== '' ? '/' : trimmed;
}

/** The slash after a path keeps a colon or an at sign in its last part from being read as a tag or a digest. */
function formatLayout({ path, tag, digest }: LayoutLocation): string {
  const image = (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
  const read = splitLayout(path + image);
  const isReadBack = read.path === path && read.tag === tag && read.digest === digest;
  return `${LAYOUT}${path}${isReadBack ? '' : '/'}${image}`;
}

/** A registry or repository may be called `oci`; then only the transport tells it from a layout. */
function asImage(reference: string): string {
  return [LAYOUT, ...UNREAD].some((prefix) => reference.startsWith(prefix)) ? DOCKER + reference : reference;
}

function sameImage(
  a: { readonly tag?: Tag; readonly digest?: Digest },
  b: { readonly tag?: Tag; readonly digest?: Digest },
): boolean {
  return a.tag === b.tag && a.digest === b.digest;
}
