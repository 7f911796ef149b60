import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';

import { detectCompression } from '../layout/tar/file-signatures.js';
import { ArgumentError } from '../oci/errors.js';
import { foreignTransport, isLocalName } from '../oci/image-location.js';
import { isKnownArchitecture } from '../oci/known-platforms.js';
import { hasRegistry, isReference } from '../oci/reference.js';

/** Something on this machine that an image is read from, and how it is named. */
interface LocalImage {
  readonly kind: string;
  readonly hint: string;
}

const ARCHIVE_NAME = /\.(?:tar|tgz|tar\.gz|tar\.zst)$/i;
const BLOCK = 512;
/** Entries that are looked at before the kind of an archive is given up. */
const MAX_ENTRIES = 1000;

/**
 * Refuses a name with a transport of skopeo that is not read, which would be a repository with a tag, and a name that would be looked up on Docker Hub although a file or directory of that name has an image: a layout or a
 * directory of skopeo's `dir:` for a name as it was typed, a directory named like an architecture, or a tar file. A name with
 * a tag, such as `app:1.2` beside a directory `app`, is not refused.
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
  const isPath = /^\.{0,2}\//.test(name);
  const found = (isPath || !hasRegistry(name) ? imageAt(name) : undefined) ?? taggedArchive(name);
  if (found === undefined) return;
  const insist = isReference(name)
    ? ` For the image of this name in a registry, write docker://${name}.`
    : '';
  throw new ArgumentError(`${JSON.stringify(name)} is ${found.kind} on this machine`, {
    hint: `${found.hint}${insist}`,
  });
}

function imageAt(path: string): LocalImage | undefined {
  const stats = statOf(path);
  if (stats?.isDirectory() === true) return directoryImage(path);
  return stats?.isFile() === true ? archiveImage(path, '') : undefined;
}

function directoryImage(path: string): LocalImage | undefined {
  const has = (...names: string[]): boolean => names.every((name) => statOf(join(path, name)) !== undefined);
  if (has('oci-layout') || has('index.json', 'blobs')) {
    return { kind: 'an image layout', hint: `Write oci:${path} or oci:${path}:TAG.` };
  }
  if (has('version', 'manifest.json')) {
    const hint = `Copy it first: skopeo copy --all dir:${path} oci:DIR:TAG`;
    return { kind: 'a directory of skopeo', hint: `${hint}.` };
  }
  if (!isKnownArchitecture(path)) return undefined;
  return { kind: 'a directory', hint: `If it is an image layout, write oci:${path}.` };
}

/** @param image what follows the path: a tag, a digest or nothing */
function archiveImage(path: string, image: string): LocalImage | undefined {
  const kinds = archiveKinds(path);
  if (kinds === undefined && !ARCHIVE_NAME.test(path)) return undefined;
  const names = (kinds ?? ['oci', 'docker']).map((kind) => `${kind}-archive:${path}${image}`);
  return { kind: 'an image archive', hint: `Write ${names.join(' or ')}.` };
}

/** The archive of `FILE.tar:TAG` or `FILE.tar@DIGEST`. */
function taggedArchive(name: string): LocalImage | undefined {
  const [, path = '', image = ''] = /^([^:@]*)([:@].*)?$/s.exec(name) ?? [];
  return ARCHIVE_NAME.test(path) && statOf(path)?.isFile() === true ? archiveImage(path, image) : undefined;
}

/** Returns the kinds of archive that a tar file can be; `undefined` for a file that is no tar file. */
function archiveKinds(path: string): readonly ('oci' | 'docker')[] | undefined {
  try {
    const start = firstNames(path);
    if (start === undefined) return undefined;
    const kinds = [
      ...(start.has('oci-layout') ? (['oci'] as const) : []),
      ...(start.has('manifest.json') ? (['docker'] as const) : []),
    ];
    return kinds.length > 0 ? kinds : ['oci', 'docker'];
  } catch {
    return undefined;
  }
}

/** Returns the first names in a tar file, none if it is compressed; `undefined` if it is no tar file. */
function firstNames(path: string): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  const header = Buffer.alloc(BLOCK);
  const file = openSync(path, 'r');
  try {
    for (let offset = 0; names.size < MAX_ENTRIES && readSync(file, header, 0, BLOCK, offset) === BLOCK;) {
      if (offset === 0 && detectCompression(header) !== undefined) return names;
      if (header.toString('latin1', 257, 262) !== 'ustar') break;
      names.add(text(header, 0, 100).replace(/^\.\//, ''));
      offset += BLOCK + Math.ceil(Number.parseInt(text(header, 124, 136), 8) / BLOCK) * BLOCK;
    }
  } finally {
    closeSync(file);
  }
  return names.size === 0 ? undefined : names;
}

function text(header: Buffer, start: number, end: number): string {
  return header.toString('utf8', start, end).replace(/\0.*$/s, '');
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
