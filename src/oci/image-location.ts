import type { Digest } from './digest.js';
import { ArgumentError } from './errors.js';
import {
  formatPathLocation,
  parseDockerArchive,
  parseLayoutLocation,
  type DockerArchiveLocation,
  type LayoutLocation,
} from './path-location.js';
import {
  familiarReference,
  formatReference,
  parseReference,
  withDefaultTag,
  type Reference,
  type Tag,
} from './reference.js';

/** An image in a registry: `app:1.2`, `docker://app:1.2`. */
export interface RegistryLocation {
  readonly transport: 'registry';
  readonly reference: Reference;
}

/** An image that a docker daemon on this machine holds: `docker-daemon:app:1.2`. */
export interface DockerDaemonLocation {
  readonly transport: 'docker-daemon';
  readonly reference: Reference;
}

/** Where an image or an index can be published, as well as read. */
export type TargetLocation = RegistryLocation | LayoutLocation;

/** Where an image or an index is, or is to be. */
export type ImageLocation = TargetLocation | DockerArchiveLocation | DockerDaemonLocation;

const DOCKER = 'docker://';
const TRANSPORTS = ['oci', 'oci-archive', 'docker-archive', 'docker-daemon'] as const;

/**
 * Parses where an image is: a reference or `docker://REF`, tag `latest` by default; `oci:DIR[:TAG|@DIGEST]`,
 * `oci-archive:FILE[:TAG|@DIGEST]`, `docker-archive:FILE[:REF|@DIGEST]` or `docker-daemon:REF`.
 *
 * What begins with such a prefix is never a repository of that name: the repository `oci` with a tag is written
 * `docker://oci:1.2`. A path is kept as given, but for slashes at the end of a layout's: a slash there
 * (`oci:/srv/a:b/`) keeps a last part with a colon together.
 * @throws ArgumentError
 */
export function parseImageLocation(text: string): ImageLocation {
  const transport = transportOf(text);
  if (transport === undefined) {
    const reference = parseReference(text.startsWith(DOCKER) ? text.slice(DOCKER.length) : text);
    return { transport: 'registry', reference: withDefaultTag(reference) };
  }
  const rest = text.slice(transport.length + 1);
  if (transport === 'docker-archive') return parseDockerArchive(rest);
  if (transport === 'docker-daemon') {
    if (rest === '') {
      throw new ArgumentError('docker-daemon: names no image', { hint: 'Write docker-daemon:REFERENCE.' });
    }
    return { transport, reference: withDefaultTag(parseReference(rest)) };
  }
  return parseLayoutLocation(transport, rest);
}

/**
 * The canonical text, which {@link parseImageLocation} reads back as the same location: a reference in full
 * (`docker.io/library/app:1.2`), or `oci:PATH:TAG`.
 */
export function formatImageLocation(location: ImageLocation): string {
  return format(location, false);
}

/** For display: a reference as short as docker prints it, all else as {@link formatImageLocation} writes it. */
export function familiarLocation(location: ImageLocation): string {
  return format(location, true);
}

/** Whether something can be published there. */
export function isTargetLocation(location: ImageLocation): location is TargetLocation {
  return location.transport !== 'docker-archive' && location.transport !== 'docker-daemon';
}

/** What a location names within its repository or layout. */
export function nameIn(location: TargetLocation): { readonly tag?: Tag; readonly digest?: Digest } {
  return location.transport === 'registry' ? location.reference : location;
}

/** The same repository or layout under this tag, and no digest. */
export function withTag(location: TargetLocation, tag: Tag): TargetLocation {
  if (location.transport !== 'registry') return { transport: location.transport, path: location.path, tag };
  const { registry, path } = location.reference;
  return { transport: 'registry', reference: { registry, path, tag } };
}

/** What has this digest in the same repository, layout or archive. */
export function withDigest(location: TargetLocation, digest: Digest): TargetLocation;
export function withDigest(location: ImageLocation, digest: Digest): ImageLocation;
export function withDigest(location: ImageLocation, digest: Digest): ImageLocation {
  if ('path' in location) return { transport: location.transport, path: location.path, digest };
  const { registry, path } = location.reference;
  return { transport: location.transport, reference: { registry, path, digest } };
}

/** Whether the text names something on this machine: a directory, a file or a daemon. */
export function isLocalName(text: string): boolean {
  return transportOf(text) !== undefined;
}

function transportOf(text: string): (typeof TRANSPORTS)[number] | undefined {
  return TRANSPORTS.find((transport) => text.startsWith(`${transport}:`));
}

function format(location: ImageLocation, familiar: boolean): string {
  if ('path' in location) return formatPathLocation(location, familiar);
  const reference = (familiar ? familiarReference : formatReference)(location.reference);
  if (location.transport === 'docker-daemon') return `docker-daemon:${reference}`;
  // A registry or repository may be called `oci`; then only the transport tells it from a layout.
  return isLocalName(reference) ? DOCKER + reference : reference;
}
