import { parseDigest, type Digest } from './digest.js';
import { ArgumentError } from './errors.js';
import { isLayoutUrl, isUntaggedUrl, parseLayoutUrl } from './layout-url.js';
import {
  formatPathLocation,
  parseDockerArchive,
  parseLayoutLocation,
  type DockerArchiveLocation,
  type LayoutLocation,
} from './path-location.js';
import { isRefName, parseRefName } from './ref-name.js';
import {
  familiarReference,
  formatReference,
  isTag,
  parseReference,
  parseTag,
  withDefaultTag,
  type RefName,
  type Reference,
} from './reference.js';

/** An image in a registry: `app:1.2`, `docker://app:1.2`. */
export interface RegistryLocation {
  readonly transport: 'registry';
  readonly reference: Reference;
}

/** An image in a docker daemon on this machine: `docker-daemon:app:1.2`. */
export interface DockerDaemonLocation {
  readonly transport: 'docker-daemon';
  readonly reference: Reference;
}

/**
 * An image in an object of the running program: `(LABEL):TAG` or `(LABEL)@DIGEST`. Only the client that was given the
 * object can open it. No reference begins with a parenthesis.
 */
export interface ObjectLocation {
  readonly transport: 'object';
  readonly label: string;
  readonly tag?: RefName;
  readonly digest?: Digest;
}

/** Where an image or an index can be published, as well as read. */
export type TargetLocation = RegistryLocation | LayoutLocation | ObjectLocation;

/** The location of an image or an index. */
export type ImageLocation = TargetLocation | DockerArchiveLocation | DockerDaemonLocation;

const DOCKER = 'docker://';
const OBJECT = /^\((.*)\)(?::([^)]*)|@([^)]*))$/s;
/** Transports of skopeo and podman that are not read. */
const FOREIGN_TRANSPORTS = ['dir', 'containers-storage', 'ostree', 'sif', 'tarball'] as const;
const TRANSPORTS = ['oci', 'oci-archive', 'docker-archive', 'docker-daemon'] as const;

/**
 * Parses a location: a reference or `docker://REF`, with the tag `latest` by default; `oci:DIR[:TAG|:@N|@DIGEST]`,
 * `oci-archive:FILE[:TAG|:@N|@DIGEST]`, `docker-archive:FILE[:REF|:@N|@DIGEST]` or `docker-daemon:REF`. For users of
 * buildx and regctl, also `oci-layout://DIR[:TAG]` and `ocidir://DIR[:TAG]`, with the tag `latest` by default.
 *
 * A prefix always takes precedence over a repository of the same name: the repository `oci` with a tag is
 * `docker://oci:1.2`. Paths are kept as given, except that trailing slashes are removed. They end at the first colon; a
 * path with a colon ends with a slash (`oci:/srv/a:b/`).
 * @throws ArgumentError
 */
export function parseImageLocation(text: string): ImageLocation {
  const location = parseLocation(text);
  if (!('reference' in location) || location.transport === 'docker-archive') return location;
  return { ...location, reference: withDefaultTag(location.reference) };
}

/** Reports whether a text names a repository, a layout or an archive as a whole, with neither a tag nor a digest. */
export function isUntagged(text: string): boolean {
  const location = parseLocation(text);
  if (!isTargetLocation(location)) return false;
  // Its default tag is not written.
  if (isLayoutUrl(text)) return isUntaggedUrl(text);
  const { tag, digest } = nameIn(location);
  return tag === undefined && digest === undefined;
}

function parseLocation(text: string): ImageLocation {
  const object = parseObjectLocation(text);
  if (object !== undefined) return object;
  if (isLayoutUrl(text)) return parseLayoutUrl(text);
  const transport = transportOf(text);
  if (transport === undefined) {
    const reference = parseReference(isExplicitRegistryName(text) ? text.slice(DOCKER.length) : text);
    return { transport: 'registry', reference };
  }
  const rest = text.slice(transport.length + 1);
  if (transport === 'docker-archive') return parseDockerArchive(rest);
  if (transport === 'docker-daemon') {
    if (rest === '') {
      throw new ArgumentError('docker-daemon: has no image name', { hint: 'Write docker-daemon:REFERENCE.' });
    }
    return { transport, reference: parseReference(rest) };
  }
  return parseLayoutLocation(transport, rest);
}

/**
 * Formats a location in canonical form, which {@link parseImageLocation} parses back: a full reference
 * (`docker.io/library/app:1.2`) or `oci:PATH:TAG`.
 */
