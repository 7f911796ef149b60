import { isVerifiableDigest, parseDigest } from './digest.js';
import { ArgumentError } from './errors.js';
import type { LayoutLocation } from './path-location.js';
import { parseTag } from './reference.js';
import { withoutTrailing } from './trailing.js';

const SCHEME = /^(oci-layout|ocidir):\/\//;
/** As buildx and regctl split it: the path may contain colons and "@". */
const PARTS = /^(.*?)(?::(\w[\w.-]{0,127}))?(?:@([A-Za-z][\w+.-]*:[A-Fa-f0-9]+))?$/s;

/** Reports whether a name is the URL of an image layout, as in buildx and regctl. */
export function isLayoutUrl(text: string): boolean {
  return SCHEME.test(text);
}

/** Reports whether the URL of an image layout has neither a tag nor a digest. */
export function isUntaggedUrl(text: string): boolean {
  const [, , tag, digest] = PARTS.exec(text.replace(SCHEME, '')) ?? [];
  return tag === undefined && digest === undefined;
}

/**
 * Parses buildx's `oci-layout://DIR[:TAG][@DIGEST]` or regctl's `ocidir://DIR[:TAG][@DIGEST]`. As there, the tag is `latest`
 * by default, and a digest takes precedence over a tag.
 * @throws ArgumentError
 */
export function parseLayoutUrl(text: string): LayoutLocation {
  const [, path = '', tag = 'latest', digest] = PARTS.exec(text.replace(SCHEME, '')) ?? [];
  // As in `oci:DIR`, the form in which locations are written.
  if (path === '' || path.startsWith('//')) {
    const [scheme] = text.split(':');
    const problem = path === '' ? 'the directory is missing' : '"//" does not start the path of a directory';
    throw new ArgumentError(`invalid image layout ${JSON.stringify(text)}: ${problem}`, {
      hint: `Write ${scheme}://DIR:TAG or ${scheme}://DIR@DIGEST.`,
    });
  }
  const directory = path[0] + withoutTrailing(path.slice(1), '/');
  if (digest === undefined) return { transport: 'oci', path: directory, tag: parseTag(tag) };
  const parsed = parseDigest(digest);
  if (isVerifiableDigest(parsed)) return { transport: 'oci', path: directory, digest: parsed };
  // `oci:DIR@DIGEST` could not be read back: with another algorithm, `@` belongs to the path there.
  const problem = `the digest ${JSON.stringify(digest)} is neither sha256 nor sha512`;
  throw new ArgumentError(`invalid image layout ${JSON.stringify(text)}: ${problem}`);
}
