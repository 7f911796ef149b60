import { isVerifiableDigest } from './digest.js';
import { ArgumentError } from './errors.js';
import { isTag, type RefName } from './reference.js';

// The grammar of the image-spec. Separators and alphanumerics never overlap, so matching takes linear time.
const COMPONENT = '[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*';
const REF_NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);

/** What a tag in a layout looks like, for hints. */
export const REF_NAME_HINT =
  'A tag in a layout is letters and digits, joined by single "-", ".", "_", ":", "@", "+" or "/", or by "--".';

/**
 * Reports whether the text can select an image in a layout by its name: it matches the grammar of the image-spec
 * ("org.opencontainers.image.ref.name"), or is a tag that a registry may have (`v1__2`). A digest is not a name, nor is a
 * name that ends in one (`app@sha256:…`), although the grammar allows both.
 */
export function isRefName(text: string): text is RefName {
  const digest = text.slice(text.lastIndexOf('@') + 1);
  return (REF_NAME.test(text) || isTag(text)) && !isVerifiableDigest(digest);
}

/** @throws ArgumentError */
export function parseRefName(text: string): RefName {
  if (isRefName(text)) return text;
  throw new ArgumentError(`invalid tag ${JSON.stringify(text)}`, { hint: REF_NAME_HINT });
}

/**
 * Checks a name that is about to be written: skopeo and podman accept only the grammar of the image-spec.
 * @throws ArgumentError
 */
export function checkWrittenRefName(name: RefName): void {
  if (REF_NAME.test(name)) return;
  throw new ArgumentError(`${JSON.stringify(name)} cannot be a tag in a layout`, { hint: REF_NAME_HINT });
}
