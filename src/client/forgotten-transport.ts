import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';

import { isArchive, SIGNATURE_BLOCK } from '../layout/tar/file-signatures.js';
import { archiveHint } from '../layout/tar/transport-hints.js';
import { ArgumentError } from '../oci/errors.js';
import { foreignTransport, isLocalName, type ImageLocation } from '../oci/image-location.js';
import { isKnownArchitecture } from '../oci/known-platforms.js';
import { normalisePlatform } from '../oci/platform.js';
import { hasRegistry, isReference } from '../oci/reference.js';

/** Something on this machine that an image is read from, and how it is named. */
interface LocalImage {
  readonly kind: string;
  readonly hint: string;
}

const ARCHIVE_NAME = /\.(?:tar|tgz|tar\.gz|tar\.zst)$/i;

/** A path that ends with an architecture: `arm64`, `build/linux-arm64`, `arm/v7`. */
const ARCHITECTURE_PATH = /(?:^|[/-])([^/-]+)(?:[/-]v\d+)?\/*$/;

/**
 * Refuses a name that would be looked up in a registry although a local image was meant: one with a transport of skopeo that
 * is not read, and the path of a layout or an archive, of a directory of skopeo's `dir:`, or of a directory named like an
 * architecture. Other directories are ignored, since many have the name of an image.
 * @throws ArgumentError that says how the image is named
 */
export function checkTransport(name: string): void {
  if (isLocalName(name) || name.includes('://')) return;
  const foreign = foreignTransport(name);
  if (foreign !== undefined) {
    throw new ArgumentError(`${JSON.stringify(name)}: multiarch does not read the transport ${foreign}:`, {
      hint: `Copy it first: skopeo copy --all ${name} oci:DIR:TAG. A repository of this name is docker://${name}.`,
    });
  }
  const [, path = '', image = ''] = /^([^:@]*)([:@].*)?$/s.exec(name) ?? [];
  const isPath = /^\.{0,2}\//.test(name) || !hasRegistry(name);
  const found = (isPath ? directoryImage(path, image) : undefined) ?? archiveImage(path, image, isPath);
  if (found === undefined) return;
  const insist = isReference(name)
    ? ` For the image of this name in a registry, write docker://${name}.`
    : '';
  throw new ArgumentError(`${JSON.stringify(path)} is ${found.kind} on this machine`, {
    hint: `${found.hint}${insist}`,
  });
}

/** Returns the warning for a layout that is about to be created and named like a tar file. */
export function archiveNameWarning(location: ImageLocation): string | undefined {
  if (location.transport !== 'oci' || !ARCHIVE_NAME.test(location.path)) return undefined;
  if (statOf(location.path) !== undefined) return undefined;
  return `oci:${location.path} will be a directory; oci-archive:${location.path} writes a tar file`;
}

/** @throws ArgumentError for a file named like an image archive, which is no document */
export function checkDocumentFile(path: string): void {
  if (!ARCHIVE_NAME.test(path) || statOf(path)?.isFile() !== true) return;
  throw new ArgumentError(`${path} is an image archive, not a document`, { hint: archiveHint(path) });
}

/** Reports whether a path is an archive of images, by its name or its first bytes. */
function isArchiveFile(path: string): boolean {
  return statOf(path)?.isFile() === true && (ARCHIVE_NAME.test(path) || startsAsArchive(path));
}

/** @param image what follows the path: a tag, a digest or nothing */
function directoryImage(path: string, image: string): LocalImage | undefined {
  if (statOf(path)?.isDirectory() !== true) return undefined;
  const has = (...names: string[]): boolean => names.every((name) => statOf(join(path, name)) !== undefined);
  if (has('oci-layout') || has('index.json', 'blobs')) {
    const names = image === '' ? `oci:${path} or oci:${path}:TAG` : `oci:${path}${image}`;
    return { kind: 'an image layout', hint: `Write ${names}.` };
  }
  if (image !== '') return undefined;
  if (has('version', 'manifest.json')) {
    const hint = `Copy it first: skopeo copy --all dir:${path} oci:DIR:TAG.`;
    return { kind: 'a directory of skopeo', hint };
  }
  const [, architecture = ''] = ARCHITECTURE_PATH.exec(path) ?? [];
  if (!isKnownArchitecture(normalisePlatform({ architecture }).architecture)) return undefined;
  return { kind: 'a directory', hint: `If it is an image layout, write oci:${path}.` };
}

/** @param isPath whether a file is an archive by its first bytes too, since its name names no registry */
function archiveImage(path: string, image: string, isPath: boolean): LocalImage | undefined {
  if (!isArchiveFile(path) || !(isPath || ARCHIVE_NAME.test(path))) return undefined;
  return { kind: 'an image archive', hint: archiveHint(path, image) };
}

function startsAsArchive(path: string): boolean {
  try {
    const start = Buffer.alloc(SIGNATURE_BLOCK);
    const file = openSync(path, 'r');
    try {
      readSync(file, start);
    } finally {
      closeSync(file);
    }
    return isArchive(start);
  } catch {
    return false;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