export function formatImageLocation(location: ImageLocation): string {
  return format(location, false);
}

/** Formats a location for display: a reference as short as in docker, any other as {@link formatImageLocation} does. */
export function familiarLocation(location: ImageLocation): string {
  return format(location, true);
}

/** Reports whether an image can be published to the location: not to a position in a layout, for example. */
export function isTargetLocation(location: ImageLocation): location is TargetLocation {
  if ('position' in location) return false;
  return location.transport !== 'docker-archive' && location.transport !== 'docker-daemon';
}

/**
 * Reports whether a text is a tag alone, and not a complete name. A layout may have tags that a registry cannot have:
 * `1.2+b5`.
 */
export function isTagIn(text: string, { transport }: ImageLocation): text is RefName {
  return isTag(text) || (transport !== 'registry' && !/[/:@]/.test(text) && isRefName(text));
}

/** Returns the tag and the digest of a location within its repository or layout. */
export function nameIn(location: TargetLocation): { readonly tag?: RefName; readonly digest?: Digest } {
  return location.transport === 'registry' ? location.reference : location;
}

/**
 * Returns the location of a tag in the same repository or layout.
 * @throws ArgumentError if a registry cannot have the tag
 */
export function withTag(location: TargetLocation, tag: RefName): TargetLocation {
  if (location.transport === 'object') return { transport: 'object', label: location.label, tag };
  if (location.transport !== 'registry') return { transport: location.transport, path: location.path, tag };
  const { registry, path } = location.reference;
  return { transport: 'registry', reference: { registry, path, tag: parseTag(tag) } };
}

/** Returns the name of a location's repository, layout or archive as a whole: `docker.io/library/app`, `oci:DIR`. */
export function repositoryName(location: ImageLocation): string {
  if (location.transport === 'object') return `(${location.label})`;
  if ('path' in location) {
    const { transport, path } = location;
    return formatImageLocation({ transport, path });
  }
  const { registry, path } = location.reference;
  return formatImageLocation({ transport: location.transport, reference: { registry, path } });
}

/** Returns the location of a digest in the same repository, layout or archive. */
export function withDigest(location: TargetLocation, digest: Digest): TargetLocation;
export function withDigest(location: ImageLocation, digest: Digest): ImageLocation;
export function withDigest(location: ImageLocation, digest: Digest): ImageLocation {
  if (location.transport === 'object') return { transport: 'object', label: location.label, digest };
  if ('path' in location) return { transport: location.transport, path: location.path, digest };
  const { registry, path } = location.reference;
  return { transport: location.transport, reference: { registry, path, digest } };
}

/** Reports whether the text names an image in a registry explicitly, as `docker://REF`: a draft of that name is ignored. */
export function isExplicitRegistryName(text: string): boolean {
  return text.startsWith(DOCKER);
}

/** Reports whether the text is a location on this machine: a directory, a file or a daemon. */
export function isLocalName(text: string): boolean {
  return isLayoutUrl(text) || transportOf(text) !== undefined;
}

function parseObjectLocation(text: string): ObjectLocation | undefined {
  const [, label, tag, digest] = OBJECT.exec(text) ?? [];
  if (label === undefined) return undefined;
  if (tag !== undefined) return { transport: 'object', label, tag: parseRefName(tag) };
  return { transport: 'object', label, digest: parseDigest(digest ?? '') };
}

/** Returns the transport of skopeo or podman that a name starts with, if it is one that is not read: `dir`. */
export function foreignTransport(text: string): string | undefined {
  return FOREIGN_TRANSPORTS.find((transport) => text.startsWith(`${transport}:`));
}

function transportOf(text: string): (typeof TRANSPORTS)[number] | undefined {
  return TRANSPORTS.find((transport) => text.startsWith(`${transport}:`));
}

function format(location: ImageLocation, familiar: boolean): string {
  if (location.transport === 'object') {
    const { label, tag, digest } = location;
    return `(${label})${digest === undefined ? `:${tag ?? ''}` : `@${digest}`}`;
  }
  if ('path' in location) return formatPathLocation(location, familiar);
  const reference = (familiar ? familiarReference : formatReference)(location.reference);
  if (location.transport === 'docker-daemon') return `docker-daemon:${reference}`;
  // A registry or repository called `oci` needs the prefix, since without it the text would be a layout.
  return isLocalName(reference) ? DOCKER + reference : reference;
}
